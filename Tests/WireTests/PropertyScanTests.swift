import TestSupport
import Testing
import Wire

@Suite("Property scan")
struct PropertyScanTests {
    @Test("The scan sees what decoding sees", arguments: PropertiesExample.all)
    func agreement(_ example: PropertiesExample) throws {
        try ByteView.with(example.bytes) { view in
            let scan = try PropertyScan(view)
            #expect(try properties(from: scan) == example.properties)
            #expect(scan.flags == example.properties.flags)
        }
    }

    @Test("Octets of all properties, one after the other, are the bytes after the flags")
    func ranges() throws {
        try ByteView.with(PropertiesExample.everything.bytes) { view in
            let scan = try PropertyScan(view)
            let ranges = Property.all.compactMap { scan.range(of: $0) }
            #expect(ranges.count == 14)
            #expect(ranges.first?.lowerBound == 2)
            #expect(ranges.last?.upperBound == view.count)
            for (range, next) in zip(ranges, ranges.dropFirst()) {
                #expect(range.upperBound == next.lowerBound)
            }
        }
    }

    @Test("Bytes are accepted and refused as decoding does", arguments: PropertiesExample.all)
    func cuts(_ example: PropertiesExample) throws {
        let bytes = example.bytes
        for count in bytes.indices {
            #expect(throws: WireError.truncated) { try scan(Array(bytes.prefix(count))) }
        }
        #expect(throws: WireError.leftOver(octets: 1)) { try scan(bytes + [0]) }
        #expect(throws: Never.self) { try scan(bytes) }
    }

    @Test("Whatever the flags, a scan of random octets gives values or an error", arguments: 0..<8)
    func total(seed: UInt64) {
        var random = Seed(seed)
        var accepted = 0
        for _ in 0..<2_000 {
            var bytes = random.octets(upTo: 60)
            if bytes.count > 1 { bytes[1] &= 0xFC }
            // Lengths are made short, so that a fair part of the scans succeeds.
            for index in bytes.indices.dropFirst(2) { bytes[index] &= 0x03 }
            let isScanned = isAccepted { try ByteView.with(bytes) { _ = try PropertyScan($0) } }
            if isScanned { accepted += 1 }
            let isDecoded = isAccepted { _ = try BasicPropertiesTests.verifier.decode(bytes) }
            #expect(isScanned || !isDecoded, "\(bytes)")
        }
        #expect(accepted > 0)
    }

    @Test("A property that is not a short string has no short string")
    func kinds() throws {
        try ByteView.with(PropertiesExample.everything.bytes) { view in
            let scan = try PropertyScan(view)
            for property in [Property.headers, .deliveryMode, .priority, .timestamp] {
                #expect(scan.shortString(property) == nil)
                #expect(!property.isShortString)
            }
            #expect(Property.all.filter(\.isShortString).count == 10)
        }
    }

    @Test("A needless second word of flags does not shift the properties")
    func continuation() throws {
        #expect(try ByteView.with([0x18, 1, 0, 0, 2, 9]) { try PropertyScan($0).priority } == 9)
    }

    private func scan(_ bytes: [UInt8]) throws {
        try ByteView.with(bytes) { _ = try PropertyScan($0) }
    }

    private func isAccepted(_ body: () throws -> Void) -> Bool {
        do {
            try body()
            return true
        } catch {
            return false
        }
    }

    private func properties(from scan: PropertyScan) throws -> BasicProperties {
        func string(_ property: Property) -> ShortString? {
            scan.shortString(property).flatMap { ShortString($0) }
        }
        var properties = BasicProperties()
        properties.contentType = string(.contentType)
        properties.contentEncoding = string(.contentEncoding)
        properties.headers = try scan.headers()
        properties.deliveryMode = scan.deliveryMode
        properties.priority = scan.priority
        properties.correlationID = string(.correlationID)
        properties.replyTo = scan.replyTo.flatMap { ShortString($0) }
        properties.expiration = scan.expiration.flatMap { ShortString($0) }
        properties.messageID = string(.messageID)
        properties.timestamp = scan.timestamp
        properties.type = string(.type)
        properties.userID = scan.userID.flatMap { ShortString($0) }
        properties.appID = string(.appID)
        properties.clusterID = string(.clusterID)
        return properties
    }
}
