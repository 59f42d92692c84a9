import Testing

@Suite("Name rule")
struct NameRuleTests {
    private func findings(_ path: String, _ text: String = "") -> [Finding] {
        NameRule.findings(in: SourceFile(path: path, text: text))
    }

    @Test(
        "refuses a drawer",
        arguments: ["Utils", "StringUtils", "Queue+Helpers", "CommonTypes", "MiscStuff"]
    )
    func drawers(_ name: String) {
        #expect(!findings("Sources/Broker/\(name).swift").isEmpty)
    }

    @Test("allows a noun", arguments: ["Queue", "VirtualHost+Consume", "Commonwealth", "main"])
    func nouns(_ name: String) {
        #expect(findings("Sources/Broker/\(name).swift").isEmpty)
    }

    @Test("refuses a test file without a test, also when a comment mentions one")
    func emptyTests() {
        #expect(findings("Tests/A/ATests.swift", "import Testing // @Test").count == 1)
        #expect(findings("Tests/A/ATests.swift", "@Test func a() {}").isEmpty)
    }

    @Test("refuses tests in a file that is not named after them")
    func hiddenTests() {
        #expect(findings("Tests/A/Peer.swift", "@Test func a() {}").count == 1)
        #expect(findings("Tests/A/Peer.swift", "struct Peer {}").isEmpty)
    }
}
