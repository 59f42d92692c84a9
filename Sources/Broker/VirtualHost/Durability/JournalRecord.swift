import Wire

/// What the journal says: the state of a virtual host is the fold of its records.
///
/// The first octet of a payload is the type. Types from 0x80 on carry the size of a prefix in the
/// next four octets: all that recovery must read; the rest is a message's content. Integers are
/// little-endian except inside AMQP values, which are kept as on the wire.
enum JournalRecord: Equatable {
    case queueDeclared(QueueRecord)
    case queueDeleted(UInt32)
    case exchangeDeclared(ExchangeDeclare)
    case exchangeDeleted(ShortString)
    case bound(BindingRecord)
    case unbound(BindingRecord)
    case message(MessageRecord)
    /// These positions of the queue are done with.
    case settled(queue: UInt32, first: UInt64, last: UInt64)
    /// Everything up to this position has been handed out at least once.
    case delivered(queue: UInt32, through: UInt64)
    /// The message came back, this many times in all.
    case returned(queue: UInt32, position: UInt64, deliveryCount: UInt32)
    /// The message has died, and some target of its dead letter is yet to get that.
    case died(DeathRecord)
    /// The files of a stream have every offset below.
    case appended(stream: UInt32, end: UInt64)
    /// A complete description of the topology follows, up to `topologyEnds`.
    case topologyBegins
    case topologyEnds
    /// An exchange has come to remember values.
    case valuesRemembered(ValuesRecord)
    /// What lies in this many octets of the journal behind this record counts together or not at
    /// all. With 0 octets: the transaction before, which had not ended, never will.
    case transaction(octets: UInt64)
    /// A durable exchange keeps its delayed messages under a number.
    case delaysDeclared(DelaysRecord)
    case policySet(PolicyRecord)
    case policyCleared(Policy.Kind, ShortString)

    enum Kind: UInt8 {
        case queueDeclared = 1
        case queueDeleted = 2
        case exchangeDeclared = 3
        case exchangeDeleted = 4
        case bound = 5
        case unbound = 6
        case settled = 7
        case delivered = 8
        case returned = 9
        case topologyBegins = 10
        case topologyEnds = 11
        case transaction = 12
        case died = 13
        case appended = 16
        case valuesRemembered = 20
        case delaysDeclared = 24
        case policySet = 32
        case policyCleared = 33
        case message = 0x80
        /// A copy of a message, made by compaction: the one before is needed no more.
        case moved = 0x81
        /// A message that has a priority or an end in one of its places.
        case onTerms = 0x82
        /// A message in a queue that knows it by its group or a value of its.
        case keyed = 0x84
    }
}

/// A durable queue as the journal knows it.
struct QueueRecord: Equatable {
    let id: UInt32
    let name: ShortString
    let isAutoDelete: Bool
    let arguments: FieldTable
    /// The position its next message would have had when this was written.
    let nextPosition: UInt64
    /// Everything below has been handed out.
    let deliveredThrough: UInt64
}

/// Where a durable x-delayed-message exchange keeps its messages.
struct DelaysRecord: Equatable {
    /// Numbered like a queue, in whose place it stands in the records of messages.
    let id: UInt32
    let exchange: ShortString
    /// The position its next message would have had when this was written.
    let nextPosition: UInt64
}

/// A binding of a durable exchange to a durable queue or exchange.
struct BindingRecord: Hashable {
    let source: ShortString
    let isToQueue: Bool
    let destination: ShortString
    let key: ShortString
    let arguments: FieldTable
}

extension JournalRecord {
    /// The payload of every record but a message's, whose content the core copies in place.
    var payload: [UInt8] {
        var writer = ByteWriter(capacity: 64)
        switch self {
        case .queueDeclared(let queue):
            writer.writeUInt8(Kind.queueDeclared.rawValue)
            writer.writeLittle(queue.id)
            writer.writeLittle(queue.nextPosition)
            writer.writeLittle(queue.deliveredThrough)
            writer.writeUInt8(queue.isAutoDelete ? 1 : 0)
            writer.writeShortString(queue.name)
            writer.writeTable(queue.arguments)
        case .queueDeleted(let id):
            writer.writeUInt8(Kind.queueDeleted.rawValue)
            writer.writeLittle(id)
        case .exchangeDeclared(let declare):
            writer.writeUInt8(Kind.exchangeDeclared.rawValue)
            declare.encode(into: &writer)
        case .exchangeDeleted(let name):
            writer.writeUInt8(Kind.exchangeDeleted.rawValue)
            writer.writeShortString(name)
        case .bound(let binding):
            writer.writeUInt8(Kind.bound.rawValue)
            binding.encode(into: &writer)
        case .unbound(let binding):
            writer.writeUInt8(Kind.unbound.rawValue)
            binding.encode(into: &writer)
        case .settled(let queue, let first, let last):
            writer.writeUInt8(Kind.settled.rawValue)
            writer.writeLittle(queue)
            writer.writeLittle(first)
            writer.writeLittle(last)
        case .delivered(let queue, let through):
            writer.writeUInt8(Kind.delivered.rawValue)
            writer.writeLittle(queue)
            writer.writeLittle(through)
        case .returned(let queue, let position, let deliveryCount):
            writer.writeUInt8(Kind.returned.rawValue)
            writer.writeLittle(queue)
            writer.writeLittle(position)
            writer.writeLittle(deliveryCount)
        case .died(let death):
            writer.writeUInt8(Kind.died.rawValue)
            death.encode(into: &writer)
        case .appended(let stream, let end):
            writer.writeUInt8(Kind.appended.rawValue)
            writer.writeLittle(stream)
            writer.writeLittle(end)
            // A check while brokerd runs takes zeros at the end for room.
            writer.writeUInt8(0xFF)
        case .valuesRemembered(let values):
            writer.writeUInt8(Kind.valuesRemembered.rawValue)
            values.encode(into: &writer)
        case .topologyBegins: writer.writeUInt8(Kind.topologyBegins.rawValue)
        case .topologyEnds: writer.writeUInt8(Kind.topologyEnds.rawValue)
        case .transaction(let octets):
            writer.writeUInt8(Kind.transaction.rawValue)
            writer.writeLittle(octets)
        case .delaysDeclared(let delays):
            writer.writeUInt8(Kind.delaysDeclared.rawValue)
            writer.writeLittle(delays.id)
            writer.writeLittle(delays.nextPosition)
            writer.writeShortString(delays.exchange)
        case .policySet(let policy):
            writer.writeUInt8(Kind.policySet.rawValue)
            policy.encode(into: &writer)
        case .policyCleared(let kind, let name):
            writer.writeUInt8(Kind.policyCleared.rawValue)
            writer.writeUInt8(kind.rawValue)
            writer.writeShortString(name)
        case .message(let message): message.encodePrefix(into: &writer)
        }
        return writer.bytes
    }

