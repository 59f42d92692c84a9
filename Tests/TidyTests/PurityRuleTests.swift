import Testing

@Suite("Purity rule")
struct PurityRuleTests {
    private func findings(_ text: String, path: String) -> [Finding] {
        PurityRule.findings(in: SourceFile(path: path, text: text))
    }

    @Test(
        "refuses what reaches outside of the core",
        arguments: [
            "import Glibc", "internal import CLinux", "import FoundationEssentials",
            "let now = ContinuousClock.now", "Task { }", "let lock: Mutex<Int>",
            "var generator = SystemRandomNumberGenerator()", "let n = Int.random(in: 0..<9)",
            "queues.shuffled()", "func a() async {", "await b()", "let h = name.hashValue",
        ]
    )
    func impure(_ code: String) {
        for folder in PurityRule.folders {
            #expect(findings("\n" + code, path: folder + "A.swift").map(\.line) == [2])
        }
    }

    @Test(
        "allows what only sounds like it",
        arguments: [
            "import Wire", "// Glibc's clock, a Task", "let name = \"Task\"",
            "let n = Int.random(in: 0..<9, using: &seed)", "struct TaskLike {}", "var isAsync = 1",
        ]
    )
    func pure(_ code: String) {
        #expect(findings(code, path: "Sources/Wire/A.swift").isEmpty)
    }

    @Test("leaves the shell around the core alone")
    func shell() {
        #expect(findings("import Glibc", path: "Sources/Broker/Reactor/A.swift").isEmpty)
    }
}
