/// A queue: messages in order, and the consumers that take turns on them.
typealias Queue = Handle<QueueState>

/// The state behind a `Queue` handle.
struct QueueState: ~Copyable {
    let name: [UInt8]
}
