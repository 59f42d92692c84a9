import Wire

extension ShortString {
    /// A string of up to 12 octets of any value, or now and then the longest there is.
    public static func random(using random: inout Seed) -> ShortString {
        let count = Int.random(in: 0..<20, using: &random) == 0 ? countMax : 12
        return ShortString(bytes: random.octets(upTo: count)) ?? ""
    }
}

extension FieldTable {
    /// A table of up to six entries, nested up to `depth` levels below the outermost.
    public static func random(using random: inout Seed, depth: Int = 3) -> FieldTable {
        FieldTable(
            (0..<Int.random(in: 0...6, using: &random)).map { _ in
                Entry(
                    name: .random(using: &random),
                    value: .random(using: &random, depth: depth)
                )
            }
        )
    }
}

extension FieldValue {
    /// A value of any type; tables and arrays only while `depth` is above zero.
    public static func random(using random: inout Seed, depth: Int = 3) -> FieldValue {
        let bits = random.next()
        switch Int.random(in: 0..<(depth > 0 ? 17 : 15), using: &random) {
        case 0: return .bool(bits & 1 == 0)
        case 1: return .int8(Int8(truncatingIfNeeded: bits))
        case 2: return .uint8(UInt8(truncatingIfNeeded: bits))
        case 3: return .int16(Int16(truncatingIfNeeded: bits))
        case 4: return .uint16(UInt16(truncatingIfNeeded: bits))
        case 5: return .int32(Int32(truncatingIfNeeded: bits))
        case 6: return .uint32(UInt32(truncatingIfNeeded: bits))
        case 7: return .int64(Int64(truncatingIfNeeded: bits))
        case 8: return .float(Float(Int16(truncatingIfNeeded: bits)) / 16)
        case 9: return .double(Double(Int32(truncatingIfNeeded: bits)) / 1024)
        case 10:
            return .decimal(
                scale: UInt8(truncatingIfNeeded: bits >> 32),
                value: UInt32(truncatingIfNeeded: bits)
            )
        case 11: return .longString(random.octets(upTo: 40))
        case 12: return .byteArray(random.octets(upTo: 40))
        case 13: return .timestamp(bits)
        case 14: return .void
        case 15: return .table(.random(using: &random, depth: depth - 1))
        default:
            return .array(
                (0..<Int.random(in: 0...4, using: &random)).map { _ in
                    .random(using: &random, depth: depth - 1)
                }
            )
        }
    }
}

extension BasicProperties {
    /// Properties of which each is there or not by chance.
    public static func random(using random: inout Seed) -> BasicProperties {
        let isThere = random.next()
        func has(_ property: Property) -> Bool { isThere & UInt64(property.flag) != 0 }
        var properties = BasicProperties()
        if has(.contentType) { properties.contentType = .random(using: &random) }
        if has(.contentEncoding) { properties.contentEncoding = .random(using: &random) }
        if has(.headers) { properties.headers = .random(using: &random) }
        if has(.deliveryMode) { properties.deliveryMode = .random(in: 0...255, using: &random) }
        if has(.priority) { properties.priority = .random(in: 0...255, using: &random) }
        if has(.correlationID) { properties.correlationID = .random(using: &random) }
        if has(.replyTo) { properties.replyTo = .random(using: &random) }
        if has(.expiration) { properties.expiration = .random(using: &random) }
        if has(.messageID) { properties.messageID = .random(using: &random) }
        if has(.timestamp) { properties.timestamp = random.next() }
        if has(.type) { properties.type = .random(using: &random) }
        if has(.userID) { properties.userID = .random(using: &random) }
        if has(.appID) { properties.appID = .random(using: &random) }
        if has(.clusterID) { properties.clusterID = .random(using: &random) }
        return properties
    }
}
