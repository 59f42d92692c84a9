/// Swift source whose comments and string literals are blanked out, line for line.
///
/// What stays are the tokens a rule may look at: a brace in a string or a word in a comment
/// cannot mislead it. Interpolations are blanked with their string.
struct SwiftCode {
    private(set) var bytes: [UInt8] = []
    private let source: [UInt8]
    private var position = 0

    init(_ text: String) {
        source = Array(text.utf8)
        bytes.reserveCapacity(source.count)
        while position < source.count { step() }
    }

    var lines: [Substring] {
        String(decoding: bytes, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// The octets a comment or a literal can begin with.
    private static let openings = Set("/#\"".utf8)

    private mutating func step() {
        let byte = source[position]
        guard Self.openings.contains(byte) else {
            bytes.append(byte)
            position += 1
            return
        }
        if starts(with: "//") {
            while position < source.count, source[position] != UInt8(ascii: "\n") { blank(1) }
        } else if starts(with: "/*") {
            blankComment()
        } else if let hashes = openingHashes() {
            blankString(hashes: hashes)
        } else {
            bytes.append(source[position])
            position += 1
        }
    }

    private func starts(with text: StaticString, at offset: Int = 0) -> Bool {
        let start = position + offset
        let end = start + text.utf8CodeUnitCount
        guard end <= source.count else { return false }
        return text.withUTF8Buffer { $0.elementsEqual(source[start..<end]) }
    }

    /// The number of `#` before the string literal that begins here, if one does.
    private func openingHashes() -> Int? {
        var hashes = 0
        while position + hashes < source.count, source[position + hashes] == UInt8(ascii: "#") {
            hashes += 1
        }
        return starts(with: "\"", at: hashes) ? hashes : nil
    }

    private mutating func blank(_ count: Int) {
        for _ in 0..<count where position < source.count {
            let isLineEnd = source[position] == UInt8(ascii: "\n")
            bytes.append(isLineEnd ? UInt8(ascii: "\n") : UInt8(ascii: " "))
            position += 1
        }
    }

    /// Comments nest in Swift.
    private mutating func blankComment() {
        var depth = 0
        repeat {
            if starts(with: "/*") {
                depth += 1
                blank(2)
            } else if starts(with: "*/") {
                depth -= 1
                blank(2)
            } else {
                blank(1)
            }
        } while depth > 0 && position < source.count
    }

    private mutating func blankString(hashes: Int) {
        blank(hashes)
        let isLong = starts(with: "\"\"\"")
        let quotes = isLong ? 3 : 1
        blank(quotes)
        while position < source.count, !closes(quotes: quotes, hashes: hashes) {
            if source[position] == UInt8(ascii: "\\"), isEscape(hashes: hashes) {
                blankEscape(hashes: hashes)
            } else if source[position] == UInt8(ascii: "\n"), !isLong {
                return  // Not a literal after all: a short one ends with its line.
            } else {
                blank(1)
            }
        }
        blank(quotes + hashes)
    }

    private func closes(quotes: Int, hashes: Int) -> Bool {
        let end = position + quotes + hashes
        guard end <= source.count else { return false }
        return source[position..<(position + quotes)].allSatisfy { $0 == UInt8(ascii: "\"") }
            && source[(position + quotes)..<end].allSatisfy { $0 == UInt8(ascii: "#") }
    }

    private func isEscape(hashes: Int) -> Bool {
        let end = position + 1 + hashes
        guard end < source.count else { return false }
        return source[(position + 1)..<end].allSatisfy { $0 == UInt8(ascii: "#") }
    }

    /// An escaped character, or a whole interpolation with the strings inside it.
    private mutating func blankEscape(hashes: Int) {
        blank(1 + hashes)
        guard starts(with: "(") else { return blank(1) }
        var depth = 0
        repeat {
            if let inner = openingHashes() {
                blankString(hashes: inner)
                continue
            }
            if starts(with: "(") { depth += 1 }
            if starts(with: ")") { depth -= 1 }
            blank(1)
        } while depth > 0 && position < source.count
    }
}

extension Substring {
    /// Whether `word` is in here as a word of its own, not as a part of a longer name.
    func hasWord(_ word: String) -> Bool {
        var rest = self
        while let found = rest.firstRange(of: word) {
            let before =
                found.lowerBound == startIndex ? " " : self[index(before: found.lowerBound)]
            let after = found.upperBound == endIndex ? " " : self[found.upperBound]
            if !before.isPartOfName, !after.isPartOfName { return true }
            rest = rest[found.upperBound...]
        }
        return false
    }

    /// The first place where `text` stands.
    func firstRange(of text: String) -> Range<Index>? {
        guard let first = text.first else { return nil }
        var start = startIndex
        while let candidate = self[start...].firstIndex(of: first) {
            if self[candidate...].hasPrefix(text) {
                return candidate..<index(candidate, offsetBy: text.count)
            }
            start = index(after: candidate)
        }
        return nil
    }

    func has(_ text: String) -> Bool { firstRange(of: text) != nil }
}

extension Character {
    fileprivate var isPartOfName: Bool { isLetter || isNumber || self == "_" }
}
