/// Escapes, and classes in brackets.
extension PatternParser {
    /// What stands behind a backslash outside of brackets.
    mutating func readEscape() throws(PatternError) -> PatternNode? {
        guard let octet = next else { throw error("\\ at end of pattern") }
        if let set = namedClass(octet) {
            index += 1
            return .set(set)
        }
        switch octet {
        case UInt8(ascii: "E"), UInt8(ascii: "K"):
            index += 1
            return nil
        case UInt8(ascii: "A"), UInt8(ascii: "G"): return assertion(.start)
        case UInt8(ascii: "z"): return assertion(.end)
        case UInt8(ascii: "Z"): return assertion(.endOrLastNewline)
        case UInt8(ascii: "b"): return assertion(.wordBoundary)
        case UInt8(ascii: "B"): return assertion(.noWordBoundary)
        case UInt8(ascii: "C"):
            index += 1
            return .set(.all)
        case UInt8(ascii: "R"):
            index += 1
            let pair = PatternNode.sequence([.set(ByteSet([0x0D])), .set(ByteSet([0x0A]))])
            return .atomic(.alternatives([pair, .set(.verticalSpace)]))
        case UInt8(ascii: "g"), UInt8(ascii: "k"): return try readReference()
        case UInt8(ascii: "1")...UInt8(ascii: "9"):
            let start = index
            // From 10 on it is a reference only if there are so many groups, else octal.
            if let number = takeNumber(), number < 10 || hasCapture(number) {
                return try reference(number)
            }
            index = start
            return literal(try readEscapedOctet())
        default: return literal(try readEscapedOctet())
        }
    }

    private mutating func assertion(_ assertion: PatternAssertion) -> PatternNode {
        index += 1
        return .assertion(assertion)
    }

    /// `\g1`, `\g{-1}`, `\g{name}`, `\k<name>`, `\k'name'`, `\k{name}`.
    private mutating func readReference() throws(PatternError) -> PatternNode {
        let isNumbered = takeOctet() == UInt8(ascii: "g")
        if take("<") { return try named(isNumbered, through: UInt8(ascii: ">")) }
        if take("'") { return try named(isNumbered, through: UInt8(ascii: "'")) }
        let isBraced = take("{")
        guard isNumbered else {
            guard isBraced else {
                throw error("\\k is not followed by a braced, angle-bracketed, or quoted name")
            }
            return try readNamedReference(through: UInt8(ascii: "}"))
        }
        let isNegative = take("-")
        guard let number = takeNumber() else {
            guard isBraced, !isNegative else {
                throw error("a numbered reference must not be zero")
            }
            return try readNamedReference(through: UInt8(ascii: "}"))
        }
        guard !isBraced || take("}") else {
            throw error(
                "\\g is not followed by a braced, angle-bracketed, or quoted name/number or by a "
                    + "plain number"
            )
        }
        guard number > 0 else { throw error("a numbered reference must not be zero") }
        return try reference(isNegative ? -number : number)
    }

    private mutating func named(
        _ isNumbered: Bool,
        through end: UInt8
    ) throws(PatternError) -> PatternNode {
        // With \g these would call a group like a function.
        guard !isNumbered else { throw error("recursion is not supported") }
        return try readNamedReference(through: end)
    }

    /// The class a letter behind a backslash stands for.
    private func namedClass(_ octet: UInt8) -> ByteSet? {
        switch octet {
        case UInt8(ascii: "d"): .digits
        case UInt8(ascii: "D"): ByteSet.digits.inverted
        case UInt8(ascii: "s"): .space
        case UInt8(ascii: "S"): ByteSet.space.inverted
        case UInt8(ascii: "w"): .word
        case UInt8(ascii: "W"): ByteSet.word.inverted
        case UInt8(ascii: "h"): .horizontalSpace
        case UInt8(ascii: "H"): ByteSet.horizontalSpace.inverted
        case UInt8(ascii: "v"): .verticalSpace
        case UInt8(ascii: "V"): ByteSet.verticalSpace.inverted
        case UInt8(ascii: "N"): .notNewline
        default: nil
        }
    }

