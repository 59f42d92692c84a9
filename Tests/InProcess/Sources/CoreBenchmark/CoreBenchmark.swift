import Glibc
import InProcess
import Wire

/// Feeds recorded octets of clients into the core and counts the messages that come out.
///
///     CoreBenchmark auto-ack|ack-each|all-different MESSAGES
///
/// With `all-different` no two messages of a batch have the same properties.
/// What the clients send is made once and sent again and again, so the difference between a long
/// and a short run is what the core did. Prints the number of messages delivered, which must be
/// the number published; anything else is a failure.
@main
enum CoreBenchmark {
    private static let batch = 500

    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let count = Int(arguments[2]), count % batch == 0,
            ["auto-ack", "ack-each", "all-different"].contains(arguments[1])
        else {
            fatalError(
                "usage: CoreBenchmark auto-ack|ack-each|all-different MESSAGES"
                    + " (a multiple of \(batch))"
            )
        }
        let isAcked = arguments[1] == "ack-each"
        let core = Core(seed: 1, isChecked: false)
        let (publisher, consumer) = open(core, noAck: !isAcked)
        let publishes = publishes(areDifferent: arguments[1] == "all-different")
        var acks = acks()
        for turn in 0..<(count / batch) {
            ByteView.with(publishes) { core.receive($0, from: publisher) }
            if isAcked {
                number(&acks, from: UInt64(turn * batch + 1))
                ByteView.with(acks) { core.receive($0, from: consumer) }
            }
        }
        print(core.deliveredCount)
        if core.deliveredCount != count { exit(1) }
    }

    private static func open(_ core: Core, noAck: Bool) -> (publisher: Peer, consumer: Peer) {
        let publisher = core.connect()
        let consumer = core.connect()
        var script = ClientScript()
        script.open()
        script.method(ChannelOpen(), channel: 1)
        var consume = script
        consume.method(QueueDeclare(queue: "bench"), channel: 1)
        consume.method(
            BasicConsume(queue: "bench", consumerTag: "ctag1.0", noAck: noAck),
            channel: 1
        )
        ByteView.with(script.bytes) { core.receive($0, from: publisher) }
        ByteView.with(consume.bytes) { core.receive($0, from: consumer) }
        return (publisher, consumer)
    }

    /// One batch of publishes of 16 octets to the default exchange.
    private static func publishes(areDifferent: Bool) -> [UInt8] {
        var script = ClientScript()
        for number in 0..<batch {
            script.publish(
                BasicPublish(routingKey: "bench"),
                properties: areDifferent ? properties(of: number) : BasicProperties(),
                body: Array("0123456789abcdef".utf8),
                channel: 1
            )
        }
        return script.bytes
    }

    /// What a publisher says that names each message.
    private static func properties(of number: Int) -> BasicProperties {
        var properties = BasicProperties()
        properties.contentType = "application/json"
        properties.headers = ["kind": .string("order.created"), "attempt": .int32(Int32(number))]
        properties.deliveryMode = 1
        properties.messageID = ShortString(
            shortening: "5b0e8a2c-93b7-4a63-8d4a-\(100_000_000_000 + number)"
        )
        properties.timestamp = 1_700_000_000
        return properties
    }

    /// One batch of acks, one for each message.
    private static func acks() -> [UInt8] {
        var script = ClientScript()
        for _ in 0..<batch { script.method(BasicAck(), channel: 1) }
        return script.bytes
    }

    /// Writes the delivery tags from `first` on into a batch of acks.
    private static func number(_ acks: inout [UInt8], from first: UInt64) {
        acks.withUnsafeMutableBytes { bytes in
            for index in 0..<batch {
                let tag = first + UInt64(index)
                // Behind the frame's head and the method's ids.
                bytes.storeBytes(of: tag.bigEndian, toByteOffset: index * 21 + 11, as: UInt64.self)
            }
        }
    }
}
