import Testing

@Suite("Manifest rule")
struct ManifestRuleTests {
    private func findings(_ text: String) -> [Finding] {
        ManifestRule.findings(in: SourceFile(path: "Package.swift", text: text))
    }

    @Test(
        "refuses a dependency of any kind",
        arguments: [
            ".package(path: \"../other\")", ".product(name: \"A\", package: \"a\")",
            ".binaryTarget(name: \"A\")", "pkgConfig: \"openssl\"", ".linkedLibrary(\"z\")",
        ]
    )
    func dependencies(_ text: String) { #expect(findings("\n" + text).map(\.line) == [2]) }

    @Test("allows targets that depend on each other")
    func targets() {
        #expect(findings(".target(name: \"Broker\", dependencies: [\"Wire\"])").isEmpty)
    }
}
