import FoundationEssentials
import Wire

/// Reads where in a stream to begin, as given to `subscribe --offset`.
enum StreamOffsetArgument {
    static let help =
        "first, last, next, an offset, how long ago (1h, 30m, 7D), or a time "
        + "(2026-11-21T10:00:00Z, @1795255200)"

    /// The argument x-stream-offset; `nil` without the option.
    static func value(
        _ invocation: Invocation,
        option: String
    ) throws(UsageError) -> FieldValue? {
        guard let text = invocation.value(option) else { return nil }
        guard let value = parse(text) else {
            throw UsageError(
                "--\(option) takes \(help), not '\(text)'",
                path: invocation.path
            )
        }
        return value
    }

    /// Reads the text; `nil` when it says nothing of the kind.
    static func parse(_ text: String) -> FieldValue? {
        if ["first", "last", "next"].contains(text) { return .string(text) }
        if let offset = UInt64(text), offset <= Int64.max { return .int64(Int64(offset)) }
        if text.hasPrefix("@") { return UInt64(text.dropFirst()).map { .timestamp($0) } }
        if text.utf8.count > 1, let unit = text.last, "YMDhms".contains(unit),
            text.dropLast().utf8.allSatisfy({ (0x30...0x39).contains($0) })
        {
            return .string(text)
        }
        return time(text)
    }

    private static func time(_ text: String) -> FieldValue? {
        do {
            let seconds = try Date(text, strategy: .iso8601).timeIntervalSince1970
            return seconds < 0 ? nil : .timestamp(UInt64(seconds))
        } catch {
            return nil
        }
    }
}
