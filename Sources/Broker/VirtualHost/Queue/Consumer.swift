import Wire

/// A subscription of one channel to one queue.
typealias Consumer = Handle<ConsumerState>

/// The state behind a `Consumer` handle.
struct ConsumerState: ~Copyable {
    let channel: Channel
    let queue: Queue
    let tag: ShortString
    let isNoAck: Bool
    let isExclusive: Bool
    /// Most unsettled deliveries at once; `Int.max` without a limit.
    let prefetchCountMax: Int
    let priority: Int64
    /// What its own x-consumer-timeout says, zero for ever; `nil` without one.
    let acknowledgementTimeout: Duration?
    let arguments: FieldTable
    /// What every delivery to it begins with: frame head, basic.deliver, consumer tag.
    let deliveryHead: OwnedBytes
    /// How far it has come, in a stream.
    var cursor: StreamCursor?

    var unackedCount = 0
    var standing = Standing.gone
    /// Of the groups it has, the one whose next message may go to it now.
    var offeredGroup: MessageGroup?
    /// The others that have messages waiting.
    var keptGroups = GroupHeap()
    var nextInTurn: Consumer?
    var previousInTurn: Consumer?

    /// Where a consumer stands with its queue.
    enum Standing: UInt8, BitwiseCopyable {
        /// On the queue's turn list.
        case inTurn
        /// Has no credit, or its connection's buffer is full.
        case blocked
        /// Another one is the single active consumer; or in a stream, there is nothing for it yet.
        case waiting
        /// Cancelled; kept only until its deliveries are settled.
        case gone
    }
}

extension Handle where State == ConsumerState {
    /// Whether it may be handed a message now (prefetch and outbound bound).
    @inline(__always)
    var canTake: Bool {
        let channel = state.channel
        if channel.state.connection.isCongested { return false }
        // A full channel holds back consumers without acknowledgements, too (RabbitMQ), though
        // what they get does not count.
        if channel.state.consumerUnackedCount >= channel.state.prefetchCountMax { return false }
        return state.isNoAck || state.unackedCount < state.prefetchCountMax
    }

    /// Puts a blocked consumer back in the turn list.
    func unblock() {
        guard state.standing == .blocked else { return }
        forgetBlocked()
        state.queue.addToTurns(self)
        state.queue.state.groups?.offerNext(of: self)
        state.queue.state.virtualHost.schedule(state.queue)
    }

    func forgetBlocked() {
        state.channel.state.blockedConsumerCount -= 1
        state.channel.state.connection.state.blockedConsumerCount -= 1
    }

    /// Counts one settled delivery, which may give it, or its channel's others, room again.
    @inline(__always)
    func settledOne() {
        state.unackedCount &-= 1
        let channel = state.channel
        channel.state.consumerUnackedCount &-= 1
        if channel.state.blockedConsumerCount > 0 {
            if channel.state.prefetchCountMax == Int.max {
                unblock()
            } else {
                channel.unblockConsumers()
            }
        }
        if state.standing == .gone { destroyIfUnused() }
    }

    /// Frees a cancelled consumer once its last delivery is settled.
    func destroyIfUnused() {
        guard state.standing == .gone, state.unackedCount == 0 else { return }
        destroy()
    }
}
