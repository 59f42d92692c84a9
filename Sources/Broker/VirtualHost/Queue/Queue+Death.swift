import Wire

/// Messages that die: they go to the queue's dead-letter exchange, if it has one.
extension Handle where State == QueueState {
    /// Lets a message die that has left the queue.
    @inline(__always)
    func die(_ entry: QueueEntry, _ reason: DeathReason) {
        if state.isKeyed { forgetKeys(of: entry) }
        if state.hasDeadLetterExchange {
            hand(Death(queue: self, entry: entry, reason: reason, wasStored: true))
        } else {
            discard(entry)
        }
    }

    /// The same for a message that has just come, and for which there is no room or no time.
    ///
    /// A dead letter that has to wait, or may have to, is not in the journal when the publisher is
    /// answered; then the message is, like any other of the queue.
    ///
    /// - Returns: `.dying` in that case, else `.gone`.
    func dieOnArrival(_ entry: QueueEntry, _ reason: DeathReason) -> EnqueueOutcome {
        guard state.hasDeadLetterExchange else {
            state.virtualHost.release(entry.message)
            return .gone
        }
        let isStored = !state.dying.isEmpty || state.settings.keepsDeadLetters
        hand(Death(queue: self, entry: entry, reason: reason, wasStored: isStored))
        return isStored ? .dying : .gone
    }

    /// A death is dealt with when what led to it is over, since that may be routing itself; what
    /// is on disk only is read first, and those behind it wait, so that they keep their order.
    @inline(never)
    func hand(_ death: Death) {
        guard death.entry.place != .lost else { return discard(death.entry) }
        state.dyingCount += 1
        if !death.wasStored, state.virtualHost.state.isBurying {
            state.virtualHost.state.refusedLetters.append(death)
            return
        }
        pass(on: death)
    }

    /// Sends a death on its way to be dealt with.
    func pass(on death: Death) {
        if state.dying.isEmpty, !death.entry.isPaged {
            state.virtualHost.state.deaths.append(death)
            return
        }
        var death = death
        // What is over is so after a restart as well; the rest only the journal can know.
        if state.settings.keepsDeadLetters, death.wasStored, death.reason != .expired {
            journalDeath(&death)
        }
        state.dying.append(death)
        if death.entry.isPaged { state.virtualHost.read(death.entry, of: self) }
    }

    /// The dead message at a position, if it waits to be read or behind such.
    func dying(at position: UInt64) -> Death? {
        for index in 0..<state.dying.count where state.dying[index].entry.position == position {
            return state.dying[index]
        }
        return nil
    }

    /// Lets `body` change the entries that wait behind others to be buried.
    ///
    /// Not those that are being read from where they stand: their records are kept until then.
    func updateDying(_ body: (inout QueueEntry) -> Void) {
        for index in 0..<state.dying.count
        where state.dying[index].wasStored && !state.dying[index].entry.isPaged {
            body(&state.dying[index].entry)
        }
    }

    /// A message that died on disk has been read, or cannot be.
    ///
    /// - Returns: `false` when it is lost.
    func takeDying(_ item: PageRequest.Item, payload: ByteView?) -> Bool {
        let virtualHost = state.virtualHost
        var isRead = true
        for index in 0..<state.dying.count
        where state.dying[index].entry.position == item.position
            && state.dying[index].entry.place == item.place
        {
            isRead = bringIn(&state.dying[index].entry, payload: payload)
            break
        }
        while let death = state.dying.first, death.entry.place == .lost || !death.entry.isPaged {
            _ = state.dying.popFirst()
            if death.entry.place == .lost {
                state.counters.lost += 1
                forgetDying()
            } else {
                virtualHost.state.deaths.append(death)
            }
        }
        return isRead
    }

