/// The package stands on the toolchain and glibc, and on nothing else.
enum ManifestRule {
    private static let forbidden = [
        ".package(", ".product(", ".binaryTarget(", ".plugin(", "pkgConfig:", "providers:",
        ".linkedLibrary(", "from: \"", "branch: \"",
    ]

    static func findings(in file: SourceFile) -> [Finding] {
        guard file.path == "Package.swift" else { return [] }
        var findings: [Finding] = []
        for (index, line) in file.lines.enumerated() {
            for word in forbidden where line.has(word) {
                let message = "\(word): the package depends on no package and no library"
                findings.append(Finding(path: file.path, line: index + 1, message: message))
            }
        }
        return findings
    }
}