    /// Reads a payload, or a message's prefix.
    ///
    /// - Throws: What is wrong; a record that passed its checksum and cannot be read was written
    ///   by another version.
    init(decoding payload: ByteView) throws(WireError) {
        var reader = ByteReader(payload)
        guard let kind = Kind(rawValue: try reader.readUInt8()) else { throw .truncated }
        switch kind {
        case .queueDeclared:
            let id = try reader.readLittle32()
            let nextPosition = try reader.readLittle64()
            let deliveredThrough = try reader.readLittle64()
            let flags = try reader.readUInt8()
            self = .queueDeclared(
                QueueRecord(
                    id: id,
                    name: try reader.readShortString(),
                    isAutoDelete: flags & 1 != 0,
                    arguments: try reader.readTable(),
                    nextPosition: nextPosition,
                    deliveredThrough: deliveredThrough
                )
            )
        case .queueDeleted: self = .queueDeleted(try reader.readLittle32())
        case .exchangeDeclared:
            _ = try reader.readUInt32()
            self = .exchangeDeclared(try ExchangeDeclare(from: &reader))
        case .exchangeDeleted: self = .exchangeDeleted(try reader.readShortString())
        case .bound: self = .bound(try BindingRecord(from: &reader))
        case .unbound: self = .unbound(try BindingRecord(from: &reader))
        case .settled:
            self = .settled(
                queue: try reader.readLittle32(),
                first: try reader.readLittle64(),
                last: try reader.readLittle64()
            )
        case .delivered:
            self = .delivered(
                queue: try reader.readLittle32(),
                through: try reader.readLittle64()
            )
        case .returned:
            self = .returned(
                queue: try reader.readLittle32(),
                position: try reader.readLittle64(),
                deliveryCount: try reader.readLittle32()
            )
        case .died: self = .died(try DeathRecord(from: &reader))
        case .appended:
            self = .appended(stream: try reader.readLittle32(), end: try reader.readLittle64())
            _ = try reader.readUInt8()
        case .valuesRemembered: self = .valuesRemembered(try ValuesRecord(from: &reader))
        case .topologyBegins: self = .topologyBegins
        case .topologyEnds: self = .topologyEnds
        case .message: self = .message(try MessageRecord(from: &reader, .plain))
        case .moved: self = .message(try MessageRecord(from: &reader, .moved))
        case .onTerms: self = .message(try MessageRecord(from: &reader, .onTerms))
        case .keyed: self = .message(try MessageRecord(from: &reader, .keyed))
        case .transaction: self = .transaction(octets: try reader.readLittle64())
        case .delaysDeclared:
            let id = try reader.readLittle32()
            let nextPosition = try reader.readLittle64()
            self = .delaysDeclared(
                DelaysRecord(
                    id: id,
                    exchange: try reader.readShortString(),
                    nextPosition: nextPosition
                )
            )
        case .policySet: self = .policySet(try PolicyRecord(from: &reader))
        case .policyCleared:
            self = .policyCleared(try Policy.Kind(from: &reader), try reader.readShortString())
        }
    }
}

extension BindingRecord {
    fileprivate func encode(into writer: inout ByteWriter) {
        writer.writeShortString(source)
        writer.writeUInt8(isToQueue ? 1 : 0)
        writer.writeShortString(destination)
        writer.writeShortString(key)
        writer.writeTable(arguments)
    }

    /// Reads what stands behind the type.
    init(decoding octets: ByteView) throws(WireError) {
        var reader = ByteReader(octets)
        try self.init(from: &reader)
    }

    fileprivate init(from reader: inout ByteReader) throws(WireError) {
        source = try reader.readShortString()
        isToQueue = try reader.readUInt8() != 0
        destination = try reader.readShortString()
        key = try reader.readShortString()
        arguments = try reader.readTable()
    }
}

extension ByteWriter {
    mutating func writeLittle(_ value: UInt16) { writeUInt16(value.byteSwapped) }
    mutating func writeLittle(_ value: UInt32) { writeUInt32(value.byteSwapped) }
    mutating func writeLittle(_ value: UInt64) { writeUInt64(value.byteSwapped) }
}

extension ByteReader {
    mutating func readLittle16() throws(WireError) -> UInt16 { try readUInt16().byteSwapped }
    mutating func readLittle32() throws(WireError) -> UInt32 { try readUInt32().byteSwapped }
    mutating func readLittle64() throws(WireError) -> UInt64 { try readUInt64().byteSwapped }
}
