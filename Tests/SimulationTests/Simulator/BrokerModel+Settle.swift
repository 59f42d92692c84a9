import Wire

/// Settling what was handed out.
extension BrokerModel {
    /// A client acknowledges, rejects or sends back, at once or with its next commit.
    ///
    /// - Throws: 406 for a tag that is not out.
    func settle(
        _ tag: UInt64,
        isMultiple: Bool,
        _ outcome: ModelChannel.Settlement,
        on channel: ModelChannel
    ) throws(ChannelFailure) {
        let open = channel.openTags
        guard open.contains(tag) || (isMultiple && tag == 0) else {
            throw ChannelFailure(.preconditionFailed)
        }
        let tags = isMultiple ? open.filter { tag == 0 || $0 <= tag } : [tag]
        for tag in tags {
            if channel.transaction == nil {
                finish(tag, outcome, on: channel)
            } else {
                channel.held.insert(tag)
                channel.transaction?.settlements.append((tag, outcome))
            }
        }
    }

    func finish(
        _ tag: UInt64,
        _ outcome: ModelChannel.Settlement,
        on channel: ModelChannel
    ) {
        guard let out = channel.out.removeValue(forKey: tag) else { return }
        channel.held.remove(tag)
        settledBy = operation
        out.consumer?.unackedCount -= 1
        let queue = out.copy.queue
        switch outcome {
        case .ack: queue.settle(out.copy, epoch: epoch)
        case .requeue where queue.stream != nil: queue.settle(out.copy, epoch: epoch)
        case .reject where queue.isDeleted: queue.settle(out.copy, epoch: epoch)
        case .reject: die(out.copy, .rejected)
        case .requeue:
            if let reason = queue.putBack(out.copy, moment) { die(out.copy, reason) }
        }
    }
}
