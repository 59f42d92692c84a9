import Wire

/// Putting messages into queues.
extension Handle where State == VirtualHostState {
    /// Puts a persistent message into its queues, and into the journal if one of them keeps it.
    ///
    /// - Parameters:
    ///   - message: Persistent.
    ///   - routes: At least one of the queues is durable.
    ///   - isRefused: Set when a full queue refuses it.
    /// - Returns: The LSN that must be durable before it is confirmed; 0 when nothing was stored.
    @inline(never)
    func enqueuePersistent(
        _ message: Message,
        to routes: RouteList,
        isRefused: inout Bool
    )
        -> UInt64
    {
        if routes.count == 1 {
            let queue = routes[0]
            let position = queue.state.nextPosition
            switch queue.enqueue(message) {
            case .gone: return 0
            case .refused:
                isRefused = true
                return 0
            case .streamed: return streamedLSN
            case .duplicate: return earlierLSN
            case .stored, .dying:
                let terms = queue.recordedTerms(of: message)
                let place = MessageRecord.Place(
                    queue: queue.state.journalID,
                    position: position,
                    terms: terms
                )
                return terms == .none && !message.header.traits.contains(.hasHiddenKeys)
                    ? journal(message, place: place) : journalOnTerms(message, places: [place])
            }
        }
        var places: [MessageRecord.Place] = []
        var isStreamed = false
        var isDuplicate = false
        for index in 0..<routes.count {
            let queue = routes[index]
            let position = queue.state.nextPosition
            switch queue.enqueue(message) {
            case .stored where queue.state.journalID != 0,
                .dying where queue.state.journalID != 0:
                places.append(
                    .init(
                        queue: queue.state.journalID,
                        position: position,
                        terms: queue.recordedTerms(of: message)
                    )
                )
            case .stored, .dying, .gone: break
            case .streamed: isStreamed = true
            // The first of its kind may not be durable yet.
            case .duplicate: isDuplicate = true
            case .refused: isRefused = true
            }
        }
        guard !places.isEmpty else {
            return isStreamed ? streamedLSN : isDuplicate ? earlierLSN : 0
        }
        let isPlain = !message.header.traits.contains(.hasHiddenKeys)
        return isPlain && places.allSatisfy { $0.terms == .none }
            ? journal(message, places: places) : journalOnTerms(message, places: places)
    }

    /// What is durable once what streams have collected is: their chunks are on the disk before
    /// the journal's next batch, which has a record for each of them.
    private var streamedLSN: UInt64 { state.journal.buffer.nextLSN + 1 }

    /// Puts a message nobody waits for into the queues of a route.
    ///
    /// - Parameters:
    ///   - message: With a reference of the caller's; not in the journal yet.
    ///   - routes: Where it goes. A full queue that refuses it does not get it.
    /// - Returns: Whether one did.
    @discardableResult
    func enqueue(_ message: Message, to routes: RouteList) -> Bool {
        if routes.isDurable, message.header.traits.contains(.persistent) || routes.isReplicated,
            state.journal.isOn
        {
            var isRefused = false
            let lsn = enqueuePersistent(message, to: routes, isRefused: &isRefused)
            state.lettersLSN = max(state.lettersLSN, lsn)
            return isRefused
        }
        var isRefused = false
        for index in 0..<routes.count where routes[index].enqueue(message) == .refused {
            isRefused = true
        }
        return isRefused
    }

    /// The same for one queue.
    @discardableResult
    func enqueue(_ message: Message, into queue: Queue, from exchange: Exchange) -> Bool {
        let route = RouteList(exchange: exchange, queues: [queue], isRemembered: false)
        defer { route.destroy() }
        return enqueue(message, to: route)
    }
}