    /// Sends a dead message on its way, then lets go of it here.
    ///
    /// In this order the journal has the copy before it says that the original is settled, so a
    /// crash in between leaves one or both.
    fileprivate func bury(_ death: Death) {
        let virtualHost = state.virtualHost
        virtualHost.state.isBurying = true
        if state.settings.keepsDeadLetters, death.wasStored, !state.isDeleted {
            let reached = state.kept?.state.reached.removeValue(forKey: death.entry.position)
            let attempt = state.virtualHost.deadLetter(death, besides: reached ?? [])
            virtualHost.sendRefusedOn()
            guard attempt.isComplete else {
                keep(death, reached: attempt.reached, isRefused: attempt.isRefused)
                return
            }
        } else {
            virtualHost.deadLetter(death)
            virtualHost.sendRefusedOn()
        }
        if death.wasStored {
            discard(death.entry)
        } else {
            state.virtualHost.release(death.entry.message)
        }
        forgetDying()
    }

    /// So many messages that died, or were about to, are dealt with.
    func forgetDying(_ count: Int = 1) {
        state.dyingCount -= count
        if state.isDeleted { destroyIfUnused() }
    }
}

extension Handle where State == VirtualHostState {
    /// Deals with all deaths there are, and with those that brings about.
    @inline(__always)
    func buryDead() {
        if !state.deaths.isEmpty { buryAll() }
    }

    @inline(never)
    private func buryAll() {
        noteStep(.burying)
        while let death = state.deaths.popFirst() {
            death.queue.bury(death)
            noteStep(.buried)
        }
    }

    /// Deals with all deaths there are, before somebody is told that a message is safe.
    ///
    /// - Returns: The LSN that must be durable for the dead letters to be.
    @inline(never)
    func buryDeadForConfirm() -> UInt64 {
        state.lettersLSN = 0
        buryAll()
        return state.lettersLSN
    }

    /// Sends on what found no room where a dead letter went, however often that happens.
    fileprivate func sendRefusedOn() {
        while let death = state.refusedLetters.popFirst() {
            deadLetter(death)
            release(death.entry.message)
            death.queue.forgetDying()
            noteStep(.buried)
        }
        state.isBurying = false
    }

    /// Asks for a message that died while it was on disk only.
    fileprivate func read(_ entry: QueueEntry, of queue: Queue) {
        let item = PageRequest.Item(entry)
        let last = state.paging.requests.count - 1
        if last >= 0, state.paging.requests[last].isForBurying,
            state.paging.requests[last].queue == queue
        {
            state.paging.requests[last].items.append(item)
        } else {
            state.paging.requests.append(
                PageRequest(queue: queue, items: [item], purpose: .burying)
            )
        }
    }

    /// Publishes a dead message to the dead-letter exchange of its queue.
    ///
    /// Without such an exchange, and where no queue is bound, that is the end of it.
    fileprivate func deadLetter(_ death: Death) {
        send(death) { letter, routes, headers in
            enqueue(letter, to: routes, death.reason, headers)
        }
    }

    /// The same where every target has to get it; each gets a record of its own in the journal.
    ///
    /// - Parameters:
    ///   - death: A message that is still in the journal where it died.
    ///   - reached: Queues that have the dead letter already.
    /// - Returns: How far it has come.
    fileprivate func deadLetter(_ death: Death, besides reached: [[UInt8]]) -> DeadLetterAttempt {
        var attempt = DeadLetterAttempt(reached: reached)
        send(death) { letter, routes, headers in
            attempt.hasTarget = state.routeScratch.awaitedLSN != nil
            for queue in (0..<routes.count).map({ routes[$0] })
            where death.reason == .rejected || !DeathHistory.isCycle(queue.state.name, headers) {
                attempt.hasTarget = true
                guard !attempt.reached.contains(queue.state.name) else { continue }
                let copy = copy(letter)
                copy.retain()
                if enqueue(copy, into: queue, from: routes.exchange) {
                    attempt.isRefused = true
                } else {
                    attempt.reached.append(queue.state.name)
                }
                release(copy)
            }
        }
        return attempt
    }

