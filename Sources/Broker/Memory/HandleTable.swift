/// Handles by a small number: the channels of a connection.
///
/// Clients number channels from 1 up, so a plain table is the smallest and fastest map. It starts
/// without memory and doubles; 65,536 numbers are the end of it.
@safe
struct HandleTable<State: ~Copyable>: ~Copyable {
    private var slots: UnsafeMutablePointer<Handle<State>?>?
    private var capacity = 0

    /// The handle under a number.
    @inline(__always)
    subscript(number: UInt16) -> Handle<State>? {
        guard let slots = unsafe slots, Int(number) < capacity else { return nil }
        return unsafe slots[Int(number)]
    }

    mutating func set(_ handle: Handle<State>?, at number: UInt16) {
        if Int(number) >= capacity {
            guard handle != nil else { return }
            grow(toHold: Int(number))
        }
        guard let slots = unsafe slots else { return }
        unsafe slots[Int(number)] = handle
    }

    private mutating func grow(toHold number: Int) {
        var larger = max(capacity * 2, 4)
        while larger <= number { larger *= 2 }
        let fresh = UnsafeMutablePointer<Handle<State>?>.allocate(capacity: larger)
        unsafe fresh.initialize(repeating: nil, count: larger)
        if let old = unsafe slots {
            unsafe fresh.update(from: old, count: capacity)
            unsafe old.deallocate()
        }
        unsafe slots = fresh
        capacity = larger
    }

    /// Calls `body` with every handle, lowest number first; `body` may change the table.
    func forEach(_ body: (Handle<State>) -> Void) {
        for number in 0..<capacity {
            if let handle = self[UInt16(truncatingIfNeeded: number)] { body(handle) }
        }
    }

    deinit { unsafe slots?.deallocate() }
}