    /// One octet behind a backslash, by a letter, a number or itself.
    private mutating func readEscapedOctet() throws(PatternError) -> UInt8 {
        guard let octet = takeOctet() else { throw error("\\ at end of pattern") }
        switch octet {
        case UInt8(ascii: "a"): return 0x07
        case UInt8(ascii: "e"): return 0x1B
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "c"):
            guard let letter = takeOctet() else { throw error("\\c at end of pattern") }
            return (0x61...0x7A ~= letter ? letter - 0x20 : letter) ^ 0x40
        case UInt8(ascii: "x"):
            if take("{") { return try readHexadecimal(inBraces: true) }
            return try readHexadecimal(inBraces: false)
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            var value = Int(octet - UInt8(ascii: "0"))
            for _ in 0..<2 {
                guard let digit = next, 0x30...0x37 ~= digit else { break }
                value = value * 8 + Int(digit - UInt8(ascii: "0"))
                index += 1
            }
            return UInt8(truncatingIfNeeded: value)
        case UInt8(ascii: "p"), UInt8(ascii: "P"), UInt8(ascii: "X"):
            throw error("support for \\P, \\p, and \\X has not been compiled")
        case UInt8(ascii: "L"), UInt8(ascii: "l"), UInt8(ascii: "N"), UInt8(ascii: "U"),
            UInt8(ascii: "u"):
            throw error("PCRE does not support \\L, \\l, \\N{name}, \\U, or \\u")
        default: return octet
        }
    }

    private mutating func readHexadecimal(inBraces: Bool) throws(PatternError) -> UInt8 {
        var value = 0
        var count = 0
        while inBraces || count < 2, let digit = next.flatMap(hexadecimalDigit) {
            value = min(value * 16 + digit, 1 << 16)
            index += 1
            count += 1
        }
        guard value <= 0xFF else { throw error("character value in \\x{} or \\o{} is too large") }
        if inBraces, !take("}") { throw error("missing terminating } after \\x{") }
        return UInt8(value)
    }

    private func hexadecimalDigit(_ octet: UInt8) -> Int? {
        switch octet {
        case 0x30...0x39: Int(octet - 0x30)
        case 0x41...0x46: Int(octet - 0x41) + 10
        case 0x61...0x66: Int(octet - 0x61) + 10
        default: nil
        }
    }

    // MARK: - Brackets

    /// A class in brackets, the opening one read.
    mutating func readClass() throws(PatternError) -> PatternNode {
        let start = index - 1
        if next == UInt8(ascii: ":"), try readNamedClass() != nil {
            index = start
            throw error("POSIX named classes are supported only within a class")
        }
        var set = ByteSet()
        let isInverted = take("^")
        var isFirst = true
        while isFirst || next != UInt8(ascii: "]") {
            isFirst = false
            guard let item = try readClassItem() else { continue }
            guard case .octet(let low) = item else {
                if case .set(let some) = item { set.formUnion(some) }
                continue
            }
            set.formUnion(ByteSet(low...(try readRangeEnd(from: low))))
        }
        index += 1
        guard case .set(let complete) = self.set(set) else { return .set(set) }
        return .set(isInverted ? complete.inverted : complete)
    }

    private enum ClassItem {
        case octet(UInt8)
        case set(ByteSet)
    }

    /// The upper end of a range that begins with an octet; the octet itself where there is none.
    private mutating func readRangeEnd(from low: UInt8) throws(PatternError) -> UInt8 {
        let start = index
        guard take("-"), next != UInt8(ascii: "]"), next != nil else {
            index = start
            return low
        }
        guard case .octet(let high)? = try readClassItem() else {
            throw error("invalid range in character class", before: true)
        }
        guard high >= low else {
            throw error("range out of order in character class", before: true)
        }
        return high
    }

    private mutating func readClassItem() throws(PatternError) -> ClassItem? {
        guard let octet = takeOctet() else {
            throw error("missing terminating ] for character class")
        }
        if octet == UInt8(ascii: "["), let set = try readNamedClass() { return .set(set) }
        guard octet == UInt8(ascii: "\\") else { return .octet(octet) }
        guard let escaped = next else { throw error("\\ at end of pattern") }
        if let set = namedClass(escaped), escaped != UInt8(ascii: "N") {
            index += 1
            return .set(set)
        }
        switch escaped {
        case UInt8(ascii: "b"):
            index += 1
            return .octet(0x08)
        case UInt8(ascii: "E"), UInt8(ascii: "Q"):
            index += 1
            return nil
        default: return .octet(try readEscapedOctet())
        }
    }

    /// `[:alpha:]`, the first bracket read; `nil` when it is none.
    private mutating func readNamedClass() throws(PatternError) -> ByteSet? {
        let start = index
        guard take(":"), let end = octets[index...].firstIndex(of: UInt8(ascii: ":")),
            end + 1 < octets.count, octets[end + 1] == UInt8(ascii: "]")
        else {
            index = start
            return nil
        }
        let isInverted = take("^")
        guard let set = ByteSet.named(String(decoding: octets[index..<end], as: UTF8.self)) else {
            throw error("unknown POSIX class name")
        }
        index = end + 2
        return isInverted ? set.inverted : set
    }
}
