/// An exchange: decides which queues a message goes to.
typealias Exchange = Handle<ExchangeState>

/// The state behind an `Exchange` handle.
struct ExchangeState: ~Copyable {
    let name: [UInt8]
}
