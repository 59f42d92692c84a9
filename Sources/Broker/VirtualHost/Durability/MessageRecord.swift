import Wire

/// A persistent message and the places it took, without its content.
///
/// A copy that compaction has moved names only the places that still hold the message, and how
/// often it came back to each: nothing older is needed to make sense of it.
struct MessageRecord: Equatable {
    struct Place: Equatable {
        let queue: UInt32
        let position: UInt64
        /// Times it was handed out and came back; 0 but in a copy.
        var deliveryCount: UInt32 = 0
        var terms = Terms.none
    }

    /// On what terms a message is in a place.
    struct Terms: Equatable, BitwiseCopyable {
        var priority: UInt8 = 0
        /// When its time is over; `nil` without an end.
        var end: WallTime?
        var keys = MessageKeys.none

        static let none = Terms()
    }

    /// How a record says where its message is.
    enum Form: Equatable {
        /// By queue and position.
        case plain
        /// The same with delivery counts; compaction made it.
        case moved
        /// The same with terms.
        case onTerms
        /// The same with what the message is known by in a queue with groups or values.
        case keyed

        /// The form of a record that is not a copy.
        init(for places: [Place]) {
            self = places.contains { $0.terms.keys != .none } ? .keyed : .onTerms
        }

        var kind: JournalRecord.Kind {
            switch self {
            case .plain: .message
            case .moved: .moved
            case .onTerms: .onTerms
            case .keyed: .keyed
            }
        }

        /// Octets of a place.
        var placeSize: Int {
            switch self {
            case .plain: MessageRecord.placeSize
            case .moved: MessageRecord.movedPlaceSize
            case .onTerms: MessageRecord.placeOnTermsSize
            case .keyed: MessageRecord.keyedPlaceSize
            }
        }
    }

    let places: [Place]
    var form = Form.plain
    /// Octets of exchange, routing key and hidden keys as short strings.
    let routeSize: Int
    let propertiesSize: Int
    let bodySize: Int

    /// Type, prefix size, route size, properties size, body size, number of places.
    static let fixedSize = 1 + 4 + 2 + 4 + 8 + 4
    static let placeSize = 12
    static let movedPlaceSize = 16
    static let placeOnTermsSize = 25
    static let keyedPlaceSize = placeOnTermsSize + 24

    static func prefixSize(placeCount: Int) -> Int { fixedSize + placeCount * placeSize }

    var prefixSize: Int { MessageRecord.fixedSize + places.count * form.placeSize }
    var size: Int { prefixSize + routeSize + propertiesSize + bodySize }
}

extension MessageRecord {
    func encodePrefix(into writer: inout ByteWriter) {
        writer.writeUInt8(form.kind.rawValue)
        writer.writeLittle(UInt32(prefixSize))
        writer.writeLittle(UInt16(routeSize))
        writer.writeLittle(UInt32(propertiesSize))
        writer.writeLittle(UInt64(bodySize))
        writer.writeLittle(UInt32(places.count))
        for place in places {
            writer.writeLittle(place.queue)
            writer.writeLittle(place.position)
            if form != .plain { writer.writeLittle(place.deliveryCount) }
            if form == .onTerms || form == .keyed {
                writer.writeUInt8(place.terms.priority)
                writer.writeLittle(UInt64(bitPattern: place.terms.end?.milliseconds ?? 0))
            }
            if form == .keyed { place.terms.keys.encode(into: &writer) }
        }
    }

    /// Reads what stands behind the type.
    init(from reader: inout ByteReader, _ form: Form) throws(WireError) {
        _ = try reader.readLittle32()
        routeSize = Int(try reader.readLittle16())
        propertiesSize = Int(try reader.readLittle32())
        let bodySize = try reader.readLittle64()
        guard bodySize < 1 << 40 else { throw .truncated }
        self.bodySize = Int(bodySize)
        var places: [Place] = []
        for _ in 0..<(try reader.readLittle32()) {
            var place = Place(
                queue: try reader.readLittle32(),
                position: try reader.readLittle64()
            )
            if form != .plain { place.deliveryCount = try reader.readLittle32() }
            if form == .onTerms || form == .keyed { place.terms = try Terms(from: &reader) }
            if form == .keyed { place.terms.keys = try MessageKeys(from: &reader) }
            places.append(place)
        }
        self.places = places
        self.form = form
    }
}

extension MessageRecord.Terms {
    fileprivate init(from reader: inout ByteReader) throws(WireError) {
        priority = try reader.readUInt8()
        let milliseconds = Int64(bitPattern: try reader.readLittle64())
        end = milliseconds == 0 ? nil : WallTime(milliseconds: milliseconds)
    }
}

extension MessageKeys {
    fileprivate func encode(into writer: inout ByteWriter) {
        writer.writeLittle(group)
        writer.writeLittle(value?.high ?? 0)
        writer.writeLittle(value?.low ?? 0)
    }

    fileprivate init(from reader: inout ByteReader) throws(WireError) {
        group = try reader.readLittle64()
        let digest = ValueDigest(
            high: try reader.readLittle64(),
            low: try reader.readLittle64()
        )
        value = digest.high == 0 && digest.low == 0 ? nil : digest
    }
}

