import TestSupport
import Testing
import Wire

@testable import Broker

/// Consumers that come and go, and a model that knows what each of them may hold.
@Suite("Groups against a model")
struct GroupModelTests {
    /// A message as the model knows it.
    private struct Known {
        let number: Int
        let group: Int
        let end: Int?
    }

    /// One channel with at most one consumer.
    private final class Client {
        let peer: ScriptedPeer
        let number: Int
        var prefetch = 0
        var isConsuming = false
        /// Which of its consumers is the present one, counted from 1.
        var consumer = 0
        /// What it has not settled, by tag, and which consumer got it; 0 for basic.get.
        var out: [(tag: UInt64, number: Int, consumer: Int)] = []

        init(_ peer: ScriptedPeer, number: Int) {
            self.peer = peer
            self.number = number
        }

        var hasCredit: Bool {
            isConsuming && out.count { $0.consumer == consumer } < prefetch
        }
    }

    private final class Model {
        let broker: DialogueBroker
        var seed: Seed
        var messages: [Int: Known] = [:]
        /// Numbers of messages that wait.
        var waiting: Set<Int> = []
        /// Groups of which something came back while more was out, and still is.
        var held: Set<Int> = []
        var clients: [Client] = []
        var nextNumber = 0
        var nextClient = 0
        var now = 0
        static let groupCount = 5

        init(_ broker: DialogueBroker, _ seed: UInt64) {
            self.broker = broker
            self.seed = Seed(seed)
        }

        func addClient() throws {
            let client = Client(try broker.connect(), number: nextClient)
            nextClient += 1
            clients.append(client)
        }

        /// What is out of a group, and who has it.
        func out(of group: Int) -> [(number: Int, client: Int, consumer: Int)] {
            clients.flatMap { client in
                client.out.filter { messages[$0.number]?.group == group }
                    .map { ($0.number, client.number, $0.consumer) }
            }
        }

        /// Whether a consumer could have the oldest message of a group now.
        func isFree(_ group: Int, for client: Client, _ consumer: Int) -> Bool {
            let out = group == 0 ? [] : out(of: group)
            guard !out.isEmpty else { return true }
            return consumer > 0 && !held.contains(group)
                && out.allSatisfy { $0.client == client.number && $0.consumer == consumer }
        }

        /// A message has reached a client: it must have been his turn.
        func hear(_ number: Int, tag: UInt64, _ client: Client, _ consumer: Int) throws {
            let group = try #require(messages[number]?.group)
            try #require(waiting.contains(number), "\(number) was not waiting")
            #expect(isFree(group, for: client, consumer), "\(number)")
            // Those without a group reach several clients in one batch, which are heard in turn.
            if group > 0 {
                let sooner = waiting.filter { messages[$0]?.group == group && $0 < number }
                #expect(sooner.isEmpty, "\(number) before \(sooner)")
                #expect(out(of: group).allSatisfy { $0.number < number })
            }
            waiting.remove(number)
            client.out.append((tag, number, consumer))
        }

        /// Takes in what has come, and wants nothing to wait that could have come.
        func settleDown() throws {
            held = held.filter { !out(of: $0).isEmpty }
            for client in clients {
                for delivery in try client.peer.deliveries() {
                    let number = try #require(Int(delivery.text))
                    try hear(number, tag: delivery.tag, client, client.consumer)
                }
            }
            for client in clients where client.hasCredit {
                for number in waiting {
                    let group = messages[number]?.group ?? 0
                    let isFree = isFree(group, for: client, client.consumer)
                    #expect(!isFree, "\(number) could go to \(client.number)")
                }
            }
            #expect(try broker.queue("q").state.ready.count == waiting.count)
        }

        func publish() {
            let group = Int.random(in: 0...Self.groupCount, using: &seed)
            var properties = GroupTests.properties(group == 0 ? nil : .int32(Int32(group)))
            properties.deliveryMode = 1
            var end: Int?
            if seed.oneIn(6) {
                let time = Int.random(in: 1...200, using: &seed)
                properties.expiration = ShortString(shortening: "\(time)")
                end = now + time
            }
            let number = nextNumber
            nextNumber += 1
            messages[number] = Known(number: number, group: group, end: end)
            waiting.insert(number)
            clients[0].peer.send(Script().publish("\(number)", to: "q", properties).bytes)
        }

