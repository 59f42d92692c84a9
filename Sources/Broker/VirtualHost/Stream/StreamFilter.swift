import Wire

/// Which messages of a stream a consumer wants (RabbitMQ 3.13: stream filtering).
///
/// RabbitMQ looks at a Bloom filter for each chunk and leaves the rest to the client; here each
/// message is looked at, so a consumer gets exactly what it asked for.
struct StreamFilter: Equatable {
    static let argument: ShortString = "x-stream-filter"
    static let unfilteredArgument: ShortString = "x-stream-match-unfiltered"
    /// The header of a message that says under which value it is to be found.
    static let header = Array("x-stream-filter-value".utf8)
    /// Longer values are as good as none.
    static let valueSizeMax = 255

    private let values: [[UInt8]]
    private let matchesUnfiltered: Bool

    /// Reads the arguments of basic.consume; `nil` when there is no filter.
    ///
    /// - Parameter arguments: All of them.
    /// - Throws: 406 for a filter that is neither a string nor an array of strings, and for an
    ///   x-stream-match-unfiltered that is no boolean.
    init?(_ arguments: FieldTable) throws(ProtocolError) {
        var matchesUnfiltered = false
        if let value = arguments[StreamFilter.unfilteredArgument] {
            guard let isWanted = value.boolean else {
                throw StreamFilter.invalid(StreamFilter.unfilteredArgument, value)
            }
            matchesUnfiltered = isWanted
        }
        guard let filter = arguments[StreamFilter.argument] else { return nil }
        var values: [[UInt8]] = []
        switch filter {
        case .longString(let octets): values = [octets]
        case .array(let fields):
            for field in fields {
                guard case .longString(let octets) = field else {
                    throw StreamFilter.invalid(StreamFilter.argument, field)
                }
                values.append(octets)
            }
        default: throw StreamFilter.invalid(StreamFilter.argument, filter)
        }
        self.values = values
        self.matchesUnfiltered = matchesUnfiltered
    }

    /// Whether a message with this value is wanted; `nil` for one without.
    func matches(_ value: ByteView?) -> Bool {
        guard let value else { return matchesUnfiltered }
        return values.contains { value == $0 }
    }

    private static func invalid(_ argument: ShortString, _ value: FieldValue) -> ProtocolError {
        ProtocolError(
            .preconditionFailed,
            "invalid arg '\(argument.string)': unacceptable type \(value.type.errorName)"
        )
    }
}
