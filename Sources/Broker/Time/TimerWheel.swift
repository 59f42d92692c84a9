/// Many timers at little cost: adding and cancelling take a few instructions, however many.
///
/// A hierarchical wheel. Time is cut into ticks of one millisecond; a slot of the lowest level is
/// one tick, a slot of every level above is 64 slots of the one below. A level has 128 slots: those
/// of its present stretch of 64, and of the next. A timer lies in the level of the highest digit
/// (base 64) in which its tick differs from the present one, and moves down, at most once for each
/// level, before time reaches its slot. A timer is never early, and late by less than a tick and
/// whatever the caller is late. Timers of the same tick fire in the order they were added.
///
/// A slot may hold millions. So it is emptied little by little during the slot before it, rather
/// than when time reaches it; a timer that comes for it meanwhile goes to its end, and so keeps
/// its place behind those that have yet to move.
///
/// Nothing here runs by itself: whoever owns the wheel asks for `nextDeadline` and then takes what
/// is due.
struct TimerWheel<Event: BitwiseCopyable>: ~Copyable {
    /// One timer, until it has fired or been cancelled.
    struct ID: BitwiseCopyable, Equatable {
        /// Its number; 0 is no timer's.
        let index: UInt32

        /// No timer at all.
        static var none: ID { ID(index: 0) }
    }

    private struct Node: BitwiseCopyable {
        var tick: UInt64
        let event: Event
        var list: UInt16
        var next: UInt32
        var previous: UInt32
    }

    private struct List: BitwiseCopyable {
        var first: UInt32 = 0
        var last: UInt32 = 0
    }

    private static var nanosecondsPerTick: UInt64 { 1_000_000 }
    private static var digitBits: UInt64 { 6 }
    private static var slotCount: Int { 128 }
    private static var levelCount: Int { 8 }
    /// Timers of a level that move down at once, before their slot is reached.
    private static var movedCountMax: Int { 512 }
    /// The furthest a timer can lie ahead, in ticks: half of what the levels cover, 4,400 years.
    private static var distanceMax: UInt64 { 1 << 47 }
    /// With more nodes than this the memory goes back when the last timer is gone.
    private static var keptCountMax: Int { 4096 }
    /// The list of those that are due.
    private static var due: Int { slotCount * levelCount }

    /// Node 0 is nobody's.
    private var nodes = Slab<Node>()
    private var firstFree: UInt32 = 0
    private var lists = [List](repeating: List(), count: TimerWheel.due + 1)
    /// One bit for each slot that holds timers, two words for each level.
    private var occupied = [UInt64](repeating: 0, count: 2 * TimerWheel.levelCount)
    /// Everything up to this tick has been taken.
    private var currentTick: UInt64 = 0
    /// What `popDue` was last asked for: what is added meanwhile waits for the next time.
    private var askedTick: UInt64 = 0
    /// Timers that have neither fired nor been cancelled.
    private(set) var count = 0
    /// When the owner should look again: may be too early, never too late.
    ///
    /// `distantFuture` without timers.
    private(set) var nextDeadline = Instant.distantFuture

    init() {}

    /// Sets a timer.
    ///
    /// - Parameters:
    ///   - event: What `popDue` gives back.
    ///   - deadline: When; one that has passed fires with the next tick.
    /// - Returns: What cancels it.
    mutating func add(_ event: Event, at deadline: Instant) -> ID {
        let (whole, rest) = deadline.nanoseconds.quotientAndRemainder(
            dividingBy: Self.nanosecondsPerTick
        )
        let wanted = rest == 0 ? whole : whole + 1
        let earliest = max(currentTick, askedTick) + 1
        let tick = min(max(wanted, earliest), currentTick + Self.distanceMax)
        let index: UInt32
        let node = Node(tick: tick, event: event, list: 0, next: 0, previous: 0)
        if firstFree == 0 {
            index = nodes.append(node)
        } else {
            index = firstFree
            firstFree = nodes[index].next
            nodes[index] = node
        }
        count += 1
        let level = place(index, upTo: Self.levelCount - 1)
        let wanting = level == 0 ? tick : wakeTick(of: level, slot: tick >> Self.shift(level))
        nextDeadline = min(nextDeadline, Self.instant(wanting))
        return ID(index: index)
    }

    /// Forgets a timer that has not fired.
    ///
    /// - Returns: The instant it would have fired, rounded up to a tick.
    @discardableResult
    mutating func cancel(_ id: ID) -> Instant {
        let tick = nodes[id.index].tick
        remove(id.index)
        free(id.index)
        if count == 0 { nextDeadline = .distantFuture }
        return Self.instant(tick)
    }

    /// When a timer will fire, rounded up to a tick.
    func deadline(of id: ID) -> Instant { Self.instant(nodes[id.index].tick) }

    /// Takes the next timer that is due.
    ///
    /// - Parameter now: The present; an earlier one than before takes nothing.
    /// - Returns: Its event; `nil` when no more are due, which sets `nextDeadline` right again.
    mutating func popDue(at now: Instant) -> Event? {
        let limit = now.nanoseconds / Self.nanosecondsPerTick
        askedTick = max(askedTick, limit)
        while lists[Self.due].first == 0 {
            guard let (level, slot) = firstSlot(upTo: limit) else {
                moveAhead(to: limit)
                return nil
            }
            let start = slot << Self.shift(level)
            if level == 0 {
                currentTick = start
                empty(0, slot: slot, countMax: .max)
            } else {
                // Time has come here faster than the slot was emptied.
                currentTick = max(currentTick, start - 1)
                empty(level, slot: slot, countMax: .max)
            }
        }
        let index = lists[Self.due].first
        let event = nodes[index].event
        remove(index)
        free(index)
        return event
    }

