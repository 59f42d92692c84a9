/// What the part behind the question mark asks for; unknown parameters are ignored, as RabbitMQ
/// does.
struct ManagementQuery: Equatable {
    /// One page of a list (RabbitMQ: `page`, `page_size`).
    struct Page: Equatable {
        /// Counts from 1.
        let number: Int
        /// Objects on a page.
        let size: Int
    }

    static let pageSizeDefault = 100
    static let pageSizeMax = 500

    /// Dotted paths of the members wanted; empty for all.
    private(set) var columns: [[String]] = []
    /// Dotted path of the member to sort by; `nil` for the list's own order.
    private(set) var sort: [String]?
    private(set) var isSortReversed = false
    /// Text the name must contain.
    private(set) var name: String?
    private(set) var page: Page?
    /// `if-unused` of a delete.
    private(set) var isIfUnused = false
    /// `if-empty` of a delete.
    private(set) var isIfEmpty = false

    /// No parameters.
    init() {}

    /// Reads `name=value` pairs joined by `&`.
    ///
    /// - Throws: `.badRequest` for bad encoding and page numbers that are none,
    ///   `.invalidPagination` for impossible ones.
    init(_ text: some Collection<UInt8>) throws(ManagementError) {
        var page: String?
        var pageSize: String?
        let pairs = text.split(separator: UInt8(ascii: "&"))
        guard pairs.count <= ManagementRequest.partCountMax else {
            throw .badRequest("too many query parameters")
        }
        for pair in pairs {
            let parts = pair.split(
                separator: UInt8(ascii: "="),
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            let key = try Self.word(parts[0])
            let value = parts.count > 1 ? try Self.word(parts[1]) : ""
            switch key {
            case "columns": columns = value.split(separator: ",").map(Self.memberPath)
            case "sort": sort = value.isEmpty ? nil : Self.memberPath(value[...])
            case "sort_reverse": isSortReversed = value == "true"
            case "name": name = value.isEmpty ? nil : value
            case "page": page = value
            case "page_size": pageSize = value
            case "if-unused": isIfUnused = value == "true"
            case "if-empty": isIfEmpty = value == "true"
            case "use_regex" where value == "true":
                throw .badRequest("use_regex is not supported; name matches a part of the name")
            default: break
            }
        }
        self.page = try Self.page(page, pageSize)
    }

    private static func word(_ encoded: some Collection<UInt8>) throws(ManagementError) -> String {
        guard let bytes = PercentEncoding.decode(encoded, plusIsSpace: true) else {
            throw .badRequest("bad percent-encoding in the query")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func memberPath(_ text: Substring) -> [String] {
        text.split(separator: ".").map(String.init)
    }

    private static func page(_ number: String?, _ size: String?) throws(ManagementError) -> Page? {
        guard let number else { return nil }
        guard let number = Int(number), let size = size.map({ Int($0) }) ?? pageSizeDefault else {
            throw .badRequest("Pagination parameters are invalid")
        }
        guard number >= 1, (1...pageSizeMax).contains(size) else {
            throw .invalidPagination(
                "Invalid pagination parameters: page number \(number), page size \(size)"
            )
        }
        return Page(number: number, size: size)
    }
}
