import Wire

/// Octets with one owner and a stable address, for what the hot path compares or copies often.
///
/// An array would do but for the retain and release around every look at it.
@safe
struct OwnedBytes: ~Copyable {
    private var base: UnsafeMutableRawPointer?
    private var capacity = 0
    private(set) var count = 0

    /// No octets and no memory.
    init() { unsafe base = nil }

    init(_ view: ByteView) {
        unsafe base = nil
        replace(with: view)
    }

    init(_ bytes: [UInt8]) {
        unsafe base = nil
        ByteView.with(bytes) { view in replace(with: view) }
    }

    /// Holds other octets from now on, in the same memory if there is room.
    mutating func replace(with view: ByteView) {
        if view.count > capacity {
            unsafe base?.deallocate()
            unsafe base = .allocate(byteCount: view.count, alignment: 8)
            capacity = view.count
        }
        count = view.count
        if let base = unsafe base {
            unsafe base.copyMemory(from: view.base, byteCount: view.count)
        }
    }

    deinit { unsafe base?.deallocate() }

    /// The octets; valid as long as the owner lives.
    @inline(__always)
    var view: ByteView {
        guard let base = unsafe base else { return .empty }
        return unsafe ByteView(base: UnsafeRawPointer(base), count: count)
    }
}
