import Testing

@testable import Broker

@Suite("Management request")
struct ManagementRequestTests {
    private func parse(_ target: String) throws(ManagementError) -> ManagementRequest {
        try ManagementRequest(target: Array(target.utf8))
    }

    private func path(_ target: String) throws -> [String] {
        try parse(target).path.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("reads method, path and query")
    func parts() throws {
        let request = try parse("DELETE /api/queues/%2F/a%20b+c?if-unused=true&columns=name,a.b")
        #expect(request.method == .delete)
        #expect(try path("GET /api/queues/%2F/a%20b+c") == ["api", "queues", "/", "a b+c"])
        #expect(request.query.isIfUnused)
        #expect(!request.query.isIfEmpty)
        #expect(request.query.columns == [["name"], ["a", "b"]])
    }

    @Test("ignores one slash at the end, but not an empty name in between")
    func slashes() throws {
        #expect(try path("GET /api/exchanges/%2F/") == ["api", "exchanges", "/"])
        #expect(try path("GET /api//x") == ["api", "", "x"])
        #expect(try path("GET /") == [])
    }

    @Test("keeps octets that are no text")
    func octets() throws {
        #expect(try parse("GET /%ff%00").path == [[0xFF, 0x00]])
    }

    @Test("keeps a method nobody understands for the route to refuse")
    func unknownMethod() throws {
        #expect(try parse("PATCH /api/overview").method == nil)
        #expect(try parse("get /api/overview").method == nil)
    }

    @Test(
        "refuses what has another form",
        arguments: [
            "", "GET", "GET ", "GET api", "/api/overview", "GET /%", "GET /%2", "GET /%zz",
            "GET /a?b=%4", "GET /a?page=x", "GET /a?page=1&page_size=", "GET /?use_regex=true",
            "GET /" + String(repeating: "a/", count: 40),
            "GET /?" + String(repeating: "a&", count: 40),
            "GET /" + String(repeating: "a", count: ManagementRequest.targetSizeMax),
        ]
    )
    func malformed(_ target: String) {
        #expect {
            try parse(target)
        } throws: { error in
            guard case .badRequest? = error as? ManagementError else { return false }
            return true
        }
    }

    @Test(
        "refuses impossible pages in RabbitMQ's words",
        arguments: ["page=0", "page=-1", "page=1&page_size=0", "page=1&page_size=501"]
    )
    func impossiblePages(_ query: String) {
        #expect {
            try parse("GET /api/queues?" + query)
        } throws: { error in
            (error as? ManagementError)?.name == "invalid_pagination_parameters"
        }
    }

    @Test("reads pages, sorting and the name filter")
    func listParameters() throws {
        let query = try parse(
            "GET /a?page=2&page_size=10&sort=message_stats.publish&sort_reverse=true&name=a+b%2B"
        ).query
        #expect(query.page == ManagementQuery.Page(number: 2, size: 10))
        #expect(query.sort == ["message_stats", "publish"])
        #expect(query.isSortReversed)
        #expect(query.name == "a b+")
    }

    @Test("gives pages of 100 unless asked otherwise")
    func defaultPageSize() throws {
        #expect(try parse("GET /a?page=1").query.page == ManagementQuery.Page(number: 1, size: 100))
        #expect(try parse("GET /a?page_size=7").query.page == nil)
    }

    @Test("accepts the longest names with every octet encoded")
    func longestName() throws {
        let name = String(repeating: "%2F", count: 255)
        #expect(try parse("GET /api/queues/\(name)/\(name)").path.last?.count == 255)
    }
}

@Suite("Percent-encoding")
struct PercentEncodingTests {
    @Test("decoding takes encoding off, whatever the octets")
    func roundTrip() {
        let all = (0...255).map { UInt8($0) }
        #expect(PercentEncoding.decode(PercentEncoding.encode(all), plusIsSpace: true) == all)
    }

    @Test(
        "decodes only percent signs with two hexadecimal digits",
        arguments: [
            ("%41%4a%4A", "AJJ"), ("%", nil), ("%4", nil), ("%4g", nil), ("%%41", nil),
            ("a+b", "a+b"), ("", ""),
        ] as [(String, String?)]
    )
    func decode(_ text: String, _ expected: String?) {
        #expect(PercentEncoding.decode(text.utf8) == expected.map { Array($0.utf8) })
    }
}
