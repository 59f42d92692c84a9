/// One line of the log: time, level, what happened, and the facts as key=value.
///
/// `2026-11-21T04:17:00.123Z info ready listening=127.0.0.1:5672`. Whatever a value holds, the
/// line stays one line, its keys stay ours, and a terminal that shows it is not commanded: values
/// that are not plain are quoted, and what does not print is escaped.
struct LogLine {
    /// Longest value written, in characters; the rest is replaced by an ellipsis.
    static let valueLengthMax = 1024

    private(set) var bytes: [UInt8] = []

    /// Starts a line; `what` comes from the program, never from a client.
    init(_ time: WallTime, _ level: LogLevel, _ what: StaticString) {
        bytes.reserveCapacity(160)
        bytes.append(contentsOf: time.dateText.utf8)
        bytes.append(UInt8(ascii: "Z"))
        bytes.append(0x20)
        bytes.append(contentsOf: level.rawValue.utf8)
        bytes.append(0x20)
        bytes.append(contentsOf: "\(what)".utf8)
    }

    /// Adds a fact.
    ///
    /// - Parameters:
    ///   - key: From the program; lower case, words joined by underscores.
    ///   - value: From anywhere.
    mutating func append(_ key: StaticString, _ value: String) {
        bytes.append(0x20)
        bytes.append(contentsOf: "\(key)".utf8)
        bytes.append(0x3d)
        let isPlain =
            !value.isEmpty && value.utf8.count <= Self.valueLengthMax
            && value.utf8.allSatisfy(Self.isPlain)
        if isPlain {
            bytes.append(contentsOf: value.utf8)
        } else {
            appendQuoted(value)
        }
    }

    /// Ends the line.
    mutating func finish() { bytes.append(0x0a) }

    /// Printing ASCII that needs no quotes.
    private static func isPlain(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x22, 0x3d, 0x5c: false
        default: (0x21...0x7e).contains(octet)
        }
    }

    private mutating func appendQuoted(_ value: String) {
        bytes.append(0x22)
        var length = 0
        for scalar in value.unicodeScalars {
            length += 1
            if length > Self.valueLengthMax {
                bytes.append(contentsOf: "…".utf8)
                break
            }
            appendEscaped(scalar)
        }
        bytes.append(0x22)
    }

    private mutating func appendEscaped(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": bytes.append(contentsOf: "\\\"".utf8)
        case "\\": bytes.append(contentsOf: "\\\\".utf8)
        case "\n": bytes.append(contentsOf: "\\n".utf8)
        case "\r": bytes.append(contentsOf: "\\r".utf8)
        case "\t": bytes.append(contentsOf: "\\t".utf8)
        case " "..."~": bytes.append(UInt8(scalar.value))
        default:
            if Self.isInvisible(scalar.properties.generalCategory) {
                let digits = String(scalar.value, radix: 16)
                bytes.append(contentsOf: "\\u{\(digits)}".utf8)
            } else {
                bytes.append(contentsOf: String(scalar).utf8)
            }
        }
    }

    /// Characters that command a terminal, reorder the line or cannot be seen.
    private static func isInvisible(_ category: Unicode.GeneralCategory) -> Bool {
        switch category {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator, .spaceSeparator:
            true
        default: false
        }
    }
}

/// The facts of a log line, in their order: `["user": name, "vhost": virtualHost]`.
package struct LogFacts: ExpressibleByDictionaryLiteral {
    private(set) var pairs: [(key: StaticString, value: String)]

    package init(dictionaryLiteral elements: (StaticString, String)...) {
        pairs = elements.map { (key: $0.0, value: $0.1) }
    }

    mutating func add(_ key: StaticString, _ value: String) {
        pairs.append((key: key, value: value))
    }

    /// Adds how many lines of this kind were held back before this one, if any.
    func afterHoldingBack(_ count: Int) -> Self {
        var facts = self
        if count > 0 { facts.pairs.append((key: "held_back", value: "\(count)")) }
        return facts
    }
}
