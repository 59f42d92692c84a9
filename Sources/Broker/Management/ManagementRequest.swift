import Wire

/// A management request as it was asked for: `GET /api/queues/%2F?columns=name`.
struct ManagementRequest: Equatable {
    enum Method: String, CaseIterable, Sendable {
        case get = "GET"
        case put = "PUT"
        case post = "POST"
        case delete = "DELETE"
    }

    /// The longest target accepted, in octets: four times the longest name, percent-encoded.
    static let targetSizeMax = 4 * 3 * ShortString.countMax
    /// Most segments of a path and most parameters of a query.
    static let partCountMax = 32

    /// `nil` for a word that no resource understands (`PATCH`).
    let method: Method?
    /// Segments of the path without their encoding: `api`, `queues`, `/`.
    let path: [[UInt8]]
    let query: ManagementQuery

    /// Reads method, path and query.
    ///
    /// - Parameter target: Method, one space, path from its first slash on, query if any.
    /// - Throws: `.badRequest` for anything of another form, bad percent-encoding, and a target
    ///   beyond the bounds.
    init(target: [UInt8]) throws(ManagementError) {
        guard target.count <= Self.targetSizeMax else {
            throw .badRequest("target longer than \(Self.targetSizeMax) octets")
        }
        guard let space = target.firstIndex(of: UInt8(ascii: " ")) else {
            throw .badRequest("expected a method, a space and a path")
        }
        let location = target[(space + 1)...]
        guard location.first == UInt8(ascii: "/") else {
            throw .badRequest("the path starts with a slash")
        }
        method = Method(rawValue: String(decoding: target[..<space], as: UTF8.self))
        let mark = location.firstIndex(of: UInt8(ascii: "?")) ?? location.endIndex
        path = try Self.segments(of: location[..<mark].dropFirst())
        query = try ManagementQuery(location[mark...].dropFirst())
    }

    private static func segments(of path: ArraySlice<UInt8>) throws(ManagementError) -> [[UInt8]] {
        var parts = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        // `/api/exchanges/%2F/` is the same as without the last slash (RabbitMQ).
        if parts.last?.isEmpty == true { parts.removeLast() }
        guard parts.count <= partCountMax else { throw .badRequest("too many path segments") }
        var segments: [[UInt8]] = []
        for part in parts {
            guard let segment = PercentEncoding.decode(part) else {
                throw .badRequest("bad percent-encoding in the path")
            }
            segments.append(segment)
        }
        return segments
    }
}
