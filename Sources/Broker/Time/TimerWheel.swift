/// Many timers at little cost: adding and cancelling take a few instructions, however many.
///
/// A hierarchical wheel. Time is cut into ticks of one millisecond; the lowest level has a slot
/// for each of 64 ticks, every level above a slot for 64 slots of the one below. A timer lies in
/// the level of the highest digit (base 64) in which its tick differs from the present one, and
/// moves down when time reaches its slot, at most once for each level. A timer is never early,
/// and late by less than a tick and whatever the caller is late. Timers of the same tick fire in
/// the order they were added.
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
    private static var slotCount: Int { 64 }
    private static var levelCount: Int { 8 }
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
    /// One bit for each slot of a level that holds timers.
    private var occupied = [UInt64](repeating: 0, count: TimerWheel.levelCount)
    /// Everything up to this tick has been taken.
    private var currentTick: UInt64 = 0
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
        let tick = min(max(wanted, currentTick + 1), currentTick + Self.distanceMax)
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
        place(index)
        let instant = Self.instant(tick)
        if instant < nextDeadline { nextDeadline = instant }
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
        while lists[Self.due].first == 0 {
            guard let level = occupied.firstIndex(where: { $0 != 0 }) else {
                currentTick = max(currentTick, limit)
                nextDeadline = .distantFuture
                return nil
            }
            let start = firstTick(of: level)
            guard start <= limit else {
                currentTick = max(currentTick, limit)
                nextDeadline = Self.instant(start)
                return nil
            }
            currentTick = start
            empty(level, slot: Int((start >> (UInt64(level) * Self.digitBits)) & 63))
        }
        let index = lists[Self.due].first
        let event = nodes[index].event
        remove(index)
        free(index)
        return event
    }

    /// The tick at which the first occupied slot of a level begins.
    private func firstTick(of level: Int) -> UInt64 {
        let shift = UInt64(level) * Self.digitBits
        let slot = UInt64(occupied[level].trailingZeroBitCount)
        let above = shift + Self.digitBits
        return ((currentTick >> above) << above) | (slot << shift)
    }

    /// Moves the timers of a slot that time has reached to the levels below, or to those due.
    private mutating func empty(_ level: Int, slot: Int) {
        let list = level * Self.slotCount + slot
        var index = lists[list].first
        lists[list] = List()
        occupied[level] &= ~(1 << UInt64(slot))
        while index != 0 {
            let next = nodes[index].next
            place(index)
            index = next
        }
    }

    /// Puts a timer into the list of its tick.
    private mutating func place(_ index: UInt32) {
        let tick = nodes[index].tick
        var list = Self.due
        if tick > currentTick {
            let highestBit = 63 - UInt64((tick ^ currentTick).leadingZeroBitCount)
            let level = min(Int(highestBit / Self.digitBits), Self.levelCount - 1)
            let slot = (tick >> (UInt64(level) * Self.digitBits)) & 63
            list = level * Self.slotCount + Int(slot)
            occupied[level] |= 1 << slot
        }
        let last = lists[list].last
        nodes[index].list = UInt16(list)
        nodes[index].next = 0
        nodes[index].previous = last
        if last == 0 { lists[list].first = index } else { nodes[last].next = index }
        lists[list].last = index
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
            occupied[list / Self.slotCount] &= ~(1 << UInt64(list % Self.slotCount))
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
