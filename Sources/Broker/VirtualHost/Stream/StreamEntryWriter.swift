import Wire

/// Writes a message into a stream, with the header that says its offset.
///
/// Done once, when it is published: whoever reads it later gets the octets as they are.
@safe
struct StreamEntryWriter {
    /// The header of every delivery (RabbitMQ: x-stream-offset, a long).
    static let header = Array("x-stream-offset".utf8)
    /// Octets of its entry in the table: name, type, number.
    private static let headerSize = 1 + header.count + 1 + 8

    private let message: Message
    private let flags: UInt16
    /// Properties before the headers table.
    private let before: ByteView
    /// Entries of the table, in two parts: what stood between them was an offset as well.
    private let entries: (ByteView, ByteView)
    /// Properties behind the table.
    private let after: ByteView
    /// Under which value the message is to be found.
    private let filterValue: ByteView?

    /// Looks at a message that stays as it is until it is written.
    ///
    /// `nil` when its properties are not in the usual form, which `BasicProperties` gives them.
    ///
    /// - Parameter message: Any.
    init?(_ message: Message) {
        let properties = message.properties
        let scan: PropertyScan
        do throws(WireError) {
            scan = try PropertyScan(properties)
        } catch {
            return nil
        }
        guard properties.loadUInt16(at: 0) & 1 == 0 else { return nil }
        self.message = message
        flags = scan.flags | Property.headers.flag
        guard let table = scan.range(of: .headers) else {
            let end =
                (scan.range(of: .contentEncoding) ?? scan.range(of: .contentType))?.upperBound ?? 2
            before = properties.slice(from: 2, count: end - 2)
            entries = (.empty, .empty)
            after = properties.slice(from: end, count: properties.count - end)
            filterValue = nil
            return
        }
        before = properties.slice(from: 2, count: table.lowerBound - 2)
        after = properties.slice(from: table.upperBound, count: properties.count - table.upperBound)
        let fields = properties.slice(from: table.lowerBound + 4, count: table.count - 4)
        guard let (hole, value) = StreamEntryWriter.look(at: fields) else { return nil }
        entries = (
            fields.slice(from: 0, count: hole.lowerBound),
            fields.slice(from: hole.upperBound, count: fields.count - hole.upperBound)
        )
        filterValue = value
    }

    /// Finds an offset that the message has brought along, and its filter value.
    ///
    /// - Returns: `nil` for a table that cannot be read.
    private static func look(at fields: ByteView) -> (hole: Range<Int>, value: ByteView?)? {
        var cursor = FieldTableCursor(entries: fields)
        var hole = fields.count..<fields.count
        var value: ByteView?
        var start = 0
        do throws(WireError) {
            while let (name, field) = try cursor.next() {
                let end = cursor.position
                if name == header { hole = start..<end }
                if name == StreamFilter.header, field.type == .longString,
                    field.octets.count <= StreamFilter.valueSizeMax
                {
                    value = field.octets
                }
                start = end
            }
        } catch {
            return nil
        }
        return (hole, value)
    }

    private var propertiesSize: Int {
        2 + before.count + 4 + entries.0.count + entries.1.count + StreamEntryWriter.headerSize
            + after.count
    }

    private var bodyFrameSize: Int { message.imageSize - message.bodyFrameOffset }

    /// Octets of the entry.
    var size: Int {
        StreamEntry.headSize + (filterValue?.count ?? 0) + message.headerFrameOffset
            + Message.frameHeadSize + Message.contentHeadSize + propertiesSize + 1 + bodyFrameSize
    }

    /// Writes the entry.
    ///
    /// - Parameters:
    ///   - place: Room for `size` octets.
    ///   - offset: Of the message in its stream.
    func write(to place: UnsafeMutableRawPointer, offset: UInt64) {
        var sink = unsafe Sink(place: place)
        sink.put(UInt32(size - 4).littleEndian)
        sink.put(UInt16(filterValue.map { $0.count + 1 } ?? 0).littleEndian)
        if let filterValue { sink.put(filterValue) }
        sink.put(unsafe ByteView(base: message.image, count: message.headerFrameOffset))
        sink.put(FrameOctet.header)
        sink.put(UInt16(0))
        sink.put(UInt32(Message.contentHeadSize + propertiesSize).bigEndian)
        sink.put(UInt32(60 << 16).bigEndian)
        sink.put(UInt64(message.header.bodySize).bigEndian)
        sink.put(flags.bigEndian)
        sink.put(before)
        let tableSize = entries.0.count + entries.1.count + StreamEntryWriter.headerSize
        sink.put(UInt32(tableSize).bigEndian)
        sink.put(entries.0)
        sink.put(entries.1)
        sink.put(UInt8(StreamEntryWriter.header.count))
        ByteView.with(StreamEntryWriter.header) { sink.put($0) }
        sink.put(FieldType.int64.rawValue)
        sink.put(offset.bigEndian)
        sink.put(after)
        sink.put(FrameOctet.end)
        sink.put(
            unsafe ByteView(base: message.image + message.bodyFrameOffset, count: bodyFrameSize)
        )
    }

    /// Where the next octets go.
    @safe
    private struct Sink {
        var place: UnsafeMutableRawPointer

        mutating func put(_ octets: ByteView) {
            guard octets.count > 0 else { return }
            unsafe place.copyMemory(from: octets.base, byteCount: octets.count)
            unsafe place += octets.count
        }

        mutating func put<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
            unsafe place.storeBytes(of: number, as: Number.self)
            unsafe place += MemoryLayout<Number>.size
        }
    }
}
