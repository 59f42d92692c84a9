import Wire

/// What a channel may and may not do with a stream.
extension Handle where State == ChannelState {
    /// Where a consumer of a stream begins; `nil` when it does not say.
    ///
    /// - Throws: 406 for a value that is none of those RabbitMQ knows, and for arguments that
    ///   consumers of the queue's type do not have.
    func streamStart(
        of method: BasicConsume,
        queue: Queue
    ) throws(ProtocolError) -> StreamOffset? {
        let type = queue.state.settings.type
        let ofStreams = [
            StreamOffset.argument, StreamFilter.argument, StreamFilter.unfilteredArgument,
        ]
        let refused: [ShortString] =
            switch type {
            case .classic: ofStreams
            case .quorum: ofStreams + [Channel.failoverArgument]
            case .stream: ["x-priority", Channel.failoverArgument]
            }
        for entry in method.arguments.entries where refused.contains(entry.name) {
            throw ProtocolError(
                .preconditionFailed,
                "invalid arg '\(entry.name.string)' for \(place(of: queue)) of queue type "
                    + type.rawValue
            )
        }
        guard let value = method.arguments[StreamOffset.argument] else { return nil }
        let virtualHost = state.virtualHost
        let now = virtualHost.wallTime(virtualHost.state.now)
        guard let start = StreamOffset(value, now: now) else {
            throw ProtocolError(
                .preconditionFailed,
                "invalid arg 'x-stream-offset' for \(place(of: queue))"
            )
        }
        return start
    }

    /// Consumers of a stream acknowledge, and that is what gives them more.
    ///
    /// - Throws: 406 without a prefetch count, 540 without acknowledgements.
    func checkCredit(_ method: BasicConsume, name: ShortString) throws(ProtocolError) {
        let place = "queue '\(name.string)' in vhost '\(state.virtualHost.nameText)'"
        guard state.consumerPrefetchCountMax < Int.max else {
            throw ProtocolError(
                .preconditionFailed,
                "consumer prefetch count is not set for '\(place)'"
            )
        }
        guard !method.noAck else {
            throw ProtocolError(
                .notImplemented,
                "automatic acknowledgement not supported by stream queues \(place)"
            )
        }
    }

    /// Refuses what takes messages away.
    ///
    /// - Throws: 540 if the queue is a stream.
    func refuseForStream(
        _ queue: Queue,
        _ operation: String,
        name: ShortString
    ) throws(ProtocolError) {
        guard queue.state.stream != nil else { return }
        throw ProtocolError(
            .notImplemented,
            "\(operation) not supported by stream queues \(place(of: queue))"
        )
    }

    /// Whether one of the open deliveries that a settlement covers is of a stream.
    func hasStreamDelivery(_ deliveryTag: UInt64, isMultiple: Bool) -> Bool {
        guard state.readsStreams else { return false }
        let isAll = isMultiple && deliveryTag == 0
        return state.unacked.hasStreamed(isAll ? UInt64.max : deliveryTag, isMultiple: isMultiple)
    }

    private func place(of queue: Queue) -> String {
        "queue '\(ByteView.with(queue.state.name) { $0.string })' in vhost "
            + "'\(state.virtualHost.nameText)'"
    }
}

extension Handle where State == QueueState {
    /// Messages that wait; of a stream, all there are.
    var readyCount: Int { state.stream?.count ?? state.ready.count }
}
