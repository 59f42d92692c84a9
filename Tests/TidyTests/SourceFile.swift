/// One text file of the repository.
struct SourceFile {
    /// Where it is, from the repository's root, with `/` between the parts.
    let path: String
    let text: String

    /// The lines without their line ends; a last line end begins no further line.
    var lines: [Substring] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    /// The last part of the path.
    var name: Substring { path.split(separator: "/").last ?? "" }

    var isSwift: Bool { path.hasSuffix(".swift") }
    var isMarkdown: Bool { path.hasSuffix(".md") }

    /// Written by a program in `scripts/` and never edited: sizes do not matter there.
    var isGenerated: Bool { path.contains("/Generated/") }

    /// The rules themselves, which have to spell out what they forbid.
    var isRule: Bool { path.hasPrefix("Tests/TidyTests/") }
}

/// A place that breaks a rule.
struct Finding: Equatable, CustomStringConvertible {
    let path: String
    /// Counted from one; zero when the whole file is meant.
    let line: Int
    let message: String

    var description: String { line == 0 ? "\(path): \(message)" : "\(path):\(line): \(message)" }
}
