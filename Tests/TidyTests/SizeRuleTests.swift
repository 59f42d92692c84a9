import Testing

@Suite("Size rule")
struct SizeRuleTests {
    private func findings(_ text: String, path: String = "Sources/Wire/A.swift") -> [Finding] {
        SizeRule.findings(in: SourceFile(path: path, text: text))
    }

    @Test("allows a file of 500 lines and refuses one of 501")
    func fileLines() {
        let lines = String(repeating: "\n", count: 500)
        #expect(findings(lines).isEmpty)
        #expect(findings(lines + "\n").map(\.line) == [0])
    }

    @Test("allows a line of 100 characters and refuses one of 101")
    func columns() {
        let line = String(repeating: "ä", count: 100)
        #expect(findings(line).isEmpty)
        #expect(findings("\n" + line + "x").map(\.line) == [2])
    }

    @Test(
        "allows a body of 68 lines and refuses one of 69",
        arguments: [
            "func a() {", "init?(b: Int) {", "subscript(c: Int) -> Int {", "deinit {",
            "static func < (d: A, e: A) -> Bool {", "func f(g: () -> Int = { 1 }) {",
        ]
    )
    func functionLines(_ declaration: String) {
        let body = String(repeating: "x()\n", count: 68)
        #expect(findings("\(declaration)\n\(body)}").isEmpty)
        #expect(findings("\n\(declaration)\n\(body)x()\n}").map(\.line) == [2])
    }

    @Test("takes no requirement, call or member named init for a function")
    func noBody() {
        let code = "protocol P { func a(); init(b: Int) }\nlet c: A = .init(b: 1)"
        #expect(SizeRule.functions(in: SwiftCode(code)).isEmpty)
    }

    @Test("is not misled by braces in strings and comments")
    func braces() {
        let code = #"""
            func a() {
                // }
                /* } /* } */ } */
                b("}", "\("}" + "}") }", #"}"}"#)
            }
            let after = 1
            """#
        #expect(SizeRule.functions(in: SwiftCode(code)) == [1...5])
    }

    @Test("leaves generated files and other languages alone")
    func generated() {
        let long = String(repeating: "\n", count: 600)
        #expect(findings(long, path: "Sources/Wire/Generated/A.swift").isEmpty)
        #expect(findings(long, path: "docs/a.md").isEmpty)
    }
}
