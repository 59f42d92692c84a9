import Wire

/// A value that an exchange remembers.
struct RememberedValue: Equatable, BitwiseCopyable {
    let digest: ValueDigest
    /// When it is forgotten; `nil` when only others take its place.
    let end: WallTime?
}

/// The values an x-message-deduplication exchange remembers, oldest first.
///
/// At most 100 octets each, and 48 more for the timer of one that has an end.
struct RememberedValues: ~Copyable {
    private struct Node: BitwiseCopyable {
        let value: RememberedValue
        var timer: TimerWheel<TimerEvent>.ID
        var next: UInt32
        var previous: UInt32
    }

    /// `nil` for exchanges of other types.
    let cache: DeduplicationCache?
    private var numbers: [ValueDigest: UInt32] = [:]
    private var nodes = Slab<Node>()
    private var firstFree: UInt32 = 0
    private var first: UInt32 = 0
    private var last: UInt32 = 0

    init(_ cache: DeduplicationCache?) { self.cache = cache }

    var count: Int { numbers.count }

    /// Whether there is no room for another value.
    var isFull: Bool { count >= (cache?.countMax ?? 0) }

    func contains(_ digest: ValueDigest) -> Bool { numbers[digest] != nil }

    /// Adds a value that is not there, as the newest; there is room.
    ///
    /// - Returns: Its number until it is removed.
    mutating func add(_ value: RememberedValue) -> UInt32 {
        let node = Node(value: value, timer: .none, next: 0, previous: last)
        let number: UInt32
        if firstFree == 0 {
            number = nodes.append(node)
        } else {
            number = firstFree
            firstFree = nodes[number].next
            nodes[number] = node
        }
        if last == 0 { first = number } else { nodes[last].next = number }
        last = number
        numbers[value.digest] = number
        return number
    }

    mutating func setTimer(_ timer: TimerWheel<TimerEvent>.ID, of number: UInt32) {
        nodes[number].timer = timer
    }

    /// Forgets a value.
    ///
    /// - Returns: The timer it had.
    @discardableResult
    mutating func remove(_ number: UInt32) -> TimerWheel<TimerEvent>.ID {
        let node = nodes[number]
        if node.previous == 0 { first = node.next } else { nodes[node.previous].next = node.next }
        if node.next == 0 {
            last = node.previous
        } else {
            nodes[node.next].previous = node.previous
        }
        numbers[node.value.digest] = nil
        nodes[number].next = firstFree
        firstFree = number
        if numbers.isEmpty {
            nodes.removeAll()
            firstFree = 0
        }
        return node.timer
    }

    /// Forgets the oldest value.
    ///
    /// - Returns: The timer it had; `nil` when there is no value.
    mutating func removeFirst() -> TimerWheel<TimerEvent>.ID? {
        first == 0 ? nil : remove(first)
    }

    /// Calls `body` with every value, oldest first.
    func forEach(_ body: (RememberedValue) -> Void) {
        var number = first
        while number != 0 {
            body(nodes[number].value)
            number = nodes[number].next
        }
    }
}

extension Handle where State == VirtualHostState {
    /// Whether an exchange has seen the value of a message before; remembers it if not.
    ///
    /// A duplicate is answered for when what came before is durable: the first of its kind may
    /// not be yet, and its publisher may never have heard of it.
    func isDuplicate(_ message: Message, headers: ByteView?, in exchange: Exchange) -> Bool {
        guard exchange.state.values.cache != nil, let headers else { return false }
        let value: FieldView?
        let time: FieldView?
        do throws(WireError) {
            value = try HeaderKey.find(DeduplicationHeader.value, inEntries: headers)
            time = try HeaderKey.find(DeduplicationHeader.timeToLive, inEntries: headers)
        } catch {
            // Headers nobody else has to read are passed on as they are.
            return false
        }
        guard let value else { return false }
        let digest = HeaderKey.digest(of: value)
        guard !exchange.state.values.contains(digest) else {
            awaitEarlierCopy(of: message)
            return true
        }
        let own = time?.integer.map { Duration.milliseconds($0) }
        remember(digest, for: own ?? exchange.state.values.cache?.timeToLive, in: exchange)
        return false
    }

