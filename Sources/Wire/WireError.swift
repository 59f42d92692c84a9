/// What can be wrong with bytes that should be AMQP 0-9-1.
///
/// Every one of them ends the connection, with `replyCode`.
public enum WireError: Error, Hashable, Sendable {
    /// A value runs past the end of its frame, table or string.
    case truncated
    /// The arguments ended before their frame did, by this many octets.
    case leftOver(octets: Int)
    /// No method has this class and method id.
    case unknownMethod(MethodID)
    /// No field of a table has this type octet.
    case unknownFieldType(UInt8)
    /// Tables or arrays lie deeper in each other than `FieldTable.depthMax`.
    case nestedTooDeep
    /// A name that has to be text is not UTF-8.
    case malformedUTF8
    /// The property flags name a property that class basic does not have.
    case unknownProperty(flags: UInt16)
    /// A content header belongs to a class that carries no content.
    case unexpectedContentClass(UInt16)
    /// No frame has this type octet.
    case unknownFrameType(UInt8)
    /// A frame ends with another octet than 0xCE.
    case badFrameEnd(UInt8)
    /// A frame claims a larger payload than was negotiated; both in octets.
    case frameTooLarge(payload: Int, max: Int)
    /// The connection did not begin with "AMQP" 0 0 9 1.
    case badProtocolHeader
}

extension WireError {
    /// The code the connection is closed with.
    ///
    /// RabbitMQ 3.10 answers 501 to whatever it cannot decode and never uses 502. An unknown
    /// method makes it drop the socket in silence; 540 tells the peer why.
    public var replyCode: ReplyCode {
        switch self {
        case .truncated, .leftOver, .unknownFieldType, .nestedTooDeep, .malformedUTF8,
            .unknownProperty, .unknownFrameType, .badFrameEnd, .frameTooLarge, .badProtocolHeader:
            .frameError
        case .unexpectedContentClass: .unexpectedFrame
        case .unknownMethod: .notImplemented
        }
    }
}

extension WireError: CustomStringConvertible {
    /// What is wrong, as a phrase for the reply text and the log.
    public var description: String {
        switch self {
        case .truncated: "a value runs past the end of its frame"
        case .leftOver(let octets): "\(octets) octets left over after the arguments"
        case .unknownMethod(let id): "unknown method \(id.name)"
        case .unknownFieldType(let type): "unknown table field type \(type)"
        case .nestedTooDeep: "tables nested deeper than \(FieldTable.depthMax) levels"
        case .malformedUTF8: "malformed UTF-8 in a short string"
        case .unknownProperty(let flags): "unknown property in flags \(flags)"
        case .unexpectedContentClass(let id): "content header for class \(id)"
        case .unknownFrameType(let type): "unknown frame type \(type)"
        case .badFrameEnd(let octet): "frame ends with octet \(octet) instead of 206"
        case .frameTooLarge(let payload, let max):
            "frame payload of \(payload) octets exceeds \(max)"
        case .badProtocolHeader: "protocol header is not AMQP 0-9-1"
        }
    }
}
