import Wire

@testable import Broker

/// What the broker must do, worked out in the plainest way from what clients said.
///
/// Operations are applied when the broker has taken them in, what it says is checked as it leaves.
/// The journal's batches are numbered: what is noted while batch n collects is durable when
/// `durableEpoch` reaches n.
final class BrokerModel {
    var topology = ModelTopology() {
        didSet { (namedQueues, hiddenQueues, isCompared) = (nil, nil, false) }
    }
    private var namedQueues: [ModelQueue]?
    var hiddenQueues: [ModelQueue]?
    /// Whether what is declared has been compared with the broker's since it changed.
    var isCompared = false
    /// The broker's number of what was declared then.
    var comparedVersion: UInt64 = 0
    /// Every queue that ever was, since the last restart that was looked at.
    var lives: [Int: ModelQueue] = [:]
    /// What exchanges remember, by their lives.
    var memories: [Int: ModelMemory] = [:]
    var snapshots = [Snapshot(epoch: 0, sequence: 0, durable: .init())]
    var connections: [Int: [UInt16: ModelChannel]] = [:]
    var messages: [Int: ModelMessage] = [:]
    var takenEpoch = 0
    /// What no crash can take any more.
    var durableEpoch = 0
    /// What answers may rely on, which the sync policy says.
    var promisedEpoch = 0
    /// What no crash can take from the files of streams any more.
    private(set) var streamEpoch = 0
    /// Dead letters of the step at hand: one that finds no room goes on in the same step.
    var letters: [ModelCopy] = []
    /// Those that have died in the operation at hand, as the broker knows them.
    var dying: [Death] = []
    var sequence = 0
    /// Counts what the broker took in at once.
    private(set) var operation = 0
    /// The last operation while publishers were held back.
    private(set) var lastBlocked = -1
    var isBlocked = false
    /// The last operation that settled or put back something.
    var settledBy = -1
    /// Copies whose commit was heard of by the operation at hand.
    var committed: [ModelCopy] = []
    /// What was published by commits of the operation at hand, and whether a part was refused.
    var commits: [(publishes: [ModelMessage], isRefused: Bool)] = []
    /// What they should have published.
    var passedOver: [ModelMessage] = []
    /// Whether the step at hand is that one who waited for the disk got his answer.
    var isFetching = false
    /// Queues that were said to be empty by the operation at hand.
    var saidEmpty: [ModelQueue] = []
    /// The batches that say that these exist.
    private var exchangeEpochs: [ShortString: Int] = [:]
    private var bindingEpochs: [ModelTopology.Binding: Int] = [:]
    private var lifeCount = 0
    var now = Instant.zero
    /// Messages that have died and are not sent on yet, in that order.
    var deaths: [ModelDeath] = []

    var moment: ModelMoment { ModelMoment(operation: operation, epoch: epoch, now: now) }

    /// The batch that collects.
    var epoch: Int { takenEpoch + 1 }

    func queue(_ name: ShortString) -> ModelQueue? {
        topology.queues[name].flatMap { lives[$0.life] }
    }

    /// By name.
    var liveQueues: [ModelQueue] {
        if let namedQueues { return namedQueues }
        let queues = topology.queues.keys.sorted().compactMap { queue($0) }
        namedQueues = queues
        return queues
    }

    func channel(_ connection: Int, _ number: UInt16) -> ModelChannel {
        if let channel = connections[connection]?[number] { return channel }
        let channel = ModelChannel(connection: connection, number: number)
        connections[connection, default: [:]][number] = channel
        return channel
    }

    func nextSequence() -> Int {
        sequence += 1
        return sequence
    }

    /// All that answers may rely on is synced, in the journal and in streams.
    func noteAllDurable() {
        durableEpoch = promisedEpoch
        streamEpoch = promisedEpoch
    }

    /// Something is about to be taken in.
    func beginOperation() {
        operation += 1
        isFetching = false
        if isBlocked { noteBlocked() }
    }

    /// Publishers are held back just now.
    func noteBlocked() { lastBlocked = operation }

    /// Keeps what became durable with a change of the topology.
    func noteTopology() {
        guard topology.hasSteps else { return }
        dropDelays()
        for durable in topology.takeSteps() where durable != snapshots.last?.durable {
            snapshots.append(
                Snapshot(epoch: epoch, sequence: nextSequence(), durable: durable)
            )
        }
    }

    /// A restart has made durable what it brought back.
    func forgetEpochs() {
        exchangeEpochs = [:]
        bindingEpochs = [:]
        committed = []
        commits = []
        passedOver = []
        saidEmpty = []
    }

    /// Nothing more happens: lets go of what holds on to each other.
    func end() {
        for life in lives.values { life.end() }
        connections = [:]
    }

