import Wire

/// The last messages of an x-recent-history exchange, which new bindings get.
///
/// Holds one reference of each. Kept in memory only, as in RabbitMQ: it begins empty after a
/// restart.
struct RecentHistory: ~Copyable {
    /// Messages kept without x-recent-history-length.
    static let countDefault = 20

    /// 0 for exchanges of other types.
    let countMax: Int
    private(set) var messages = Ring<Message>()

    init(countMax: Int) { self.countMax = countMax }

    /// How many messages an exchange's arguments ask it to keep.
    ///
    /// - Throws: 406 unless x-recent-history-length is a whole number above 0.
    static func countMax(_ arguments: FieldTable) throws(ProtocolError) -> Int {
        guard let value = arguments["x-recent-history-length"] else { return countDefault }
        guard let count = value.integer, count > 0 else {
            throw ProtocolError(
                .preconditionFailed,
                "Invalid argument, 'x-recent-history-length' must be a positive integer"
            )
        }
        return Int(count)
    }

    /// Takes in a message, which gains a reference.
    ///
    /// - Returns: The one that had to go for it, whose reference is the caller's now.
    mutating func add(_ message: Message) -> Message? {
        message.retain()
        messages.append(message)
        return messages.count > countMax ? messages.popFirst() : nil
    }

    /// Gives up the oldest message with its reference; `nil` when there is none.
    mutating func removeFirst() -> Message? { messages.popFirst() }
}

extension Handle where State == VirtualHostState {
    /// Remembers a message that comes through an exchange, unless its headers say not to.
    func remember(_ message: Message, headers: ByteView?, in exchange: Exchange) {
        if let headers, isKeptOutOfHistory(headers) { return }
        if let oldest = exchange.state.history.add(message) { release(oldest) }
    }

    /// Whether x-recent-history-no-store is true; headers have been read before any routing.
    private func isKeptOutOfHistory(_ headers: ByteView) -> Bool {
        var cursor = FieldTableCursor(entries: headers)
        do throws(WireError) {
            while let (name, value) = try cursor.next() {
                guard name == RecentHistoryHeader.noStore.bytes else { continue }
                return value.type == .bool && value.octets[0] != 0
            }
        } catch {
            return false
        }
        return false
    }

    /// Puts what an exchange remembers, oldest first, where a new binding of it leads.
    func sendHistory(of exchange: Exchange, to destination: Destination) {
        for index in 0..<exchange.state.history.messages.count {
            let copy = copy(exchange.state.history.messages[index])
            copy.retain()
            switch destination {
            case .queue(let queue): enqueue(copy, into: queue, from: exchange)
            case .exchange(let next):
                do throws(ProtocolError) {
                    enqueue(copy, to: try routes(of: copy, through: next))
                } catch {
                    preconditionFailure("a remembered message with unreadable headers")
                }
            }
            release(copy)
        }
    }

    func forgetHistory(of exchange: Exchange) {
        while let message = exchange.state.history.removeFirst() { release(message) }
    }
}

/// Headers of messages an x-recent-history exchange looks at.
enum RecentHistoryHeader {
    static let noStore: ShortString = "x-recent-history-no-store"
}
