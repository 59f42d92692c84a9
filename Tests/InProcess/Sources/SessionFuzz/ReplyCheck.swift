import InProcess
import Wire

/// Reads what a client receives and holds it to the protocol.
final class ReplyCheck {
    /// What the client learns about a channel.
    struct Channel {
        /// The last tags delivered that have not been settled; some may not have asked for it.
        var tags: [UInt64] = []
        var lastTag: UInt64 = 0
        /// Octets of body that have to come before the next method.
        var bodyMissing = 0
        var expectsHeader = false
        /// The server closed it and waits for close-ok.
        var isClosing = false
        var isAnswered = false
    }

    private var decoder = FrameDecoder()
    private(set) var channels: [UInt16: Channel] = [:]
    private(set) var isConnectionClosing = false
    private(set) var hasTuned = false

    /// The client answers a channel.close.
    func noteCloseOk(_ number: UInt16) { channels[number]?.isAnswered = true }

    /// The client settles a delivery, or all up to it.
    func settle(_ tag: UInt64, multiple: Bool, channel: UInt16) {
        channels[channel]?.tags.removeAll { multiple ? tag == 0 || $0 <= tag : $0 == tag }
    }

    /// Takes what has come for the client since last time.
    func read(_ peer: Peer) throws(Failure) {
        decoder.append(peer.received)
        peer.received.removeAll(keepingCapacity: true)
        do {
            while let frame = try decoder.next(frameMax: 131_072) {
                do {
                    try handle(frame)
                } catch let error as WireError {
                    throw Failure(what: "the core sent \(frame): \(error)")
                }
            }
        } catch let error as Failure {
            throw error
        } catch {
            throw Failure(what: "the core sent no frame: \(error)")
        }
    }

    private func handle(_ frame: Frame) throws {
        var channel = channels[frame.channel] ?? Channel()
        defer { channels[frame.channel] = channel }
        switch frame.type {
        case .heartbeat:
            guard frame.channel == 0, frame.payload.isEmpty else {
                throw Failure(what: "a heartbeat with something in it")
            }
        case .header:
            guard channel.expectsHeader else { throw Failure(what: "a header out of place") }
            let header = try ByteView.with(frame.payload) { view throws(WireError) in
                try ContentHeaderView(view)
            }
            channel.expectsHeader = false
            channel.bodyMissing = Int(header.bodySize)
        case .body:
            guard !channel.expectsHeader, frame.payload.count <= channel.bodyMissing,
                !frame.payload.isEmpty
            else { throw Failure(what: "a body frame out of place") }
            channel.bodyMissing -= frame.payload.count
        case .method:
            guard !channel.expectsHeader, channel.bodyMissing == 0 else {
                throw Failure(what: "a method inside a content")
            }
            let method = try ByteView.with(frame.payload) { view throws(WireError) in
                try Method.decode(view)
            }
            try handle(method, &channel)
        }
    }

    private func handle(_ method: Method, _ channel: inout Channel) throws(Failure) {
        switch method {
        case .connectionTune: hasTuned = true
        case .connectionClose(let close):
            isConnectionClosing = true
            if close.replyCode == 541 { throw Failure(what: "\(close.replyText.string)") }
        case .channelClose(let close):
            channel.isClosing = true
            channel.tags = []
            if close.replyCode == 541 { throw Failure(what: "\(close.replyText.string)") }
        case .channelOpenOk: channel = Channel()
        case .basicDeliver(let delivery): try deliver(delivery.deliveryTag, &channel)
        case .basicGetOk(let got): try deliver(got.deliveryTag, &channel)
        case .basicReturn: channel.expectsHeader = true
        default: break
        }
    }

    private func deliver(_ tag: UInt64, _ channel: inout Channel) throws(Failure) {
        guard !channel.isClosing else { throw Failure(what: "a delivery after channel.close") }
        guard tag == channel.lastTag + 1 else {
            throw Failure(what: "delivery tag \(tag) after \(channel.lastTag)")
        }
        channel.lastTag = tag
        channel.tags.append(tag)
        if channel.tags.count > 64 { channel.tags.removeFirst(32) }
        channel.expectsHeader = true
    }
}