    // MARK: Applying

    /// The broker has taken in what a client said.
    func apply(_ operation: Operation, on channel: ModelChannel) {
        defer { noteTopology() }
        if channel.phase == .closing {
            if case .method(.channelCloseOk) = operation { channel.phase = .closed }
            return
        }
        do throws(ChannelFailure) {
            switch operation {
            case .publish(let message): try publish(message, on: channel)
            case .method(let method): try apply(method, on: channel)
            }
        } catch {
            release(channel)
            channel.phase = .closing
            channel.failure = error.code
        }
    }

    private func apply(_ method: Method, on channel: ModelChannel) throws(ChannelFailure) {
        switch method {
        case .channelOpen:
            channel.open()
            channel.expect(ChannelOpenOk.id)
        case .channelClose:
            release(channel)
            channel.phase = .closed
            channel.unconfirmed = []
            channel.expect(ChannelCloseOk.id)
        case .exchangeDeclare(let declare): try self.declare(declare, on: channel)
        case .exchangeDelete(let delete): deleteExchange(delete, on: channel)
        case .exchangeBind, .exchangeUnbind, .queueBind, .queueUnbind:
            try changeBinding(method, on: channel)
        case .queueDeclare(let declare): try self.declare(declare, on: channel)
        case .queuePurge(let purge): try self.purge(purge, on: channel)
        case .queueDelete(let delete): try self.delete(delete, on: channel)
        case .basicQos(let qos):
            let max = qos.prefetchCount == 0 ? Int.max : Int(qos.prefetchCount)
            channel.prefetchMax = qos.global ? max : Int.max
            if !qos.global { channel.consumerPrefetchMax = max }
            channel.expect(BasicQosOk.id)
        case .basicConsume(let consume): try self.consume(consume, on: channel)
        case .basicCancel(let cancel):
            if let consumer = channel.consumer(cancel.consumerTag) { detach(consumer, channel) }
            channel.expect(BasicCancelOk.id)
        case .basicGet(let get): try self.get(get, on: channel)
        case .basicAck(let ack):
            try settle(ack.deliveryTag, isMultiple: ack.multiple, .ack, on: channel)
        case .basicNack(let nack):
            try settle(
                nack.deliveryTag,
                isMultiple: nack.multiple,
                nack.requeue ? .requeue : .reject,
                on: channel
            )
        case .basicReject(let reject):
            try settle(
                reject.deliveryTag,
                isMultiple: false,
                reject.requeue ? .requeue : .reject,
                on: channel
            )
        case .basicRecover:
            for tag in channel.openTags { finish(tag, .requeue, on: channel) }
            channel.expect(BasicRecoverOk.id)
        case .confirmSelect:
            channel.isConfirming = true
            channel.expect(ConfirmSelectOk.id)
        case .txSelect:
            channel.transaction = channel.transaction ?? .init()
            channel.expect(TxSelectOk.id)
        case .txCommit: try commit(channel)
        case .txRollback:
            channel.transaction = .init()
            channel.held = []
            channel.expect(TxRollbackOk.id)
        default: preconditionFailure("clients here do not say \(method)")
        }
    }

    /// What a channel gives back when it goes: consumers first, then what they held.
    private func release(_ channel: ModelChannel) {
        for consumer in channel.consumers { detach(consumer, channel) }
        channel.transaction = nil
        channel.held = []
        for tag in channel.out.keys.sorted() { finish(tag, .requeue, on: channel) }
    }

    private func detach(_ consumer: ModelConsumer, _ channel: ModelChannel) {
        channel.consumers.removeAll { $0 === consumer }
        consumer.queue.remove(consumer, at: now)
        if consumer.queue.isAutoDelete, consumer.queue.consumers.isEmpty {
            delete(consumer.queue)
        }
    }

    /// The socket of a client is gone.
    func disconnect(_ connection: Int) {
        let channels = connections[connection] ?? [:]
        for (_, channel) in channels.sorted(by: { $0.key < $1.key }) { release(channel) }
        for queue in liveQueues where topology.queues[queue.name]?.owner == connection {
            delete(queue)
        }
        connections[connection] = nil
        noteTopology()
    }

    // MARK: Topology

