/// The eight octets a connection begins with (AMQP 0-9-1 §4.2.2).
public enum ProtocolHeader {
    /// "AMQP" 0 0 9 1: what a client opens with, and what a server answers to anything else.
    public static let bytes: [UInt8] = Array("AMQP".utf8) + [0, 0, 9, 1]

    /// The size of every protocol header, in octets.
    public static let size = 8

    /// Headers of AMQP 0-9 and 0-8 clients that RabbitMQ serves with 0-9-1 all the same.
    private static let older: [[UInt8]] = [
        Array("AMQP".utf8) + [1, 1, 0, 9],
        Array("AMQP".utf8) + [1, 1, 8, 0],
    ]

    /// Reads a header off the front of `view`.
    ///
    /// - Parameter view: What the peer has sent so far.
    /// - Returns: `false` when all octets so far are right but there are fewer than eight.
    /// - Throws: `.badProtocolHeader` at the first octet that no accepted header has there.
    public static func accept(_ view: ByteView) throws(WireError) -> Bool {
        let count = min(view.count, size)
        let start = view.slice(from: 0, count: count)
        for header in [bytes] + older where start == Array(header.prefix(count)) {
            return count == size
        }
        throw .badProtocolHeader
    }
}