        func putBack(_ number: Int) {
            if let end = messages[number]?.end, end <= now { return }
            waiting.insert(number)
            held.insert(messages[number]?.group ?? 0)
        }

        /// Settles some of what a client has.
        func settle(_ client: Client) {
            guard let index = client.out.indices.randomElement(using: &seed) else { return }
            let isMultiple = seed.oneIn(4)
            let tag = client.out[index].tag
            let settled = client.out.filter { isMultiple ? $0.tag <= tag : $0.tag == tag }
            client.out.removeAll { out in settled.contains { $0.tag == out.tag } }
            if seed.oneIn(3) {
                for out in settled { putBack(out.number) }
                client.peer.nack(tag, multiple: isMultiple, requeue: true)
            } else if seed.oneIn(4) {
                client.peer.nack(tag, multiple: isMultiple, requeue: false)
            } else {
                client.peer.ack(tag, multiple: isMultiple)
            }
        }

        func startOrStop(_ client: Client) throws {
            if client.isConsuming {
                client.peer.send(BasicCancel(consumerTag: "c", noWait: true))
                client.isConsuming = false
                return
            }
            client.prefetch = Int.random(in: 1...4, using: &seed)
            client.peer.send(
                Script().method(BasicQos(prefetchCount: UInt16(client.prefetch)))
                    .method(BasicConsume(queue: "q", consumerTag: "c", noWait: true)).bytes
            )
            client.isConsuming = true
            client.consumer += 1
            try client.peer.expect(BasicQosOk.self)
        }

        func leave(_ client: Client) throws {
            for out in client.out { putBack(out.number) }
            client.out = []
            client.peer.hangUp()
            clients.removeAll { $0 === client }
        }

        func fetch(_ client: Client) throws {
            let free = waiting.filter { isFree(messages[$0]?.group ?? 0, for: client, 0) }
            guard let oldest = free.min() else {
                try client.peer.call(BasicGet(queue: "q"), BasicGetEmpty.self)
                return
            }
            let got = try client.peer.get("q")
            #expect(got.content.text == "\(oldest)")
            try hear(oldest, tag: got.method.deliveryTag, client, 0)
        }

        func pass(_ milliseconds: Int) {
            now += milliseconds
            broker.advance(by: .milliseconds(milliseconds))
            waiting = waiting.filter { (messages[$0]?.end ?? .max) > now }
        }

        func step() throws {
            let client = clients[Int.random(in: 0..<clients.count, using: &seed)]
            switch Int.random(in: 0..<20, using: &seed) {
            case 0..<7: for _ in 0..<Int.random(in: 1...3, using: &seed) { publish() }
            case 7..<13: settle(client)
            case 13: try startOrStop(client)
            case 14: try fetch(client)
            case 15, 16: pass(Int.random(in: 1...40, using: &seed))
            case 17: if clients.count < 5 { try addClient() }
            case 18:
                if clients.count > 2, client !== clients[0], seed.oneIn(2) { try leave(client) }
            default:
                guard seed.oneIn(20) else { return }
                try clients[0].peer.call(QueuePurge(queue: "q"), QueuePurgeOk.self)
                waiting = []
            }
        }
    }

    @Test(
        "a group has one owner, comes in order, and nothing waits that somebody could have",
        arguments: 1...12 as ClosedRange<UInt64>
    )
    func comingAndGoing(seed: UInt64) throws {
        try DialogueBroker.play { broker in
            let model = Model(broker, seed)
            try model.addClient()
            try model.addClient()
            try model.clients[0].peer.declare("q", GroupTests.arguments)
            for _ in 0..<1_200 {
                try model.step()
                try model.settleDown()
            }
            #expect(model.nextNumber > 300)
        }
    }
}