    private func declare(
        _ declare: ExchangeDeclare,
        on channel: ModelChannel
    ) throws(ChannelFailure) {
        guard let known = topology.exchanges[declare.exchange] else {
            if declare.passive { throw ChannelFailure(.notFound) }
            var life: Int?
            if declare.isDeduplicating {
                lifeCount += 1
                life = lifeCount
                memories[lifeCount] = ModelMemory(declare, life: lifeCount)
            }
            if declare.isDelaying {
                lifeCount += 1
                life = lifeCount
                let queue = ModelTopology.Queue(
                    life: lifeCount,
                    declare: QueueDeclare(queue: declare.exchange, durable: declare.durable),
                    owner: nil
                )
                lives[lifeCount] = ModelQueue(queue, isDelay: true, declaredIn: epoch, at: now)
            }
            topology.add(declare, life: life)
            exchangeEpochs[declare.exchange] = epoch
            channel.expect(ExchangeDeclareOk.id, epoch: declare.durable ? epoch : 0)
            return
        }
        if !declare.passive, !known.isLike(declare) { throw ChannelFailure(.preconditionFailed) }
        let isPromise = known.durable && !declare.passive
        let made = exchangeEpochs[declare.exchange] ?? 0
        channel.expect(ExchangeDeclareOk.id, epoch: isPromise ? made : 0)
    }

    private func deleteExchange(_ delete: ExchangeDelete, on channel: ModelChannel) {
        let wasDurable = topology.exchanges[delete.exchange]?.durable == true
        if topology.exchanges[delete.exchange] != nil { topology.deleteExchange(delete.exchange) }
        channel.expect(ExchangeDeleteOk.id, epoch: wasDurable ? epoch : 0)
    }

    private func declare(_ method: QueueDeclare, on channel: ModelChannel) throws(ChannelFailure) {
        var declare = method
        // An exclusive queue is never durable.
        declare.durable = declare.durable && !declare.exclusive
        if let known = topology.queues[declare.queue] {
            try checkOwner(known, channel)
            if !declare.passive {
                guard known.declare.exclusive == declare.exclusive else {
                    throw ChannelFailure(.resourceLocked)
                }
                guard known.declare == declare else {
                    throw ChannelFailure(.preconditionFailed)
                }
            }
        } else {
            if declare.passive { throw ChannelFailure(.notFound) }
            lifeCount += 1
            let queue = ModelTopology.Queue(
                life: lifeCount,
                declare: declare,
                owner: declare.exclusive ? channel.connection : nil
            )
            let life = ModelQueue(queue, declaredIn: epoch, at: now)
            lives[lifeCount] = life
            life.policies = topology.policies.applied(to: declare)
            life.read(topology.policies.arguments(of: declare))
            topology.add(queue)
        }
        guard let queue = queue(declare.queue) else { return }
        queue.unusedSince = now
        let counts = (UInt32(queue.readyCount), UInt32(queue.consumers.count))
        let isPromise = queue.isDurable && !declare.passive
        channel.expect(QueueDeclareOk.id, epoch: isPromise ? queue.declaredEpoch : 0) { method in
            guard case .queueDeclareOk(let answer) = method else { return false }
            return answer.queue == declare.queue && answer.messageCount == counts.0
                && answer.consumerCount == counts.1
        }
    }

    private func checkOwner(
        _ queue: ModelTopology.Queue,
        _ channel: ModelChannel
    ) throws(ChannelFailure) {
        if let owner = queue.owner, owner != channel.connection {
            throw ChannelFailure(.resourceLocked)
        }
    }

    private func existing(
        _ name: ShortString,
        _ channel: ModelChannel
    ) throws(ChannelFailure) -> ModelQueue {
        guard let known = topology.queues[name], let queue = lives[known.life] else {
            throw ChannelFailure(.notFound)
        }
        try checkOwner(known, channel)
        return queue
    }

    private func purge(_ purge: QueuePurge, on channel: ModelChannel) throws(ChannelFailure) {
        let queue = try existing(purge.queue, channel)
        let count = UInt32(queue.ready.count)
        let isPromise = queue.ready.contains { $0.journalEpoch != nil }
        for copy in queue.ready { queue.settle(copy, epoch: epoch) }
        channel.expect(QueuePurgeOk.id, epoch: isPromise ? epoch : 0) { method in
            guard case .queuePurgeOk(let answer) = method else { return false }
            return answer.messageCount == count
        }
    }

    private func delete(_ delete: QueueDelete, on channel: ModelChannel) throws(ChannelFailure) {
        var count: UInt32 = 0
        var wasDurable = false
        if let known = topology.queues[delete.queue], let queue = lives[known.life] {
            try checkOwner(known, channel)
            let isInUse = delete.ifUnused && !queue.consumers.isEmpty
            if queue.stream == nil, isInUse || delete.ifEmpty && !queue.ready.isEmpty {
                throw ChannelFailure(.preconditionFailed)
            }
            count = UInt32(queue.ready.count)
            wasDurable = queue.isDurable
            self.delete(queue)
        }
        channel.expect(QueueDeleteOk.id, epoch: wasDurable ? epoch : 0) { method in
            guard case .queueDeleteOk(let answer) = method else { return false }
            return answer.messageCount == count
        }
    }

