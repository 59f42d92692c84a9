import InProcess
import TestSupport
import Wire

/// One run of several clients against a fresh core, from first octet to nothing left.
struct Session {
    private var seed: Seed
    private let core: Core
    private var clients: [Client] = []
    /// In some sessions all clients behave, so that deep states are reached.
    private let mutates: Bool

    init(seed: UInt64) {
        self.seed = Seed(seed)
        core = Core(seed: seed, isChecked: true)
        mutates = !self.seed.oneIn(3)
    }

    mutating func run() throws(Failure) {
        for _ in 0..<Int.random(in: 1...4, using: &seed) { join() }
        for _ in 0..<Int.random(in: 20...250, using: &seed) { try step() }
        for client in clients { try end(client) }
        let left = core.drain()
        guard left == 0 else { throw Failure(what: "\(left) bytes of messages left") }
        core.tearDown()
    }

    private mutating func join() {
        let client = Client(core.connect())
        client.open(&seed)
        clients.append(client)
    }

    private mutating func step() throws(Failure) {
        let index = Int.random(in: 0..<clients.count, using: &seed)
        let client = clients[index]
        switch Int.random(in: 0..<40, using: &seed) {
        case 0:
            try end(client)
            clients.remove(at: index)
            join()
        case 1:
            core.advance(by: .milliseconds(Int.random(in: 0...40_000, using: &seed)))
        case 2, 3:
            client.peer.socketRoom = Int.random(in: 0...5_000, using: &seed)
        case 4...8:
            core.makeWritable(
                client.peer,
                room: seed.oneIn(2) ? Int.max : Int.random(in: 0...20_000, using: &seed)
            )
        default:
            speak(client)
        }
        for client in clients { try client.listen(&seed) }
        for index in clients.indices where clients[index].peer.hasEnded && seed.oneIn(3) {
            try end(clients[index])
            clients.remove(at: index)
            join()
            break
        }
    }

    /// Lets a client think of something, and sends a part of what it has to say.
    private mutating func speak(_ client: Client) {
        if client.pending.count < 4_096 {
            var frames = client.operations(&seed)
            if mutates, seed.oneIn(6) { Mutation.apply(to: &frames, &seed) }
            client.pending += frames.joined()
        }
        let whole = client.pending.count
        let count =
            switch Int.random(in: 0..<4, using: &seed) {
            case 0: min(whole, Int.random(in: 0...16, using: &seed))
            case 1: Int.random(in: 0...whole, using: &seed)
            default: whole
            }
        let piece = Array(client.pending[..<count])
        client.pending.removeFirst(count)
        // A copy of exactly these octets, so that AddressSanitizer sees reads beyond them.
        ByteView.with(piece) { core.receive($0, from: client.peer) }
    }

    private func end(_ client: Client) throws(Failure) {
        core.disconnect(client.peer)
        try client.check.read(client.peer)
    }
}
