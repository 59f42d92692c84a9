import Testing

@Suite("Link rule")
struct LinkRuleTests {
    private func findings(_ pages: [String: String]) -> [String] {
        LinkRule(pages.map { SourceFile(path: $0.key, text: $0.value) }).findings()
            .map(\.description)
    }

    @Test("follows links up, down, to folders and to headings")
    func whole() {
        let pages = [
            "README.md": "[docs](docs/README.md), [part](docs/a.md#the-2nd-part), [e](docs/e/)",
            "docs/README.md": "[up](../README.md) [a](./a.md) [out](https://example.org/x)",
            "docs/a.md": "# A\n\n## The 2nd part!\n[here](#a)",
            "docs/e/one.sh": "true",
        ]
        #expect(findings(pages).isEmpty)
    }

    @Test("refuses a link to nothing")
    func missingFile() {
        let found = findings(["README.md": "\n[a](docs/a.md)"])
        #expect(found == ["README.md:2: no file docs/a.md"])
    }

    @Test("refuses a link to a heading that is not there")
    func missingHeading() {
        let found = findings(["README.md": "# One\n[a](#two)"])
        #expect(found == ["README.md:2: no heading #two in README.md"])
    }

    @Test("refuses a page no chain of links leads to")
    func unreachable() {
        let pages = ["README.md": "", "docs/a.md": "[b](b.md)", "docs/b.md": "[a](a.md)"]
        #expect(findings(pages).map { String($0.prefix(9)) } == ["docs/a.md", "docs/b.md"])
    }

    @Test("takes nothing in code for a link")
    func code() {
        #expect(findings(["README.md": "`[a](b)`\n```\n[c](d)\n# e\n```\n"]).isEmpty)
    }
}
