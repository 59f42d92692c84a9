import Testing

@Suite("The repository")
struct RepositoryTests {
    @Test("has its sources, tests and pages where these checks look for them")
    func isFound() throws {
        let paths = Set(try Repository.files().map(\.path))
        let expected = [
            "Package.swift", "README.md", "Sources/Wire/Frame.swift",
            "Sources/Broker/Time/Instant.swift", "Tests/TidyTests/RepositoryTests.swift",
            "Tests/Conformance/wire.py",
        ]
        for path in expected { #expect(paths.contains(path), "\(path)") }
    }

    @Test("keeps files, functions and lines short")
    func isShort() throws { expectNone(try Repository.files().flatMap(SizeRule.findings)) }

    @Test("keeps clocks, randomness, threads and the system out of the core")
    func isPure() throws { expectNone(try Repository.files().flatMap(PurityRule.findings)) }

    @Test("puts nothing off and turns no test off")
    func isHonest() throws { expectNone(try Repository.files().flatMap(HonestyRule.findings)) }

    @Test("names files after what is in them")
    func isNamed() throws { expectNone(try Repository.files().flatMap(NameRule.findings)) }

    @Test("depends on no package")
    func standsAlone() throws { expectNone(try Repository.files().flatMap(ManifestRule.findings)) }

    @Test("has pages whose links lead somewhere and that a reader can find")
    func isLinked() throws { expectNone(try LinkRule(Repository.files()).findings()) }

    private func expectNone(_ findings: [Finding]) {
        for finding in findings { Issue.record("\(finding)") }
    }
}
