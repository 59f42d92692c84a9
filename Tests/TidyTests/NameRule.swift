/// A file is named after the one thing in it, and a test file after what it tests.
enum NameRule {
    private static let drawers = [
        "util", "utils", "utility", "utilities", "common", "helper", "helpers", "misc", "stuff",
    ]

    static func findings(in file: SourceFile) -> [Finding] {
        guard file.isSwift else { return [] }
        var findings: [Finding] = []
        let words = words(of: file.name)
        for drawer in drawers where words.contains(drawer) {
            let message = "\(drawer): name the thing, and put it next to its user"
            findings.append(Finding(path: file.path, line: 0, message: message))
        }
        let isTest = file.path.hasPrefix("Tests/") && file.name.hasSuffix("Tests.swift")
        let tests =
            file.text.contains("@Test")
            && SwiftCode(file.text).lines.contains { $0.has("@Test") }
        if isTest, !tests {
            let message = "a test file without a test"
            findings.append(Finding(path: file.path, line: 0, message: message))
        }
        if tests, !isTest {
            let message = "has tests, so its name ends in Tests.swift"
            findings.append(Finding(path: file.path, line: 0, message: message))
        }
        return findings
    }

    /// The words of a file name in camel case, in small letters, without the `.swift`.
    static func words(of name: Substring) -> [String] {
        var words: [String] = []
        var word = ""
        for character in name.dropLast(".swift".count) {
            if !character.isLetter || character.isUppercase {
                if !word.isEmpty { words.append(word) }
                word = ""
            }
            if character.isLetter { word += character.lowercased() }
        }
        return word.isEmpty ? words : words + [word]
    }
}