    /// What must be durable for all that came before the present message to be.
    var earlierLSN: UInt64 { state.journal.transactionLSN ?? state.journal.buffer.nextLSN }

    /// What came so far must be durable before a duplicate is confirmed.
    private func awaitEarlierCopy(of message: Message) {
        guard state.journal.isOn, message.header.traits.contains(.persistent) else { return }
        let lsn = earlierLSN
        state.routeScratch.awaitedLSN = max(lsn, state.routeScratch.awaitedLSN ?? 0)
    }

    private func remember(
        _ digest: ValueDigest,
        for time: Duration?,
        in exchange: Exchange
    ) {
        if let time, time <= .zero { return }
        let end = time.map { wallTime(state.now + $0) }
        let value = RememberedValue(digest: digest, end: end)
        add(value, to: exchange)
        guard exchange.state.isDurable, exchange.state.values.cache?.isOnDisk == true,
            state.journal.isOn
        else { return }
        state.journal.newValues.append((exchange, value))
    }

    /// Makes an exchange remember a value, forgetting the oldest for it.
    fileprivate func add(_ value: RememberedValue, to exchange: Exchange) {
        while exchange.state.values.isFull, let timer = exchange.state.values.removeFirst() {
            if timer != .none { state.timers.cancel(timer) }
        }
        let number = exchange.state.values.add(value)
        guard let end = value.end else { return }
        let timer = state.timers.add(.valueEnds(exchange, number: number), at: instant(end))
        exchange.state.values.setTimer(timer, of: number)
    }

    /// Forgets all that an exchange remembers.
    func forgetValues(of exchange: Exchange) {
        flushNewValues()
        while let timer = exchange.state.values.removeFirst() {
            if timer != .none { state.timers.cancel(timer) }
        }
    }
}

/// Remembered values in the journal.
extension Handle where State == VirtualHostState {
    /// Values in one record of a description.
    private static var valueCountMax: Int { 4096 }

    /// Writes the values that are new behind the messages they came with: a crash may then lose a
    /// value whose message is there, but not a message whose value is.
    func flushNewValues() {
        guard !state.journal.newValues.isEmpty else { return }
        var values: [(exchange: Exchange, value: RememberedValue)] = []
        swap(&values, &state.journal.newValues)
        for (exchange, value) in values { journal([value], of: exchange) }
    }

    /// Describes all that an exchange remembers.
    func describeValues(of exchange: Exchange) {
        guard exchange.state.isDurable, exchange.state.values.cache?.isOnDisk == true else {
            return
        }
        var values: [RememberedValue] = []
        exchange.state.values.forEach { value in
            values.append(value)
            guard values.count == Self.valueCountMax else { return }
            journal(values, of: exchange)
            values = []
        }
        if !values.isEmpty { journal(values, of: exchange) }
    }

    private func journal(_ values: [RememberedValue], of exchange: Exchange) {
        journal(
            .valuesRemembered(
                ValuesRecord(
                    exchange: ShortString(bytes: exchange.state.name) ?? "",
                    time: wallTime(state.now),
                    values: values
                )
            )
        )
    }

    /// Takes in what an exchange remembered before the restart.
    ///
    /// A value that had to go and came again counts from when it came last.
    func restore(_ values: [RememberedValue], to exchange: Exchange) {
        guard let countMax = exchange.state.values.cache?.countMax else { return }
        let now = wallTime(state.now).milliseconds
        var seen: Set<ValueDigest> = []
        var live: [RememberedValue] = []
        for value in values.reversed() where live.count < countMax {
            guard value.end.map({ $0.milliseconds > now }) ?? true else { continue }
            if seen.insert(value.digest).inserted { live.append(value) }
        }
        for value in live.reversed() { add(value, to: exchange) }
    }
}