    /// Makes a dead letter, finds where it goes, and calls `deliver` with it and its headers.
    ///
    /// Not where there is no dead-letter exchange. Queues it would come back to for ever are not
    /// to get it (RabbitMQ: rabbit_dead_letter, detect_cycles).
    private func send(
        _ death: Death,
        _ deliver: (Message, RouteList, FieldTable) -> Void
    ) {
        guard let name = death.queue.state.settings.deadLetterExchange,
            let exchange = exchange(named: name), exchange.state.kind != .management
        else { return }
        let message = death.entry.message
        do {
            var properties = try BasicProperties(decoding: message.properties)
            let listedKeys = ExtraKeys.listed(ExtraKeys.cc, in: properties.headers ?? [:])
            let extraKeys = listedKeys + ExtraKeys.unpacked(message.hiddenKeys)
            rewrite(&properties, of: message, for: death, listedKeys)
            let ownKey = death.queue.state.settings.deadLetterRoutingKey
            let copy = copy(
                message,
                route: [UInt8(name.count)] + name.bytes
                    + (ownKey.map { [UInt8($0.count)] + $0.bytes }
                        ?? [message.header.routingKeySize] + message.routingKey.bytes),
                with: properties,
                hiding: ownKey == nil ? nil : .empty
            )
            copy.retain()
            defer { release(copy) }
            let routes = try routes(
                of: copy,
                extraKeys: ownKey == nil ? extraKeys : [],
                through: exchange
            )
            state.lettersLSN = max(state.lettersLSN, state.routeScratch.awaitedLSN ?? 0)
            deliver(copy, routes, properties.headers ?? [:])
        } catch {
            // Headers that cannot be read cannot say that the message goes in a circle.
            return
        }
    }

    /// Puts a dead letter into the queues of a route, but for those that close a circle.
    private func enqueue(
        _ letter: Message,
        to routes: RouteList,
        _ reason: DeathReason,
        _ headers: FieldTable
    ) {
        guard reason != .rejected else {
            enqueue(letter, to: routes)
            return
        }
        let queues = (0..<routes.count).map { routes[$0] }
        let open = queues.filter { !DeathHistory.isCycle($0.state.name, headers) }
        let list = RouteList(exchange: routes.exchange, queues: open, isRemembered: false)
        enqueue(letter, to: list)
        list.destroy()
    }

    /// Makes the properties of a message those of the dead letter.
    private func rewrite(
        _ properties: inout BasicProperties,
        of message: Message,
        for death: Death,
        _ listedKeys: [[UInt8]]
    ) {
        var headers = properties.headers ?? [:]
        DeathHistory.add(
            .init(
                reason: death.reason,
                queue: death.queue.state.name,
                time: wallTime(state.now),
                exchange: message.exchange.bytes,
                routingKeys: [message.routingKey.bytes] + listedKeys,
                expiration: properties.expiration
            ),
            to: &headers
        )
        if death.queue.state.settings.deadLetterRoutingKey != nil { headers.remove(ExtraKeys.cc) }
        properties.headers = headers
        properties.expiration = nil
    }

    /// A copy of a message that goes elsewhere with other properties, and no reference.
    private func copy(
        _ message: Message,
        route: [UInt8],
        with properties: BasicProperties,
        hiding keys: ByteView?
    ) -> Message {
        var writer = ByteWriter()
        properties.encode(into: &writer)
        let letter: Message = ByteView.with(route) { route in
            ByteView.with(writer.bytes) {
                copy(message, route: route, properties: $0, hiding: keys)
            }
        }
        var traits = MessageTraits.priority(properties.priority ?? 0)
        if properties.deliveryMode == 2 { traits.insert(.persistent) }
        letter.header.traits = traits.union(letter.header.traits.intersection(.hasHiddenKeys))
        return letter
    }
}

/// How far a dead letter has come that every target has to get.
private struct DeadLetterAttempt {
    /// Names of the queues that have it.
    var reached: [[UInt8]]
    /// Whether there is a queue for it at all.
    var hasTarget = false
    /// A full queue did not take it.
    var isRefused = false

    var isComplete: Bool { hasTarget && !isRefused }

    init(reached: [[UInt8]]) { self.reached = reached }
}
