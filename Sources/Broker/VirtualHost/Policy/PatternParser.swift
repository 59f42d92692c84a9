/// Reads regular expressions as Erlang's `re` does without options: PCRE's syntax, over octets.
///
/// Left out are recursion, conditions, callouts, verbs and Unicode properties; they are refused.
struct PatternParser {
    let octets: [UInt8]
    var index = 0
    private var flags = Flags()
    /// Groups that capture, opened so far.
    private var captureCount = 0
    private var names: [String: Int] = [:]
    private var depth = 0
    /// The highest group a back reference asks for.
    private var highestReference = 0
    /// Between `\Q` and `\E` every octet is itself.
    private var isQuoting = false

    /// How deep groups may lie in each other.
    static let depthMax = 64
    /// Octets of the longest pattern.
    static let sizeMax = 4096

    private struct Flags {
        var isCaseless = false
        var isMultiline = false
        var matchesNewline = false
        var isExtended = false
        var isLazy = false
    }

    /// Reads a whole pattern.
    ///
    /// - Returns: Its root, and how many groups capture.
    /// - Throws: What is wrong, and where.
    static func parse(
        _ octets: [UInt8]
    ) throws(PatternError) -> (root: PatternNode, captureCount: Int) {
        guard octets.count <= sizeMax else {
            throw PatternError(reason: "regular expression is too large", offset: sizeMax)
        }
        var parser = PatternParser(octets: octets)
        let root = try parser.readAlternatives()
        guard parser.index == octets.count else { throw parser.error("unmatched parentheses") }
        guard parser.highestReference <= parser.captureCount else {
            throw parser.error("reference to non-existent subpattern")
        }
        return (root, parser.captureCount)
    }

    private init(octets: [UInt8]) { self.octets = octets }

    /// Something is wrong here, or with the octet before.
    func error(_ reason: String, before: Bool = false) -> PatternError {
        PatternError(reason: reason, offset: before ? index - 1 : index)
    }

    // MARK: - Octets

    var next: UInt8? { index < octets.count ? octets[index] : nil }

    /// Takes the text if it comes next.
    mutating func take(_ text: StaticString) -> Bool {
        let wanted = Array("\(text)".utf8)
        guard octets[index...].starts(with: wanted) else { return false }
        index += wanted.count
        return true
    }

    mutating func takeOctet() -> UInt8? {
        guard let octet = next else { return nil }
        index += 1
        return octet
    }

    /// Takes everything up to an octet, and that octet.
    mutating func take(through end: UInt8, _ reason: String) throws(PatternError) -> String {
        let start = index
        while let octet = takeOctet() {
            if octet == end { return String(decoding: octets[start..<index - 1], as: UTF8.self) }
        }
        throw error(reason)
    }

    // MARK: - Structure

    private mutating func readAlternatives() throws(PatternError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthMax else {
            throw error("parentheses are too deeply nested")
        }
        var parts: [PatternNode] = []
        repeat { parts.append(try readSequence()) } while take("|")
        return parts.count == 1 ? parts[0] : .alternatives(parts)
    }

