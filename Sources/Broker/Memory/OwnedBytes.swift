import Wire

/// Octets with one owner and a stable address, for what the hot path compares or copies often.
///
/// An array would do but for the retain and release around every look at it.
@safe
struct OwnedBytes: ~Copyable {
    private let base: UnsafeMutableRawPointer?
    let count: Int

    /// No octets and no memory.
    init() {
        unsafe base = nil
        count = 0
    }

    init(_ view: ByteView) {
        count = view.count
        guard count > 0 else {
            unsafe base = nil
            return
        }
        let block = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 8)
        unsafe block.copyMemory(from: view.base, byteCount: count)
        unsafe base = block
    }

    init(_ bytes: [UInt8]) {
        count = bytes.count
        guard count > 0 else {
            unsafe base = nil
            return
        }
        let block = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 8)
        ByteView.with(bytes) { view in
            unsafe block.copyMemory(from: view.base, byteCount: view.count)
        }
        unsafe base = block
    }

    deinit { unsafe base?.deallocate() }

    /// The octets; valid as long as the owner lives.
    @inline(__always)
    var view: ByteView {
        guard let base = unsafe base else { return .empty }
        return unsafe ByteView(base: UnsafeRawPointer(base), count: count)
    }
}
