/// The ready messages of a queue with x-max-priority that are above the lowest priority.
///
/// A level is made when the first message of its priority comes, and a bit says whether there is
/// something in it.
struct PriorityLevelsState: ~Copyable {
    fileprivate(set) var table = HandleTable<ReadyLevel>()
    /// The priorities that have messages.
    fileprivate(set) var occupied = PrioritySet()
    /// The level with the highest of them.
    fileprivate(set) var highest: Handle<ReadyLevel>?
    fileprivate var highestPriority: UInt8 = 0
    /// Messages at the beginning of it that were looked ahead to.
    fileprivate var aheadCount = 0
    /// What was read of them: reading what nobody takes up would be left out.
    fileprivate var seen: UInt8 = 0

    init() {}

    deinit { table.forEach { $0.destroy() } }
}

extension Handle where State == PriorityLevelsState {
    /// The level of a priority above 0; one is made if it has none.
    @discardableResult
    func make(_ priority: UInt8) -> Handle<ReadyLevel> {
        if let level = state.table[UInt16(priority)] { return level }
        let level = Handle<ReadyLevel>(ReadyLevel())
        state.table.set(level, at: UInt16(priority))
        return level
    }

    /// The level of a priority to which a message is being added.
    @inline(__always)
    func occupied(_ priority: UInt8) -> Handle<ReadyLevel> {
        guard let level = state.table[UInt16(priority)], !level.state.isEmpty else {
            return occupy(priority)
        }
        return level
    }

    @inline(never)
    private func occupy(_ priority: UInt8) -> Handle<ReadyLevel> {
        let level = make(priority)
        state.occupied.insert(priority)
        if priority > state.highestPriority { setHighest(priority, level) }
        return level
    }

    /// The last message of a priority has left.
    func vacate(_ priority: UInt8) {
        state.occupied.remove(priority)
        guard priority == state.highestPriority else { return }
        let next = state.occupied.highest
        setHighest(next, state.table[UInt16(next)])
    }

    private func setHighest(_ priority: UInt8, _ level: Handle<ReadyLevel>?) {
        state.highestPriority = priority
        state.highest = level
        state.aheadCount = 0
    }

    /// The level from which a message is being taken.
    ///
    /// What stands side by side in a level came at different times, and lies at different ends of
    /// memory. So a few are looked at ahead: the processor fetches them together, rather than
    /// one by one when their turn comes.
    var top: Handle<ReadyLevel>? {
        guard let level = state.highest else { return nil }
        if state.aheadCount == 0 { state.aheadCount = level.state.lookAhead(into: &state.seen) }
        state.aheadCount -= 1
        return level
    }
}
