import Wire

/// What the journal says of a dead message that stays in its queue until every target has the
/// dead letter (x-dead-letter-strategy `at-least-once`).
///
/// The newest one of a message counts. It stands behind the message's record, and behind each copy
/// of that which compaction makes.
struct DeathRecord: Equatable {
    /// The number of the queue it died in.
    let queue: UInt32
    let position: UInt64
    let reason: DeathReason
    /// Names of the queues that have the dead letter.
    let reached: [ShortString]

    func encode(into writer: inout ByteWriter) {
        writer.writeLittle(queue)
        writer.writeLittle(position)
        writer.writeLittle(UInt32(reached.count))
        for name in reached { writer.writeShortString(name) }
        // A check while brokerd runs takes zeros at the end for room.
        writer.writeUInt8(reason.rawValue + 1)
    }

    /// Reads what stands behind the type.
    init(from reader: inout ByteReader) throws(WireError) {
        queue = try reader.readLittle32()
        position = try reader.readLittle64()
        var names: [ShortString] = []
        for _ in 0..<(try reader.readLittle32()) { names.append(try reader.readShortString()) }
        reached = names
        let number = try reader.readUInt8()
        guard number > 0, let reason = DeathReason(rawValue: number - 1) else { throw .truncated }
        self.reason = reason
    }

    init(queue: UInt32, position: UInt64, reason: DeathReason, reached: [ShortString]) {
        self.queue = queue
        self.position = position
        self.reason = reason
        self.reached = reached
    }
}