    /// The occupied slot that begins first, of the highest level with such a one.
    ///
    /// - Parameter limit: The last tick at which it may begin.
    /// - Returns: Its level, and its number in all of time; `nil` when there is none.
    private func firstSlot(upTo limit: UInt64) -> (level: Int, slot: UInt64)? {
        var found: (level: Int, slot: UInt64)?
        var first = UInt64.max
        for level in (0..<Self.levelCount).reversed() {
            guard let slot = firstSlot(of: level) else { continue }
            let start = slot << Self.shift(level)
            if start < first, start <= limit {
                first = start
                found = (level, slot)
            }
        }
        return found
    }

    /// The occupied slot of a level that comes first.
    private func firstSlot(of level: Int) -> UInt64? {
        let present = currentTick >> Self.shift(level)
        let stretch = present >> Self.digitBits
        for next in stretch...stretch + 1 {
            let word = occupied[2 * level + Int(next & 1)]
            if word != 0 { return next << Self.digitBits | UInt64(word.trailingZeroBitCount) }
        }
        return nil
    }

    /// Notes that nothing is left up to a tick, and prepares for what comes behind it.
    private mutating func moveAhead(to limit: UInt64) {
        currentTick = max(currentTick, limit)
        var next = UInt64.max
        for level in (1..<Self.levelCount).reversed() {
            let slot = (currentTick >> Self.shift(level)) + 1
            empty(level, slot: slot, countMax: Self.movedCountMax)
        }
        for level in 0..<Self.levelCount {
            guard let slot = firstSlot(of: level) else { continue }
            next = min(next, level == 0 ? slot : wakeTick(of: level, slot: slot))
        }
        nextDeadline = next == .max ? .distantFuture : Self.instant(next)
    }

    /// When a slot above the lowest level begins to be emptied: with the one before it.
    private func wakeTick(of level: Int, slot: UInt64) -> UInt64 {
        max(currentTick + 1, (slot - 1) << Self.shift(level))
    }

    /// Moves timers of a slot to the levels below, or to those due.
    ///
    /// - Parameters:
    ///   - level: Of the slot.
    ///   - slot: Its number in all of time.
    ///   - countMax: How many timers at most.
    private mutating func empty(_ level: Int, slot: UInt64, countMax: Int) {
        let list = Self.list(level, slot)
        var left = countMax
        while left > 0, lists[list].first != 0 {
            let index = lists[list].first
            remove(index)
            place(index, upTo: level - 1)
            left -= 1
        }
    }

    /// Puts a timer into the list of its tick.
    ///
    /// - Parameters:
    ///   - index: Its node.
    ///   - highest: The level it may be in at most.
    /// - Returns: The level it is in; 0 as well for one that is due.
    @discardableResult
    private mutating func place(_ index: UInt32, upTo highest: Int) -> Int {
        let tick = nodes[index].tick
        guard tick > currentTick else {
            append(index, to: Self.due)
            return 0
        }
        let highestBit = 63 - (tick ^ currentTick).leadingZeroBitCount
        var level = min(highestBit / Int(Self.digitBits), highest)
        while level > 0 {
            let slot = tick >> Self.shift(level)
            let distance = slot - (currentTick >> Self.shift(level))
            let isEmptied = lists[Self.list(level, slot)].first == 0
            guard distance == 0 || distance == 1 && isEmptied else { break }
            level -= 1
        }
        let slot = tick >> Self.shift(level)
        append(index, to: Self.list(level, slot))
        occupied[2 * level + Int(slot >> Self.digitBits & 1)] |= 1 << (slot & 63)
        return level
    }

    private mutating func append(_ index: UInt32, to list: Int) {
        let last = lists[list].last
        nodes[index].list = UInt16(list)
        nodes[index].next = 0
        nodes[index].previous = last
        if last == 0 { lists[list].first = index } else { nodes[last].next = index }
        lists[list].last = index
    }

    private static func shift(_ level: Int) -> UInt64 { UInt64(level) * digitBits }

    private static func list(_ level: Int, _ slot: UInt64) -> Int {
        level * slotCount + Int(slot & UInt64(slotCount - 1))
    }

    /// Takes a timer out of its list.
    private mutating func remove(_ index: UInt32) {
        let node = nodes[index]
        let list = Int(node.list)
        if node.previous == 0 {
            lists[list].first = node.next
        } else {
            nodes[node.previous].next = node.next
        }
        if node.next == 0 {
            lists[list].last = node.previous
        } else {
            nodes[node.next].previous = node.previous
        }
        if lists[list].first == 0, list != Self.due {
            occupied[list / 64] &= ~(1 << UInt64(list % 64))
        }
    }

    private mutating func free(_ index: UInt32) {
        count -= 1
        if count == 0, nodes.count > Self.keptCountMax {
            nodes.removeAll()
            firstFree = 0
        } else {
            nodes[index].next = firstFree
            firstFree = index
        }
    }

    private static func instant(_ tick: UInt64) -> Instant {
        let (nanoseconds, overflow) = tick.multipliedReportingOverflow(by: nanosecondsPerTick)
        return overflow ? .distantFuture : Instant(nanoseconds: nanoseconds)
    }
}
