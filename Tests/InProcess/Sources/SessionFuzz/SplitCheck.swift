import InProcess
import TestSupport
import Wire

/// Holds the core to doing the same at every split of its input.
///
/// A client publishes and then gets everything back, once in one piece and once in pieces. Both
/// times the same octets must come out, but for confirms, which are gathered by batch.
enum SplitCheck {
    static func run(seed: UInt64) throws(Failure) {
        var random = Seed(seed)
        let script = script(&random)
        let whole = try play([script], seed)
        let pieces = cut(script, &random)
        let cut = try play(pieces, seed)
        guard whole == cut else {
            let place = zip(whole, cut).enumerated().first { $1.0 != $1.1 }?.offset
            throw Failure(
                what: "in \(pieces.count) pieces, frame \(place ?? min(whole.count, cut.count)) "
                    + "differs; \(whole.count) and \(cut.count) frames"
            )
        }
    }

    private static func script(_ seed: inout Seed) -> [UInt8] {
        var script = ClientScript()
        script.open(frameMax: seed.oneIn(2) ? 4_096 : 131_072)
        script.method(ChannelOpen(), channel: 1)
        script.method(QueueDeclare(queue: "q"), channel: 1)
        if seed.oneIn(2) { script.method(ConfirmSelect(), channel: 1) }
        let count = Int.random(in: 1...12, using: &seed)
        for _ in 0..<count {
            script.publish(
                BasicPublish(routingKey: seed.oneIn(8) ? "nowhere" : "q", mandatory: seed.oneIn(4)),
                properties: seed.oneIn(3) ? .random(using: &seed) : BasicProperties(),
                body: seed.octets(upTo: seed.oneIn(4) ? 9_000 : 60),
                channel: 1,
                frameMax: seed.oneIn(3) ? Int.random(in: 20...5_000, using: &seed) : 4_096
            )
        }
        for _ in 0..<count { script.method(BasicGet(queue: "q"), channel: 1) }
        script.method(BasicAck(deliveryTag: UInt64(count / 2), multiple: true), channel: 1)
        script.method(QueueDeclare(queue: "q", passive: true), channel: 1)
        script.method(ChannelClose(replyCode: 200, classID: 0, methodID: 0), channel: 1)
        var frames = script.frames
        if seed.oneIn(3) { Mutation.apply(to: &frames, &seed) }
        return Array(frames.joined())
    }

    private static func cut(_ script: [UInt8], _ seed: inout Seed) -> [[UInt8]] {
        let longest = seed.pick([1, 3, 20, 300, 5_000])
        var pieces: [[UInt8]] = []
        var offset = 0
        while offset < script.count {
            let end = min(script.count, offset + Int.random(in: 1...longest, using: &seed))
            pieces.append(Array(script[offset..<end]))
            offset = end
        }
        return pieces
    }

    /// The frames that come out, without confirms.
    private static func play(_ pieces: [[UInt8]], _ seed: UInt64) throws(Failure) -> [Frame] {
        let core = Core(seed: seed, isChecked: true)
        let peer = core.connect()
        peer.records = true
        for piece in pieces { ByteView.with(piece) { core.receive($0, from: peer) } }
        core.disconnect(peer)
        let left = core.drain()
        guard left == 0 else { throw Failure(what: "\(left) bytes of messages left") }
        core.tearDown()
        // The answer to a spoilt protocol header is no frame.
        if peer.received == ProtocolHeader.bytes { return [] }
        var decoder = FrameDecoder()
        decoder.append(peer.received)
        var frames: [Frame] = []
        do throws(WireError) {
            while let frame = try decoder.next(frameMax: 131_072) {
                // basic.ack
                if !frame.payload.starts(with: [0, 60, 0, 80]) { frames.append(frame) }
            }
        } catch {
            throw Failure(what: "the core sent: \(error)")
        }
        return frames
    }
}
