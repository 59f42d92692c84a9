/// Every link between pages leads somewhere, and every page can be reached from the README.
struct LinkRule {
    private let files: [String: SourceFile]
    private let folders: Set<String>

    init(_ files: [SourceFile]) {
        self.files = Dictionary(uniqueKeysWithValues: files.map { ($0.path, $0) })
        var folders: Set<String> = []
        for file in files {
            var parts = file.path.split(separator: "/").dropLast()
            while !parts.isEmpty {
                folders.insert(parts.joined(separator: "/"))
                parts = parts.dropLast()
            }
        }
        self.folders = folders
    }

    /// A link from one page to a place in the repository.
    struct Link: Equatable {
        /// Counted from one.
        let line: Int
        /// From the repository's root.
        let target: String
        /// The heading in the target, as it stands behind `#`.
        let anchor: String?
    }

    func findings() -> [Finding] {
        broken() + unreachable(from: "README.md")
    }

    private func broken() -> [Finding] {
        var findings: [Finding] = []
        for file in files.values.filter(\.isMarkdown).sorted(by: { $0.path < $1.path }) {
            for link in Self.links(in: file) {
                if let message = problem(with: link) {
                    findings.append(Finding(path: file.path, line: link.line, message: message))
                }
            }
        }
        return findings
    }

    private func problem(with link: Link) -> String? {
        guard let target = files[link.target] else {
            return folders.contains(link.target) ? nil : "no file \(link.target)"
        }
        guard let anchor = link.anchor, target.isMarkdown else { return nil }
        return Self.anchors(in: target).contains(anchor)
            ? nil : "no heading #\(anchor) in \(link.target)"
    }

    /// The files in `docs/` that no chain of links leads to; a link to a folder leads to all of it.
    private func unreachable(from start: String) -> [Finding] {
        var reached: Set<String> = []
        var next = [start]
        while let path = next.popLast() {
            if folders.contains(path) {
                next += files.keys.filter { $0.hasPrefix(path + "/") && !reached.contains($0) }
            }
            guard let file = files[path], reached.insert(path).inserted, file.isMarkdown else {
                continue
            }
            next += Self.links(in: file).map(\.target)
        }
        return files.keys.filter { $0.hasPrefix("docs/") && !reached.contains($0) }.sorted()
            .map { Finding(path: $0, line: 0, message: "no page links here") }
    }

    /// The links of a page that stay in the repository; code blocks and spans have none.
    static func links(in file: SourceFile) -> [Link] {
        let folder = file.path.split(separator: "/").dropLast().map(String.init)
        return prose(of: file).flatMap { number, line in
            destinations(in: line).compactMap { destination in
                guard !destination.has("://"), !destination.hasPrefix("mailto:") else { return nil }
                let halves = destination.split(
                    separator: "#",
                    maxSplits: 1,
                    omittingEmptySubsequences: false
                )
                let path = halves[0]
                return Link(
                    line: number,
                    target: path.isEmpty ? file.path : resolve(path, in: folder),
                    anchor: halves.count > 1 ? String(halves[1]) : nil
                )
            }
        }
    }

    /// The headings of a page as a forge turns them into anchors.
    static func anchors(in file: SourceFile) -> Set<String> {
        Set(
            prose(of: file).compactMap { _, line in
                guard line.hasPrefix("#") else { return nil }
                let title = line.drop { $0 == "#" }.drop { $0 == " " }
                return String(
                    title.lowercased().compactMap { character -> Character? in
                        if character == " " { return "-" }
                        let stays =
                            character.isLetter || character.isNumber || "-_".contains(character)
                        return stays ? character : nil
                    }
                )
            }
        )
    }

    /// The lines outside of fenced code, with their numbers.
    private static func prose(of file: SourceFile) -> [(Int, Substring)] {
        var isCode = false
        var prose: [(Int, Substring)] = []
        for (index, line) in file.lines.enumerated() {
            if line.drop(while: { $0 == " " }).hasPrefix("```") {
                isCode.toggle()
            } else if !isCode {
                prose.append((index + 1, line))
            }
        }
        return prose
    }

    /// What stands in the parentheses of `[text](…)`, code spans left out.
    private static func destinations(in line: Substring) -> [Substring] {
        let parts = line.split(separator: "`", omittingEmptySubsequences: false)
        let text = parts.enumerated().map { $0.offset.isMultiple(of: 2) ? $0.element : "code" }
            .joined()
        var rest = text[...]
        var destinations: [Substring] = []
        while let open = rest.firstRange(of: "](") {
            rest = rest[open.upperBound...]
            guard let close = rest.firstIndex(of: ")") else { break }
            destinations.append(rest[..<close])
            rest = rest[close...]
        }
        return destinations
    }

    private static func resolve(_ path: Substring, in folder: [String]) -> String {
        var parts = folder
        for part in path.split(separator: "/") {
            switch part {
            case ".": break
            case "..": _ = parts.popLast()
            default: parts.append(String(part))
            }
        }
        return parts.joined(separator: "/")
    }
}