    private mutating func readSequence() throws(PatternError) -> PatternNode {
        var parts: [PatternNode] = []
        // Whether the last part may be repeated: not what matches no octet, nor a repetition.
        var isRepeatable = false
        while let octet = next {
            if isQuoting {
                index += 1
                if octet == UInt8(ascii: "\\"), take("E") {
                    isQuoting = false
                    continue
                }
                parts.append(literal(octet))
                isRepeatable = true
                continue
            }
            if octet == UInt8(ascii: "|") || octet == UInt8(ascii: ")") { break }
            if flags.isExtended, skipBlank() { continue }
            if try skipComment() { continue }
            if take("\\Q") {
                isQuoting = true
                continue
            }
            if let counts = try readCounts() {
                guard isRepeatable, let part = parts.popLast() else {
                    throw error("nothing to repeat", before: true)
                }
                parts.append(.repetition(part, counts, readGreed()))
                isRepeatable = false
                continue
            }
            isRepeatable = false
            guard let part = try readPart() else { continue }
            parts.append(part)
            if case .assertion = part, octet != UInt8(ascii: "(") { continue }
            isRepeatable = true
        }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    /// In extended syntax white space and comments mean nothing.
    private mutating func skipBlank() -> Bool {
        guard let octet = next else { return false }
        if ByteSet.space.contains(octet) {
            index += 1
            return true
        }
        guard octet == UInt8(ascii: "#") else { return false }
        while let octet = takeOctet(), octet != 0x0A {}
        return true
    }

    private mutating func skipComment() throws(PatternError) -> Bool {
        guard take("(?#") else { return false }
        _ = try take(through: UInt8(ascii: ")"), "missing ) after comment")
        return true
    }

    /// One part without what says how often it comes; `nil` for what is none, such as a comment.
    private mutating func readPart() throws(PatternError) -> PatternNode? {
        guard let octet = takeOctet() else { return nil }
        switch octet {
        case UInt8(ascii: "."): return .set(flags.matchesNewline ? .all : .notNewline)
        case UInt8(ascii: "^"): return .assertion(flags.isMultiline ? .lineStart : .start)
        case UInt8(ascii: "$"): return .assertion(flags.isMultiline ? .lineEnd : .endOrLastNewline)
        case UInt8(ascii: "["): return try readClass()
        case UInt8(ascii: "("): return try readGroup()
        case UInt8(ascii: "\\"): return try readEscape()
        default: return literal(octet)
        }
    }

    func literal(_ octet: UInt8) -> PatternNode { set(ByteSet([octet])) }

    /// A class, with the other case where case does not count.
    func set(_ set: ByteSet) -> PatternNode { .set(flags.isCaseless ? set.caseless : set) }

    // MARK: - Repetition

    private mutating func readGreed() -> PatternNode.Greed {
        if take("+") { return .possessive }
        if take("?") { return flags.isLazy ? .greedy : .lazy }
        return flags.isLazy ? .lazy : .greedy
    }

    private mutating func readCounts() throws(PatternError) -> PatternNode.Counts? {
        if take("*") { return .init(min: 0, max: nil) }
        if take("+") { return .init(min: 1, max: nil) }
        if take("?") { return .init(min: 0, max: 1) }
        let start = index
        guard take("{"), let low = try readNumber() else {
            index = start
            return nil
        }
        var high: Int? = low
        if take(",") { high = try readNumber() }
        guard take("}") else {
            index = start
            return nil
        }
        if let high, high < low {
            throw error("numbers out of order in {} quantifier", before: true)
        }
        return .init(min: low, max: high)
    }

    /// A number of a quantifier, at most 65535 as in PCRE.
    private mutating func readNumber() throws(PatternError) -> Int? {
        guard let number = takeNumber() else { return nil }
        guard number <= 65535 else {
            throw error("number too big in {} quantifier")
        }
        return number
    }

    mutating func takeNumber() -> Int? {
        var number: Int?
        while let octet = next, ByteSet.digits.contains(octet) {
            number = min((number ?? 0) * 10 + Int(octet - UInt8(ascii: "0")), 1 << 20)
            index += 1
        }
        return number
    }

    // MARK: - Groups

    private mutating func readGroup() throws(PatternError) -> PatternNode? {
        if next == UInt8(ascii: "*") { throw error("(*VERB) is not supported") }
        guard take("?") else { return try readCapture(named: nil) }
        if take(":") { return try readRest() }
        if take("|") { throw error("(?| is not supported") }
        if take(">") { return .atomic(try readRest()) }
        if take("=") { return try readLook(isBehind: false, isNegative: false) }
        if take("!") { return try readLook(isBehind: false, isNegative: true) }
        if take("<=") { return try readLook(isBehind: true, isNegative: false) }
        if take("<!") { return try readLook(isBehind: true, isNegative: true) }
        if take("P<") || take("<") { return try readCapture(named: UInt8(ascii: ">")) }
        if take("'") { return try readCapture(named: UInt8(ascii: "'")) }
        if take("P=") { return try readNamedReference(through: UInt8(ascii: ")")) }
        return try readFlags()
    }

    /// The rest of a group, whose flags end with it.
    private mutating func readRest() throws(PatternError) -> PatternNode {
        let outer = flags
        let node = try readAlternatives()
        flags = outer
        guard take(")") else { throw error("missing )") }
        return node
    }

    private mutating func readCapture(named end: UInt8?) throws(PatternError) -> PatternNode {
        captureCount += 1
        let number = captureCount
        if let end {
            let name = try take(
                through: end,
                "syntax error in subpattern name (missing terminator)"
            )
            guard names.updateValue(number, forKey: name) == nil else {
                throw error("two named subpatterns have the same name", before: true)
            }
        }
        return .capture(number: number, try readRest())
    }

    private mutating func readLook(
        isBehind: Bool,
        isNegative: Bool
    ) throws(PatternError) -> PatternNode {
        let node = try readRest()
        if isBehind {
            let parts = if case .alternatives(let parts) = node { parts } else { [node] }
            guard parts.allSatisfy({ $0.width != nil }) else {
                throw error("lookbehind assertion is not fixed length", before: true)
            }
        }
        return .look(node, isBehind: isBehind, isNegative: isNegative)
    }

    /// Flags for what follows, `(?i)`, or for a group of their own, `(?i:...)`.
    private mutating func readFlags() throws(PatternError) -> PatternNode? {
        let outer = flags
        var isOn = true
        while let octet = takeOctet() {
            switch octet {
            case UInt8(ascii: "i"): flags.isCaseless = isOn
            case UInt8(ascii: "m"): flags.isMultiline = isOn
            case UInt8(ascii: "s"): flags.matchesNewline = isOn
            case UInt8(ascii: "x"): flags.isExtended = isOn
            case UInt8(ascii: "U"): flags.isLazy = isOn
            case UInt8(ascii: "-"): isOn = false
            case UInt8(ascii: ")"): return nil
            case UInt8(ascii: ":"):
                let node = try readRest()
                flags = outer
                return node
            default:
                throw error("unrecognized character after (? or (?-", before: true)
            }
        }
        throw error("unrecognized character after (? or (?-")
    }

    // MARK: - Back references

    mutating func readNamedReference(through end: UInt8) throws(PatternError) -> PatternNode {
        let name = try take(through: end, "syntax error in subpattern name (missing terminator)")
        guard let number = names[name] else {
            throw error("reference to non-existent subpattern", before: true)
        }
        return .backReference(number, caseless: flags.isCaseless)
    }

    /// A reference by number; a negative one counts back from the last group opened.
    mutating func reference(_ number: Int) throws(PatternError) -> PatternNode {
        let absolute = number < 0 ? captureCount + 1 + number : number
        guard absolute > 0 else {
            throw error("reference to non-existent subpattern", before: true)
        }
        highestReference = max(highestReference, absolute)
        return .backReference(absolute, caseless: flags.isCaseless)
    }

    /// Whether so many groups have been opened.
    func hasCapture(_ number: Int) -> Bool { number <= captureCount }
}
