import Wire

/// The header that says how long an x-delayed-message exchange keeps a message.
///
/// As the plugin reads it (rabbit_delayed_message_utils, get_delay): any integer, a string of
/// digits, a float without its fraction. Whatever else it is, the message is not delayed.
enum DelayHeader {
    static let name: ShortString = "x-delay"
    /// The longest delay in milliseconds; a longer one is none (plugin: ERL_MAX_T).
    static let max = Int64(UInt32.max)

    /// A header that asks for a delay.
    struct Request {
        /// Milliseconds, 1 to `max`.
        let delay: Int64
        fileprivate let field: FieldView
    }

    /// The delay a message asks for.
    ///
    /// - Parameter entries: Of its headers, which have been read before without fault.
    /// - Returns: `nil` when it is to be routed at once.
    static func request(in entries: ByteView) -> Request? {
        guard let field = field(in: entries), let delay = delay(field), delay > 0, delay <= max
        else { return nil }
        return Request(delay: delay, field: field)
    }

    private static func field(in entries: ByteView) -> FieldView? {
        var cursor = FieldTableCursor(entries: entries)
        do throws(WireError) {
            while let (name, field) = try cursor.next() {
                if name == DelayHeader.name.bytes { return field }
            }
        } catch {
            return nil
        }
        return nil
    }

    private static func delay(_ field: FieldView) -> Int64? {
        if let number = field.integer { return number }
        switch field.type {
        case .longString: return Int64(field.octets.string)
        case .float:
            return Int64(
                exactly: Float(bitPattern: field.octets.loadUInt32(at: 0)).rounded(.towardZero)
            )
        case .double:
            return Int64(
                exactly: Double(bitPattern: field.octets.loadUInt64(at: 0)).rounded(.towardZero)
            )
        default: return nil
        }
    }
}

/// The header of a message that was delayed, with its sign turned (plugin: swap_delay_header).
extension DelayHeader.Request {
    /// Where the octets of the number stand in the properties, if it can be turned in place: a
    /// signed integer keeps its width.
    func place(in properties: ByteView) -> Int? {
        switch field.type {
        case .int8, .int16, .int32, .int64, .int64Alternative:
            unsafe field.octets.base - properties.base
        default: nil
        }
    }

    /// Turns the number in a message that has the same properties.
    func writeTurned(at place: Int, of message: Message) {
        let number = unsafe message.image + message.propertiesOffset + place
        let count = field.octets.count
        for index in 0..<count {
            let shift = Int64(8 * (count - 1 - index))
            unsafe number.storeBytes(
                of: UInt8(truncatingIfNeeded: -delay >> shift),
                toByteOffset: index,
                as: UInt8.self
            )
        }
    }

    /// The properties with a signed integer in place of whatever the delay was; `nil` when they
    /// cannot be read.
    func turned(in properties: ByteView) -> [UInt8]? {
        do throws(WireError) {
            var decoded = try BasicProperties(decoding: properties)
            decoded.headers?[DelayHeader.name] =
                Int32(exactly: -delay).map { .int32($0) } ?? .int64(-delay)
            var writer = ByteWriter(capacity: properties.count + 8)
            decoded.encode(into: &writer)
            return writer.bytes
        } catch {
            return nil
        }
    }
}
