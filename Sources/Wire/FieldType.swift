/// The octet before a field's value that says what it is.
///
/// The list is RabbitMQ's (rabbit_binary_parser), which departs from AMQP 0-9-1 §4.2.1: `s` is a
/// 16-bit integer and not a short string, `l` and `L` are both signed.
@frozen
public enum FieldType: UInt8, CaseIterable, Sendable {
    /// `t`: one octet, 0 is false and anything else true.
    case bool = 0x74
    /// `b`: signed octet.
    case int8 = 0x62
    /// `B`: octet.
    case uint8 = 0x42
    /// `s`: signed, 2 octets.
    case int16 = 0x73
    /// `u`: unsigned, 2 octets.
    case uint16 = 0x75
    /// `I`: signed, 4 octets.
    case int32 = 0x49
    /// `i`: unsigned, 4 octets.
    case uint32 = 0x69
    /// `l`: signed, 8 octets.
    case int64 = 0x6C
    /// `L`: read like `l`; written as `l`.
    case int64Alternative = 0x4C
    /// `f`: IEEE 754, 4 octets.
    case float = 0x66
    /// `d`: IEEE 754, 8 octets.
    case double = 0x64
    /// `D`: one octet of decimal places, then an unsigned integer of 4 octets.
    case decimal = 0x44
    /// `S`: any octets, after 4 octets of length.
    case longString = 0x53
    /// `x`: any octets, after 4 octets of length.
    case byteArray = 0x78
    /// `T`: seconds since 1970, unsigned, 8 octets.
    case timestamp = 0x54
    /// `F`: a table, after 4 octets of length.
    case table = 0x46
    /// `A`: values one after the other, after 4 octets of length.
    case array = 0x41
    /// `V`: nothing.
    case void = 0x56

    /// The size of the value in octets; `nil` when 4 octets of length come first.
    @inlinable
    var fixedSize: Int? {
        switch self {
        case .void: 0
        case .bool, .int8, .uint8: 1
        case .int16, .uint16: 2
        case .int32, .uint32, .float: 4
        case .decimal: 5
        case .int64, .int64Alternative, .double, .timestamp: 8
        case .longString, .byteArray, .table, .array: nil
        }
    }
}
