/// Nothing is put off in silence: no marker for later, no test turned off, no path of a machine.
enum HonestyRule {
    private static let markers = ["TODO", "FIXME", "XXX", "HACK"]
    private static let offSwift = [
        ".disabled(", ".enabled(if: false", "withKnownIssue", "XCTSkip", "#if false",
    ]
    private static let offPython = ["mark.skip", "mark.xfail", "unittest.skip", "pytest.xfail("]
    /// Where people's own directories lie, and this checkout.
    private static let homes =
        ["root", "home", "Users"].map { "/\($0)/" } + [Repository.root + "/"]

    static func findings(in file: SourceFile) -> [Finding] {
        guard !file.isRule else { return [] }
        let off = file.isSwift ? offSwift : file.path.hasSuffix(".py") ? offPython : []
        var findings: [Finding] = []
        for (index, line) in file.lines.enumerated() {
            let messages =
                markers.filter(line.hasWord).map { "\($0): do it, or file an issue" }
                + off.filter(line.has).map { "\($0): a test that does not run proves nothing" }
                + homes.filter(line.has).prefix(1).map { "\($0): a path of one machine" }
            findings += messages.map {
                Finding(path: file.path, line: index + 1, message: $0)
            }
        }
        return findings
    }
}
