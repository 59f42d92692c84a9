/// A counted-by-nobody reference to a broker object: connection, channel, queue, consumer.
///
/// Hot objects stay out of reference counting (one retain and release costs as much as a whole
/// frame walk), so they live in manually managed memory and are reached through handles. The
/// owner in the object graph calls `destroy()` exactly once; a handle kept beyond that dangles,
/// which is why only the core stores handles, always under its virtual host's lock, and why
/// whole sessions are fuzzed under AddressSanitizer.
///
/// Behaviour lives in methods on the handle, never in `mutating` methods of the state: a
/// connection that publishes to its own consumer re-enters itself, which `inout self` forbids.
@safe
struct Handle<State: ~Copyable>: Equatable, Hashable {
    private let pointer: UnsafeMutablePointer<State>

    /// Moves `state` to the heap.
    init(_ state: consuming State) {
        unsafe pointer = .allocate(capacity: 1)
        unsafe pointer.initialize(to: state)
    }

    /// The object, in place.
    var state: State {
        @inline(__always) unsafeAddress { unsafe UnsafePointer(pointer) }
        @inline(__always) nonmutating unsafeMutableAddress { unsafe pointer }
    }

    /// Ends the object's life; every other handle to it dangles from here on.
    func destroy() {
        unsafe pointer.deinitialize(count: 1)
        unsafe pointer.deallocate()
    }

    @inline(__always)
    static func == (left: Self, right: Self) -> Bool { unsafe left.pointer == right.pointer }

    func hash(into hasher: inout Hasher) { unsafe hasher.combine(pointer) }
}
