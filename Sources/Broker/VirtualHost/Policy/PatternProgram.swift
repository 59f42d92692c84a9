/// A pattern as a list of steps.
struct PatternProgram {
    enum Step {
        /// The next octet has to be one of these.
        case set(ByteSet)
        case assertion(PatternAssertion)
        /// The present place becomes the value of a slot.
        case save(Int)
        /// Goes on at the first, and at the second when that leads nowhere.
        case split(Int, Int)
        case jump(Int)
        /// Goes on there when nothing was consumed since the slot was saved.
        case leaveIfStill(slot: Int, Int)
        /// What follows, up to the `accept` before the place behind it, has to match, or may not.
        case look(isNegative: Bool, behind: Int)
        /// The same, and what it matched is consumed.
        case atomic(behind: Int)
        /// So many octets back.
        case back(Int)
        case backReference(Int, caseless: Bool)
        case accept
    }

    private(set) var steps: [Step] = []
    /// Two for each group that captures, then one for each repetition that may match nothing.
    private(set) var slotCount: Int

    /// Repetitions with counts are written out, so this bounds what a pattern may take.
    static let stepCountMax = 8192

    /// - Throws: When the pattern would take too many steps.
    init(_ root: PatternNode, captureCount: Int) throws(PatternError) {
        slotCount = 2 * (captureCount + 1)
        try add(root)
        try append(.accept)
    }

    private mutating func append(_ step: Step) throws(PatternError) {
        guard steps.count < Self.stepCountMax else {
            throw PatternError(reason: "regular expression is too large", offset: 0)
        }
        steps.append(step)
    }

    /// Adds a step whose target is known later.
    private mutating func reserve() throws(PatternError) -> Int {
        try append(.accept)
        return steps.count - 1
    }

    private mutating func add(_ node: PatternNode) throws(PatternError) {
        switch node {
        case .empty: break
        case .set(let set): try append(.set(set))
        case .sequence(let parts): for part in parts { try add(part) }
        case .alternatives(let parts): try add(alternatives: parts, isBehind: false)
        case .capture(let number, let part):
            try append(.save(2 * number))
            try add(part)
            try append(.save(2 * number + 1))
        case .repetition(let part, let counts, let greed): try add(part, counts, greed)
        case .assertion(let assertion): try append(.assertion(assertion))
        case .look(let part, let isBehind, let isNegative):
            let start = try reserve()
            let parts = if case .alternatives(let parts) = part { parts } else { [part] }
            try add(alternatives: parts, isBehind: isBehind)
            try append(.accept)
            steps[start] = .look(isNegative: isNegative, behind: steps.count)
        case .atomic(let part):
            let start = try reserve()
            try add(part)
            try append(.accept)
            steps[start] = .atomic(behind: steps.count)
        case .backReference(let number, let caseless):
            try append(.backReference(number, caseless: caseless))
        }
    }

    private mutating func add(
        alternatives parts: [PatternNode],
        isBehind: Bool
    ) throws(PatternError) {
        var ends: [Int] = []
        for (index, part) in parts.enumerated() {
            let split = index < parts.count - 1 ? try reserve() : nil
            if isBehind { try append(.back(part.width ?? 0)) }
            try add(part)
            guard let split else { break }
            ends.append(try reserve())
            steps[split] = .split(split + 1, steps.count)
        }
        for end in ends { steps[end] = .jump(steps.count) }
    }

    private mutating func add(
        _ part: PatternNode,
        _ counts: PatternNode.Counts,
        _ greed: PatternNode.Greed
    ) throws(PatternError) {
        if greed == .possessive {
            return try add(.atomic(.repetition(part, counts, .greedy)))
        }
        for _ in 0..<counts.min {
            let start = steps.count
            try add(part)
            // What takes no step takes none however often it comes.
            if steps.count == start { return }
        }
        let isLazy = greed == .lazy
        guard let max = counts.max else { return try addLoop(part, isLazy: isLazy) }
        var splits: [Int] = []
        for _ in counts.min..<max {
            splits.append(try reserve())
            try add(part)
        }
        for split in splits { steps[split] = Self.split(split + 1, steps.count, isLazy: isLazy) }
    }

    private mutating func addLoop(_ part: PatternNode, isLazy: Bool) throws(PatternError) {
        let slot = slotCount
        slotCount += 1
        let start = try reserve()
        try append(.save(slot))
        try add(part)
        let check = try reserve()
        try append(.jump(start))
        steps[check] = .leaveIfStill(slot: slot, steps.count)
        steps[start] = Self.split(start + 1, steps.count, isLazy: isLazy)
    }

    private static func split(_ inside: Int, _ outside: Int, isLazy: Bool) -> Step {
        isLazy ? .split(outside, inside) : .split(inside, outside)
    }
}
