import Wire

/// Putting a virtual host back to what its journal says.
extension Handle where State == VirtualHostState {
    /// Declares what was durable and queues what was persistent.
    ///
    /// Called once, before any connection and with the journal off. Messages come back in their
    /// old places; what had been handed out before is marked redelivered.
    ///
    /// - Parameters:
    ///   - recovered: The fold of the journal.
    ///   - read: Gives a message record's payload by LSN and size; `nil` when it cannot be read.
    /// - Returns: What could not be brought back.
    func restore(
        _ recovered: RecoveredState,
        read: (_ lsn: UInt64, _ size: Int) -> [UInt8]?
    ) -> [RestoreLoss] {
        var losses: [RestoreLoss] = []
        restoreExchanges(recovered, &losses)
        restoreQueues(recovered, &losses)
        recovered.forEachBinding { binding in
            guard !restore(binding) else { return }
            losses.append(.binding(source: binding.source, destination: binding.destination))
        }
        restoreMessages(recovered, read: read, &losses)
        state.journal.nextQueueID = recovered.highestQueueID + 1
        if let description = recovered.description {
            state.journal.topologyLSN = description.lsn
            state.journal.topologySize = description.size
            state.journal.describedLSN = description.lsn
        }
        return losses
    }

    private func restoreExchanges(
        _ recovered: RecoveredState,
        _ losses: inout [RestoreLoss]
    ) {
        for declare in recovered.liveExchanges {
            guard exchange(named: declare.exchange) == nil else { continue }
            let kind: ExchangeKind
            do throws(ProtocolError) {
                kind = try ExchangeKind(declare)
            } catch {
                losses.append(.exchange(declare.exchange, reason: error.text))
                continue
            }
            var alternate: ShortString?
            if case .longString(let bytes)? = declare.arguments["alternate-exchange"] {
                alternate = ShortString(bytes: bytes)
            }
            _ = addExchange(declare, kind: kind, alternateExchange: alternate)
        }
    }

    private func restoreQueues(_ recovered: RecoveredState, _ losses: inout [RestoreLoss]) {
        for (record, saved) in recovered.liveQueues {
            let declare = QueueDeclare(
                queue: record.name,
                durable: true,
                autoDelete: record.isAutoDelete,
                arguments: record.arguments
            )
            do throws(ProtocolError) {
                let queue = addQueue(record.name, settings: try QueueSettings(declare), for: nil)
                queue.state.journalID = record.id
                queue.state.nextPosition = saved.nextPosition
                queue.state.deliveredThrough = saved.deliveredThrough
            } catch {
                losses.append(.queue(record.name, reason: error.text))
            }
        }
    }

    private func restore(_ record: BindingRecord) -> Bool {
        guard let source = exchange(named: record.source) else { return false }
        let destination: Destination
        if record.isToQueue {
            guard let queue = queue(named: record.destination) else { return true }
            destination = .queue(queue)
        } else {
            guard let exchange = exchange(named: record.destination) else { return false }
            destination = .exchange(exchange)
        }
        do throws(ProtocolError) {
            try bind(source, to: destination, key: record.key, arguments: record.arguments)
            return true
        } catch {
            return false
        }
    }

    /// Reads live messages in the order of the journal, each once, whatever queues it is in.
    private func restoreMessages(
        _ recovered: RecoveredState,
        read: (_ lsn: UInt64, _ size: Int) -> [UInt8]?,
        _ losses: inout [RestoreLoss]
    ) {
        var messages: [UInt64: Message] = [:]
        for (record, saved) in recovered.liveQueues {
            guard let queue = queue(named: record.name) else { continue }
            for entry in saved.takeEntries() {
                let known = messages[entry.lsn]
                guard let message = known ?? message(entry, read: read) else {
                    losses.append(.message(queue: record.name, lsn: entry.lsn))
                    continue
                }
                if known == nil, message.header.traits.contains(.isShared) {
                    messages[entry.lsn] = message
                }
                queue.restore(message, entry, deliveredThrough: saved.deliveredThrough)
            }
        }
    }

    private func message(
        _ entry: RecoveredState.Entry,
        read: (_ lsn: UInt64, _ size: Int) -> [UInt8]?
    ) -> Message? {
        guard let payload = read(entry.lsn, Int(entry.size)) else { return nil }
        return ByteView.with(payload) { payload in
            message(payload, lsn: entry.lsn)
        }
    }

    /// Builds a message from a whole record.
    private func message(_ payload: ByteView, lsn: UInt64) -> Message? {
        let record: MessageRecord
        do throws(WireError) {
            guard case .message(let decoded) = try JournalRecord(decoding: payload) else {
                return nil
            }
            record = decoded
        } catch {
            return nil
        }
        guard payload.count == record.size, record.routeSize >= 2 else { return nil }
        let route = payload.slice(from: record.prefixSize, count: record.routeSize)
        let propertiesStart = record.prefixSize + record.routeSize
        let properties = payload.slice(from: propertiesStart, count: record.propertiesSize)
        let bodyStart = propertiesStart + record.propertiesSize
        let body = payload.slice(from: bodyStart, count: record.bodySize)
        var builder = MessageBuilder(
            route: route,
            properties: properties,
            bodySize: record.bodySize,
            pool: &state.pool
        )
        builder.append(body, pool: &state.pool)
        let message = builder.finish()
        message.header.traits = record.places.count > 1 ? [.persistent, .isShared] : .persistent
        message.header.lsn = lsn
        return message
    }
}

/// Something the journal promised and could not give back.
enum RestoreLoss: Equatable {
    case exchange(ShortString, reason: String)
    case queue(ShortString, reason: String)
    case binding(source: ShortString, destination: ShortString)
    case message(queue: ShortString, lsn: UInt64)
    case record(lsn: UInt64, reason: String)
}

extension Handle where State == QueueState {
    /// Puts a message that was there before the restart back to its place.
    fileprivate func restore(
        _ message: Message,
        _ saved: RecoveredState.Entry,
        deliveredThrough: UInt64
    ) {
        message.retain()
        state.virtualHost.state.journal.ledger.add(saved.lsn, count: 1)
        var entry = QueueEntry(message: message, position: saved.position)
        entry.deliveryCount = saved.deliveryCount
        if saved.position < deliveredThrough { entry.deliveryCount = max(1, saved.deliveryCount) }
        state.ready.append(entry)
    }
}