/// A record looked at in place.
extension MessageRecord {
    /// What a payload says of its own parts, in octets.
    struct Sizes {
        let form: Form
        let placeCount: Int
        let route: Int
        let properties: Int
        let body: Int

        var prefix: Int { fixedSize + placeCount * form.placeSize }
        var total: Int { prefix + route + properties + body }

        /// Reads them off a payload that has at least the prefix; `nil` when it is no message.
        init?(_ payload: ByteView) {
            guard payload.count >= fixedSize, let form = Form(payload[0]),
                let body = Int(exactly: payload.littleEndianUInt64(at: 11)), body < 1 << 40
            else { return nil }
            self.form = form
            placeCount = Int(payload.littleEndianUInt32(at: 19))
            route = Int(payload.littleEndianUInt16(at: 5))
            properties = Int(payload.littleEndianUInt32(at: 7))
            self.body = body
            guard prefix <= payload.count else { return nil }
        }
    }

    /// Calls `body` with the queue and the position of each place of a payload, and with the
    /// octets of the place; not at all when it is no message.
    static func forEachPlace(in payload: ByteView, _ body: (Place, ByteView) -> Void) {
        guard let sizes = Sizes(payload) else { return }
        let size = sizes.form.placeSize
        for offset in stride(from: fixedSize, to: sizes.prefix, by: size) {
            let octets = payload.slice(from: offset, count: size)
            let place = Place(
                queue: octets.littleEndianUInt32(at: 0),
                position: octets.littleEndianUInt64(at: 4)
            )
            body(place, octets)
        }
    }
}

extension MessageRecord.Form {
    /// The form of a record by its type; `nil` when it is no message.
    init?(_ type: UInt8) {
        switch JournalRecord.Kind(rawValue: type) {
        case .message: self = .plain
        case .moved: self = .moved
        case .onTerms: self = .onTerms
        case .keyed: self = .keyed
        default: return nil
        }
    }

    /// The form of a copy that compaction makes.
    var copy: MessageRecord.Form { self == .plain ? .moved : self }
}

/// The same octets written in place, for the path of every persistent message.
extension MessageRecord {
    /// The content in a whole record.
    struct Parts {
        /// Exchange and routing key.
        let route: ByteView
        /// Short strings, mostly none.
        let hiddenKeys: ByteView
        let properties: ByteView
        let body: ByteView

        /// Takes a record apart; `nil` when its sizes do not add up.
        init?(_ payload: ByteView) {
            guard let sizes = Sizes(payload), sizes.route >= 2, sizes.properties >= 2,
                sizes.total == payload.count
            else { return nil }
            let routeSize = sizes.route
            let propertiesStart = sizes.prefix + routeSize
            let names = payload.slice(from: sizes.prefix, count: routeSize)
            properties = payload.slice(from: propertiesStart, count: sizes.properties)
            body = payload.slice(from: propertiesStart + sizes.properties, count: sizes.body)
            guard Int(names[0]) + 2 <= routeSize else { return nil }
            let end = 2 + Int(names[0]) + Int(names[1 + Int(names[0])])
            guard end <= routeSize else { return nil }
            route = names.slice(from: 0, count: end)
            hiddenKeys = names.slice(from: end, count: routeSize - end)
        }
    }

    /// Fills in the fixed part of a prefix.
    @inline(__always)
    static func writeSizes(
        _ form: Form = .plain,
        placeCount: Int,
        routeSize: Int,
        propertiesSize: Int,
        bodySize: Int,
        to payload: UnsafeMutableRawPointer
    ) {
        unsafe payload.storeBytes(of: form.kind.rawValue, as: UInt8.self)
        unsafe payload.storeBytes(
            of: UInt32(truncatingIfNeeded: fixedSize + placeCount * form.placeSize).littleEndian,
            toByteOffset: 1,
            as: UInt32.self
        )
        unsafe payload.storeBytes(
            of: UInt16(truncatingIfNeeded: routeSize).littleEndian,
            toByteOffset: 5,
            as: UInt16.self
        )
        unsafe payload.storeBytes(
            of: UInt32(truncatingIfNeeded: propertiesSize).littleEndian,
            toByteOffset: 7,
            as: UInt32.self
        )
        unsafe payload.storeBytes(
            of: UInt64(truncatingIfNeeded: bodySize).littleEndian,
            toByteOffset: 11,
            as: UInt64.self
        )
        unsafe payload.storeBytes(
            of: UInt32(truncatingIfNeeded: placeCount).littleEndian,
            toByteOffset: 19,
            as: UInt32.self
        )
    }

    /// Fills in one place of a prefix.
    @inline(__always)
    static func write(_ place: Place, number: Int, to payload: UnsafeMutableRawPointer) {
        let offset = fixedSize &+ number &* placeSize
        unsafe payload.storeBytes(
            of: place.queue.littleEndian,
            toByteOffset: offset,
            as: UInt32.self
        )
        unsafe payload.storeBytes(
            of: place.position.littleEndian,
            toByteOffset: offset &+ 4,
            as: UInt64.self
        )
    }
}