    func delete(_ queue: ModelQueue) {
        queue.isDeleted = true
        topology.deleteQueue(queue.name)
        for consumer in queue.consumers {
            queue.remove(consumer, at: now)
            for channels in connections.values {
                for channel in channels.values { channel.consumers.removeAll { $0 === consumer } }
            }
        }
        for copy in queue.ready {
            // What comes back to a full queue may have died before that went.
            if queue.dropsHead, isDying(copy) {
                die(copy, .maxLength)
            } else {
                queue.settle(copy, epoch: epoch)
            }
        }
    }

    private func changeBinding(
        _ method: Method,
        on channel: ModelChannel
    ) throws(ChannelFailure) {
        switch method {
        case .queueBind(let bind):
            let queue = try existing(bind.queue, channel)
            guard let source = topology.exchanges[bind.exchange] else {
                throw ChannelFailure(.notFound)
            }
            let made = add(
                binding(bind.exchange, .queue(bind.queue), bind.routingKey, bind.arguments)
            )
            let isDurable = source.durable && queue.isDurable
            channel.expect(QueueBindOk.id, epoch: isDurable ? made : 0)
        case .exchangeBind(let bind):
            guard let source = topology.exchanges[bind.source],
                let target = topology.exchanges[bind.destination]
            else { throw ChannelFailure(.notFound) }
            let made = add(
                binding(bind.source, .exchange(bind.destination), bind.routingKey, bind.arguments)
            )
            let isDurable = source.durable && target.durable
            channel.expect(ExchangeBindOk.id, epoch: isDurable ? made : 0)
        case .queueUnbind(let unbind):
            if let known = topology.queues[unbind.queue] { try checkOwner(known, channel) }
            let gone = binding(
                unbind.exchange,
                .queue(unbind.queue),
                unbind.routingKey,
                unbind.arguments
            )
            channel.expect(QueueUnbindOk.id, epoch: isJournaled(gone) ? epoch : 0)
            topology.unbind(gone)
        case .exchangeUnbind(let unbind):
            let gone = binding(
                unbind.source,
                .exchange(unbind.destination),
                unbind.routingKey,
                unbind.arguments
            )
            channel.expect(ExchangeUnbindOk.id, epoch: isJournaled(gone) ? epoch : 0)
            topology.unbind(gone)
        default: break
        }
    }

    /// Adds a binding; the batch that says so, which may be an earlier one.
    private func add(_ binding: ModelTopology.Binding) -> Int {
        if !topology.bindings.contains(binding) { bindingEpochs[binding] = epoch }
        topology.bind(binding)
        return bindingEpochs[binding] ?? 0
    }

    private func binding(
        _ source: ShortString,
        _ destination: ModelTopology.Destination,
        _ key: ShortString,
        _ arguments: FieldTable
    ) -> ModelTopology.Binding {
        .init(source: source, destination: destination, key: key, arguments: arguments)
    }

    private func isJournaled(_ binding: ModelTopology.Binding) -> Bool {
        topology.durable.bindings.contains(binding)
    }

    // MARK: Consuming

    private func consume(_ consume: BasicConsume, on channel: ModelChannel) throws(ChannelFailure) {
        let queue = try existing(consume.queue, channel)
        if queue.stream != nil, channel.consumerPrefetchMax == Int.max {
            throw ChannelFailure(.preconditionFailed)
        }
        if queue.groupHeader != nil, consume.noAck { throw ChannelFailure(.preconditionFailed) }
        let isTaken = queue.consumers.contains { $0.isExclusive }
        let isShared = !queue.consumers.isEmpty || queue.hasSingleActiveConsumer
        if isTaken || consume.exclusive && isShared && !queue.isQuorum {
            throw ChannelFailure(.accessRefused)
        }
        let consumer = ModelConsumer(consume, on: queue, prefetchMax: channel.consumerPrefetchMax)
        let start = queue.stream?.start(consume.arguments["x-stream-offset"], at: now)
        consumer.nextOffset = start ?? 0
        channel.consumers.append(consumer)
        queue.add(consumer)
        channel.expect(BasicConsumeOk.id)
    }

    private func get(_ get: BasicGet, on channel: ModelChannel) throws(ChannelFailure) {
        let queue = try existing(get.queue, channel)
        if queue.isQuorum, queue.hasSingleActiveConsumer { throw ChannelFailure(.resourceLocked) }
        queue.unusedSince = now
        channel.expected.append(
            Expectation(
                id: BasicGetOk.id,
                fetch: .init(queue: queue, isNoAck: get.noAck, operation: operation)
            )
        )
    }
}
