import Wire

/// Messages of one queue that are to be read, in the order of the queue.
struct PageRequest {
    struct Item: BitwiseCopyable {
        let position: UInt64
        let priority: UInt8
        let place: MessagePlace
        let bodySize: UInt32
    }

    /// What they are read for.
    enum Purpose {
        case handingOut
        /// They have left the queue already, and wait to become dead letters.
        case burying
        /// They are handed out, and die with a transaction of a channel.
        case committing(holder: UInt64, tags: [UInt64])
    }

    let queue: Queue
    var items: [Item]
    var purpose = Purpose.handingOut

    var isForBurying: Bool {
        guard case .burying = purpose else { return false }
        return true
    }
}

extension PageRequest.Item {
    /// Asks for the message of an entry, where it stands on disk.
    init(_ entry: QueueEntry) {
        position = entry.position
        priority = entry.terms.priority
        place = entry.place
        bodySize = entry.bodySize
    }
}

extension PageRequest {
    /// Hands in what was read.
    ///
    /// - Parameters:
    ///   - index: Which item it is.
    ///   - payload: Its record's payload; `nil` when it cannot be read.
    ///   - hint: The number in the queue's list to try; moves on.
    /// - Returns: `false` when a message that was needed could not be read: it is lost.
    func take(_ index: Int, payload: ByteView?, hint: inout UInt64) -> Bool {
        let item = items[index]
        switch purpose {
        case .handingOut: return queue.pageIn(item, payload: payload, hint: &hint)
        case .burying: return queue.takeDying(item, payload: payload)
        case .committing(let holder, let tags):
            let channel = queue.state.virtualHost.state.paging.holders.channel(holder)
            return channel?.bringIn(tags[index], item, payload: payload) ?? true
        }
    }

    /// Some messages were handed in: who waited for them goes on.
    ///
    /// - Parameter isLast: Whether all were.
    func goOn(isLast: Bool) {
        switch purpose {
        case .handingOut: queue.goOn(isLast: isLast)
        case .burying: return
        case .committing(let holder, _):
            guard isLast else { return }
            let channel = queue.state.virtualHost.state.paging.holders.channel(holder)
            channel?.goOnCommitting()
            queue.forgetDying(items.count)
        }
    }
}
