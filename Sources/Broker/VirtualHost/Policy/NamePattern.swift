/// A regular expression that names of queues and exchanges are searched for.
///
/// As in RabbitMQ (`re:run` without options) it matches octets and is not anchored. Matching goes
/// back and tries again, so a pattern may ask for more work than there is time; it is bounded, and
/// a name that would take longer is not matched (PCRE has a limit of the same kind).
struct NamePattern {
    /// As it was given.
    let octets: [UInt8]
    private let program: PatternProgram

    /// Steps spent on one name.
    static let stepCountMax = 100_000

    /// - Throws: What is wrong with the pattern, in PCRE's words, and at which octet.
    init(_ octets: [UInt8]) throws(PatternError) {
        self.octets = octets
        let (root, captureCount) = try PatternParser.parse(octets)
        program = try PatternProgram(root, captureCount: captureCount)
    }

    /// Whether the pattern is somewhere in a name.
    func matches(_ name: [UInt8]) -> Bool {
        var search = PatternSearch(program, name, stepCountMax: Self.stepCountMax)
        // What begins with ^ can match at the start only.
        let last = if case .assertion(.start) = program.steps[0] { 0 } else { name.count }
        for start in 0...last {
            if search.run(at: 0, from: start) != nil { return true }
            if search.isExhausted { return false }
        }
        return false
    }
}

/// One search for a pattern in a name.
private struct PatternSearch {
    private let steps: [PatternProgram.Step]
    private let name: [UInt8]
    private var slots: [Int]
    private var budget: Int
    /// Where to go on when a way leads nowhere, and slots to put back before.
    private var trail: [Choice] = []

    private enum Choice {
        case way(step: Int, place: Int)
        case slot(Int, value: Int)
    }

    init(_ program: PatternProgram, _ name: [UInt8], stepCountMax: Int) {
        steps = program.steps
        self.name = name
        slots = Array(repeating: -1, count: program.slotCount)
        budget = stepCountMax
    }

    var isExhausted: Bool { budget <= 0 }

    /// Follows the steps from one on to `accept`.
    ///
    /// Inner runs (look-around, atomic groups) lie in each other no deeper than groups may.
    ///
    /// - Returns: The place reached; `nil` when no way leads there.
    mutating func run(at first: Int, from start: Int) -> Int? {
        let bottom = trail.count
        var step = first
        var place = start
        while true {
            budget -= 1
            guard budget > 0 else { return abandon(to: bottom) }
            switch advance(step, place) {
            case .to(let nextStep, let nextPlace): (step, place) = (nextStep, nextPlace)
            case .done:
                // Ways not taken are given up; slots can still be put back by an outer way.
                forgetWays(above: bottom)
                return place
            case .nowhere:
                guard let way = goBack(to: bottom) else { return nil }
                (step, place) = way
            }
        }
    }

    private enum Move {
        case to(Int, Int)
        case done
        case nowhere
    }

    private mutating func advance(_ step: Int, _ place: Int) -> Move {
        switch steps[step] {
        case .set(let set):
            guard place < name.count, set.contains(name[place]) else { return .nowhere }
            return .to(step + 1, place + 1)
        case .assertion(let assertion):
            return holds(assertion, at: place) ? .to(step + 1, place) : .nowhere
        case .save(let slot):
            trail.append(.slot(slot, value: slots[slot]))
            slots[slot] = place
            return .to(step + 1, place)
        case .split(let first, let second):
            trail.append(.way(step: second, place: place))
            return .to(first, place)
        case .jump(let target): return .to(target, place)
        case .leaveIfStill(let slot, let target):
            return .to(slots[slot] == place ? target : step + 1, place)
        case .look(let isNegative, let behind):
            let bottom = trail.count
            let isFound = run(at: step + 1, from: place) != nil
            if isNegative, isFound { _ = goBack(to: bottom) }
            return isFound != isNegative && !isExhausted ? .to(behind, place) : .nowhere
        case .atomic(let behind):
            guard let end = run(at: step + 1, from: place) else { return .nowhere }
            return .to(behind, end)
        case .back(let count): return place >= count ? .to(step + 1, place - count) : .nowhere
        case .backReference(let number, let caseless):
            guard let end = matchAgain(number, at: place, caseless: caseless) else {
                return .nowhere
            }
            return .to(step + 1, end)
        case .accept: return .done
        }
    }

    /// Takes what a group has matched once more.
    private func matchAgain(_ number: Int, at place: Int, caseless: Bool) -> Int? {
        let start = slots[2 * number]
        let end = slots[2 * number + 1]
        guard start >= 0, end >= start, place + end - start <= name.count else { return nil }
        for offset in 0..<end - start
        where !ByteSet.isSame(name[start + offset], name[place + offset], caseless: caseless) {
            return nil
        }
        return place + end - start
    }

    private func holds(_ assertion: PatternAssertion, at place: Int) -> Bool {
        switch assertion {
        case .start: place == 0
        case .end: place == name.count
        case .endOrLastNewline:
            place == name.count || place == name.count - 1 && name[place] == 0x0A
        case .lineStart: place == 0 || place < name.count && name[place - 1] == 0x0A
        case .lineEnd: place == name.count || name[place] == 0x0A
        case .wordBoundary: isWord(place - 1) != isWord(place)
        case .noWordBoundary: isWord(place - 1) == isWord(place)
        }
    }

    private func isWord(_ place: Int) -> Bool {
        name.indices.contains(place) && ByteSet.word.contains(name[place])
    }

    // MARK: - The trail

    /// Puts slots back as they were at the last way not taken, which is returned.
    private mutating func goBack(to bottom: Int) -> (step: Int, place: Int)? {
        while trail.count > bottom, let choice = trail.popLast() {
            switch choice {
            case .way(let step, let place): return (step, place)
            case .slot(let slot, let value): slots[slot] = value
            }
        }
        return nil
    }

    private mutating func forgetWays(above bottom: Int) {
        var kept = bottom
        for index in bottom..<trail.count {
            if case .slot = trail[index] {
                trail[kept] = trail[index]
                kept += 1
            }
        }
        trail.removeLast(trail.count - kept)
    }

    private mutating func abandon(to bottom: Int) -> Int? {
        trail.removeLast(trail.count - bottom)
        return nil
    }
}
