import Wire

/// Deliveries leave memory while they wait to be settled.
///
/// Once a message has been written to its client, its octets are needed again only if it comes
/// back or becomes a dead letter. What is still on its way to the socket stays as long as that
/// takes, since the outbound buffer holds it, too.
extension Handle where State == VirtualHostState {
    /// Pages out deliveries, the oldest of each channel first.
    ///
    /// - Parameter goal: Octets of messages that may stay in memory.
    func pageOutDeliveries(downTo goal: Int) {
        var left = min(state.paging.holders.candidateCount, PagingState.candidateCountMax)
        while left > 0, isMemoryAbove(goal), let channel = state.paging.holders.takeCandidate() {
            left -= 1
            if channel.pageOut(downTo: goal) { channel.noteForPaging() }
        }
    }
}

extension Handle where State == ChannelState {
    /// Remembers that the channel may have deliveries to page.
    @inline(never)
    func noteForPaging() {
        guard !state.isPagingCandidate else { return }
        state.virtualHost.state.paging.holders.note(self)
    }

    /// - Returns: Whether there may be more to page, now or later.
    fileprivate func pageOut(downTo goal: Int) -> Bool {
        let virtualHost = state.virtualHost
        state.unacked.pageOut { delivery in
            guard !delivery.entry.isPaged else { return true }
            guard virtualHost.isMemoryAbove(goal) else { return false }
            return delivery.queue.pageOutAnywhere(
                &delivery.entry,
                of: .init(holder: state.holderNumber, tag: delivery.deliveryTag)
            )
        }
        return state.unacked.mayHaveResidents
    }

    /// Lets go of a delivery's message, which is in the spill log now.
    ///
    /// - Returns: `false` when it is settled, or on disk already.
    func letGo(_ item: SpillItem, of deliveryTag: UInt64) -> Bool {
        var isOut = false
        state.unacked.update(deliveryTag) { delivery in
            guard !delivery.entry.isPaged else { return }
            delivery.queue.moveOut(&delivery.entry, to: .spill(item.lsn))
            isOut = true
        }
        return isOut
    }
}
