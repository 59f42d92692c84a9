import TestSupport
import Testing
import Wire

@testable import Broker

/// What clients of streams say in tests.
extension ScriptedPeer {
    /// Asks for a stream; the answer is left to be expected.
    func askForStream(_ name: ShortString, _ arguments: FieldTable = [:]) {
        var all: FieldTable = ["x-queue-type": "stream"]
        for entry in arguments.entries { all[entry.name] = entry.value }
        send(QueueDeclare(queue: name, durable: true, arguments: all))
    }

    /// Begins to read a stream; the answer is expected.
    func read(
        _ queue: ShortString,
        _ tag: ShortString = "c",
        from offset: FieldValue = "first",
        prefetch: UInt16 = 1000,
        _ arguments: FieldTable = [:]
    ) throws {
        try setPrefetch(prefetch)
        var all: FieldTable = ["x-stream-offset": offset]
        for entry in arguments.entries { all[entry.name] = entry.value }
        try call(
            BasicConsume(queue: queue, consumerTag: tag, arguments: all),
            BasicConsumeOk.self
        )
    }

    /// Offsets and texts of all deliveries that have come.
    func entries() throws -> [StreamMessage] {
        try deliveries().map { delivery in
            let header = delivery.content.properties.headers?["x-stream-offset"]
            return StreamMessage(
                offset: try #require(header?.integer),
                text: delivery.text,
                deliveryTag: delivery.method.deliveryTag
            )
        }
    }
}

/// A delivery from a stream.
struct StreamMessage: Equatable {
    let offset: Int64
    let text: String
    let deliveryTag: UInt64

    /// The offset, if the text says the same number.
    var number: Int? {
        text.split(separator: " ").first.map(String.init) == "\(offset)" ? Int(offset) : nil
    }
}
