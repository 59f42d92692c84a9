import Wire

@testable import Broker

/// A client's end of a connection: what it has said, how much of it the broker took, what it got.
final class SimulatedPeer {
    let id: Int
    let connection: Connection
    /// Octets said and not yet taken by the broker.
    private var said: [UInt8] = []
    /// Octets taken so far, of all that ever were said.
    private var takenCount = 0
    /// Octets that have arrived, of all that ever were said.
    private var arrivedCount = 0
    /// Operations not yet taken, each with where it ends.
    private var operations: [(end: Int, channel: UInt16, operation: Operation)] = []
    private var decoder = FrameDecoder()
    /// Octets the broker has written, and the model heard, that have not left yet.
    private var unsent: [UInt8] = []
    private var contents: [UInt16: PartialContent] = [:]
    /// The broker reads on only when it is told to.
    var isParked = false
    /// It was told to, and has not done so.
    var wantsToGoOn = false

    /// A content on its way.
    private struct PartialContent {
        var heard: Heard
        var size: UInt64?
    }

    init(id: Int, connection: Connection) {
        self.id = id
        self.connection = connection
    }

    /// Channels with operations the broker has not taken in.
    var hasUntaken: Bool { !operations.isEmpty }

    // MARK: Saying

    /// Adds an operation to what will be said.
    func say(_ operation: Operation, on channel: UInt16, frameMax: Int) {
        var encoder = FrameEncoder()
        switch operation {
        case .method(let method): encode(method.arguments, into: &encoder, channel)
        case .publish(let message):
            encoder.appendMethod(
                BasicPublish(
                    exchange: message.exchange,
                    routingKey: message.key,
                    mandatory: message.isMandatory
                ),
                channel: channel
            )
            encoder.appendContent(
                message.body,
                properties: message.properties(),
                channel: channel,
                frameMax: frameMax
            )
        }
        said += encoder.bytes
        operations.append((takenCount + said.count, channel, operation))
    }

    private func encode(
        _ method: some MethodArguments,
        into encoder: inout FrameEncoder,
        _ channel: UInt16
    ) {
        encoder.appendMethod(method, channel: channel)
    }

    /// Says octets that belong to no channel.
    func say(_ octets: [UInt8]) { said += octets }

    /// Octets that have not arrived yet.
    var untransmittedCount: Int { takenCount + said.count - arrivedCount }

    /// Lets octets arrive.
    func transmit(_ count: Int) { arrivedCount += min(count, untransmittedCount) }

    /// Hands the broker what has arrived, up to the end of one operation, or of several.
    ///
    /// - Parameter count: How many operations at most end in it.
    /// - Returns: The operations it took in; `nil` when it takes no more now.
    func hand(_ count: Int) -> [(channel: UInt16, operation: Operation)]? {
        guard !isParked, !connection.state.isReadingHeld else { return nil }
        let wanted = operations.prefix(count).last?.end ?? Int.max
        let available = min(arrivedCount, wanted) - takenCount
        guard available > 0 else { return nil }
        // More may be said while the broker is at it.
        let octets = said
        let taken = octets.withUnsafeBytes { octets in
            guard let base = octets.baseAddress else { return 0 }
            return connection.receive(ByteView(base: base, count: available))
        }
        if connection.state.virtualHost != nil, connection.isReadingPaused {
            connection.state.isReadingHeld = true
            isParked = true
        }
        said.removeFirst(taken)
        takenCount += taken
        var done: [(channel: UInt16, operation: Operation)] = []
        while let first = operations.first, first.end <= takenCount {
            done.append((first.channel, first.operation))
            operations.removeFirst()
        }
        return taken == 0 && done.isEmpty ? nil : done
    }

    /// How many of the next operations are publishes to queues by name, which cannot fail.
    var plainPublishCount: Int {
        operations.prefix { entry in
            guard case .publish(let message) = entry.operation else { return false }
            return message.exchange.isEmpty
        }.count
    }

    // MARK: Hearing

    /// Octets the broker has handed to whoever sends.
    var sendingCount: Int {
        let sending = connection.state.outbound.sending.count
        return (0..<sending).reduce(0) {
            let segment = connection.state.outbound.sending[$1]
            return $0 + segment.end - segment.start
        }
    }

    /// Takes as many of them as the socket does: those that were written, in that order.
    func takeFromSocket(_ count: Int) throws(Violation) {
        var taken = 0
        for index in 0..<connection.state.outbound.sending.count where taken < count {
            let segment = connection.state.outbound.sending[index]
            let part = min(count - taken, segment.end - segment.start)
            let octets = UnsafeRawBufferPointer(start: segment.base + segment.start, count: part)
            try insist(
                unsent[taken..<taken + part].elementsEqual(octets),
                "connection \(id) is sent other octets than were written"
            )
            taken += part
        }
        unsent.removeFirst(count)
    }

    /// Listens to what the broker has written and nobody has heard yet, sent or not.
    func overhear() {
        guard connection.state.outbound.byteCount > unsent.count else { return }
        var known = unsent.count
        func listen(_ base: UnsafeRawPointer, _ count: Int) {
            let skipped = min(known, count)
            known -= skipped
            guard skipped < count else { return }
            decoder.append(ByteView(base: base + skipped, count: count - skipped))
            unsent += UnsafeRawBufferPointer(start: base + skipped, count: count - skipped)
        }
        for index in 0..<connection.state.outbound.sending.count {
            let segment = connection.state.outbound.sending[index]
            listen(segment.base + segment.start, segment.end - segment.start)
        }
        for index in 0..<connection.state.outbound.waiting.count {
            let segment = connection.state.outbound.waiting[index]
            listen(segment.base + segment.start, segment.end - segment.start)
        }
        if let tail = connection.state.outbound.tail {
            listen(tail, connection.state.outbound.tailUsed)
        }
    }

    /// The operation that the broker is about to end.
    var next: Operation? { operations.first?.operation }

    func takeGreeting() {
        decoder.append(connection.state.greeting)
        connection.state.greeting = []
    }

    /// Cuts what came into methods with their contents.
    func heard() throws(Violation) -> [(channel: UInt16, heard: Heard)] {
        var list: [(channel: UInt16, heard: Heard)] = []
        do throws(WireError) {
            while let frame = try decoder.next(frameMax: 131_072) {
                if let heard = try take(frame) { list.append((frame.channel, heard)) }
            }
        } catch {
            throw Violation("the broker sent what is no frame: \(error)")
        }
        return list
    }

    private func take(_ frame: Frame) throws(WireError) -> Heard? {
        switch frame.type {
        case .heartbeat: return nil
        case .method:
            let heard = Heard(
                method: try ByteView.with(frame.payload) { view throws(WireError) in
                    try Method.decode(view)
                }
            )
            guard heard.method.arguments.id.carriesContent else { return heard }
            contents[frame.channel] = PartialContent(heard: heard)
            return nil
        case .header:
            let header = try ByteView.with(frame.payload) { view throws(WireError) in
                try ContentHeader(decoding: view)
            }
            contents[frame.channel]?.heard.properties = header.properties
            contents[frame.channel]?.size = header.bodySize
        case .body: contents[frame.channel]?.heard.body += frame.payload
        }
        guard let content = contents[frame.channel], let size = content.size,
            content.heard.body.count >= Int(size)
        else { return nil }
        contents[frame.channel] = nil
        return content.heard
    }
}

extension MethodArguments {
    var id: MethodID { Self.id }
}
