/// A part of a pattern, as `PatternParser` reads it.
indirect enum PatternNode {
    case empty
    case set(ByteSet)
    case sequence([PatternNode])
    /// The first that leads to a match counts.
    case alternatives([PatternNode])
    case capture(number: Int, PatternNode)
    case repetition(PatternNode, Counts, Greed)
    case assertion(PatternAssertion)
    /// What lies ahead, or behind, has to match, or may not; nothing is consumed.
    case look(PatternNode, isBehind: Bool, isNegative: Bool)
    /// Matched once and not gone back into.
    case atomic(PatternNode)
    case backReference(Int, caseless: Bool)

    /// How often a part may come.
    struct Counts: Equatable {
        let min: Int
        /// `nil` for no bound.
        let max: Int?
    }

    enum Greed {
        case greedy
        case lazy
        case possessive
    }

    /// How many octets the part takes; `nil` when that varies.
    var width: Int? {
        switch self {
        case .empty, .assertion, .look: return 0
        case .set: return 1
        case .sequence(let parts):
            var sum = 0
            for part in parts {
                guard let width = part.width else { return nil }
                sum += width
            }
            return sum
        case .alternatives(let parts):
            let widths = parts.map(\.width)
            guard let first = widths.first, widths.allSatisfy({ $0 == first }) else { return nil }
            return first
        case .capture(_, let part), .atomic(let part): return part.width
        case .repetition(let part, let counts, _):
            if counts.max == 0 { return 0 }
            guard let width = part.width else { return nil }
            return width == 0 || counts.max == counts.min ? width * counts.min : nil
        case .backReference: return nil
        }
    }
}

/// A place where nothing is consumed and something has to hold.
enum PatternAssertion {
    case start
    case end
    /// The end, or before a newline that ends the subject.
    case endOrLastNewline
    case lineStart
    case lineEnd
    case wordBoundary
    case noWordBoundary
}

/// What is wrong with a pattern, in PCRE's words where it has some, and behind which octet.
struct PatternError: Error, Equatable {
    let reason: String
    let offset: Int
}
