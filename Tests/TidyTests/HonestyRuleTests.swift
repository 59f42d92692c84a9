import Testing

@Suite("Honesty rule")
struct HonestyRuleTests {
    private func findings(_ text: String, path: String) -> [Finding] {
        HonestyRule.findings(in: SourceFile(path: path, text: text))
    }

    @Test("refuses a marker for later in any file", arguments: ["TODO", "FIXME", "XXX", "HACK"])
    func markers(_ marker: String) {
        #expect(findings("a\n// \(marker): b", path: "Sources/A.swift").map(\.line) == [2])
        #expect(findings("# \(marker)", path: "scripts/a").count == 1)
        #expect(findings("\(marker)LIKE", path: "docs/a.md").isEmpty)
    }

    @Test(
        "refuses a test that is turned off",
        arguments: ["@Test(.disabled())", "withKnownIssue {", "#if false"]
    )
    func offSwift(_ code: String) {
        #expect(findings(code, path: "Tests/A/ATests.swift").count == 1)
        #expect(findings(code, path: "docs/a.md").isEmpty)
    }

    @Test("refuses it in Python too", arguments: ["@pytest.mark.skipif(x)", "@pytest.mark.xfail"])
    func offPython(_ code: String) {
        #expect(findings(code, path: "Tests/Conformance/tests/test_a.py").count == 1)
    }

    @Test(
        "refuses a path of one machine",
        arguments: ["home/me/brokerd", "root/x", "\(Repository.root.dropFirst())/Sources"]
    )
    func homes(_ text: String) {
        #expect(findings("cd /\(text)", path: "README.md").count == 1)
    }
}
