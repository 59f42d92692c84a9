import Testing
import Wire

@testable import Broker

/// What went otherwise than the script says.
struct Surprise: Error, CustomStringConvertible {
    let description: String
}

/// A message as a client gets it.
struct Content: Equatable {
    var properties = BasicProperties()
    var body: [UInt8] = []

    var text: String { String(decoding: body, as: UTF8.self) }
}

/// A delivery with its content.
struct Delivery {
    let method: BasicDeliver
    let content: Content

    var tag: UInt64 { method.deliveryTag }
    var text: String { content.text }
}

extension ScriptedPeer {
    /// From the protocol header to connection.open-ok.
    func shakeHands(_ manner: Manner = .init()) throws {
        send(ProtocolHeader.bytes)
        try expect(ConnectionStart.self, on: 0)
        try call(manner.startOk, ConnectionTune.self, on: 0)
        send(manner.tuneOk, on: 0)
        try call(ConnectionOpen(virtualHost: manner.virtualHost), ConnectionOpenOk.self, on: 0)
        frameMax = Int(manner.frameMax)
    }

    func openChannel(_ number: UInt16) throws {
        try call(ChannelOpen(), ChannelOpenOk.self, on: number)
    }

    /// Sends a request and takes the next thing said on its channel, which must be the answer.
    @discardableResult
    func call<Answer: MethodArguments>(
        _ request: some MethodArguments,
        _ answer: Answer.Type,
        on channel: UInt16 = 1
    ) throws -> Answer {
        send(request, on: channel)
        return try expect(answer, on: channel)
    }

    /// Takes the next thing said on a channel, which must be this method.
    @discardableResult
    func expect<Answer: MethodArguments>(
        _ answer: Answer.Type,
        on channel: UInt16 = 1
    ) throws -> Answer {
        guard let frame = try takeFrame(on: channel) else {
            throw Surprise(description: "no \(answer.id.name) on \(channel), but silence")
        }
        guard frame.type == .method else {
            throw Surprise(description: "no \(answer.id.name) on \(channel), but \(frame.type)")
        }
        let method = try ByteView.with(frame.payload) { view throws(WireError) in
            try Method.decode(view)
        }
        let anyArguments = method.arguments
        guard let arguments = anyArguments as? Answer else {
            throw Surprise(
                description: "no \(answer.id.name) on \(channel), but \(anyArguments)"
            )
        }
        return arguments
    }

    /// Takes a content header and the body it announces.
    func expectContent(on channel: UInt16 = 1) throws -> Content {
        guard let frame = try takeFrame(on: channel), frame.type == .header else {
            throw Surprise(description: "no content header on \(channel)")
        }
        let header = try ByteView.with(frame.payload) { view throws(WireError) in
            try ContentHeader(decoding: view)
        }
        var content = Content(properties: header.properties)
        while content.body.count < Int(header.bodySize) {
            guard let frame = try takeFrame(on: channel), frame.type == .body else {
                throw Surprise(description: "\(content.body.count) octets of \(header.bodySize)")
            }
            content.body += frame.payload
        }
        #expect(content.body.count == Int(header.bodySize))
        return content
    }

    @discardableResult
    func expectDelivery(on channel: UInt16 = 1) throws -> Delivery {
        let method = try expect(BasicDeliver.self, on: channel)
        return Delivery(method: method, content: try expectContent(on: channel))
    }

    /// Takes all deliveries that have come; nothing else may be among them.
    func deliveries(on channel: UInt16 = 1) throws -> [Delivery] {
        var list: [Delivery] = []
        while try has(on: channel) {
            list.append(try expectDelivery(on: channel))
        }
        return list
    }

    /// The texts of all deliveries that have come.
    func texts(on channel: UInt16 = 1) throws -> [String] {
        try deliveries(on: channel).map(\.text)
    }

    /// Fetches one message.
    @discardableResult
    func get(
        _ queue: ShortString,
        noAck: Bool = false,
        on channel: UInt16 = 1
    ) throws -> (method: BasicGetOk, content: Content) {
        let method = try call(BasicGet(queue: queue, noAck: noAck), BasicGetOk.self, on: channel)
        return (method, try expectContent(on: channel))
    }

    /// Fetches all there is, at least one message, without acknowledgement.
    func drain(_ queue: ShortString, on channel: UInt16 = 1) throws -> [String] {
        var texts: [String] = []
        while true {
            let (method, content) = try get(queue, noAck: true, on: channel)
            texts.append(content.text)
            if method.messageCount == 0 { return texts }
        }
    }

    /// Whether something on this channel has come.
    func has(on channel: UInt16) throws -> Bool {
        try decodeFrames()
        return frames.contains { $0.channel == channel }
    }

    /// Nothing more has come, on any channel.
    func expectSilence(_ sourceLocation: SourceLocation = #_sourceLocation) throws {
        try decodeFrames()
        #expect(frames.isEmpty, sourceLocation: sourceLocation)
    }

    /// The channel is closed for this reason; answers, after which its number is free.
    @discardableResult
    func expectChannelClosed(
        _ code: ReplyCode,
        at method: MethodID,
        on channel: UInt16 = 1,
        _ sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ChannelClose {
        let close = try expect(ChannelClose.self, on: channel)
        #expect(close.replyCode == code.value, "\(close)", sourceLocation: sourceLocation)
        #expect(
            MethodID(classID: close.classID, methodID: close.methodID) == method,
            sourceLocation: sourceLocation
        )
        #expect(close.replyText.string.hasPrefix(code.name), sourceLocation: sourceLocation)
        send(ChannelCloseOk(), on: channel)
        return close
    }

    /// The connection is closed for this reason; answers, and the server closes the socket.
    @discardableResult
    func expectConnectionClosed(
        _ code: ReplyCode,
        at method: MethodID? = nil,
        _ sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ConnectionClose {
        let close = try expect(ConnectionClose.self, on: 0)
        #expect(close.replyCode == code.value, "\(close)", sourceLocation: sourceLocation)
        #expect(
            MethodID(classID: close.classID, methodID: close.methodID)
                == method ?? MethodID(classID: 0, methodID: 0),
            sourceLocation: sourceLocation
        )
        #expect(!isClosed, sourceLocation: sourceLocation)
        send(ConnectionCloseOk(), on: 0)
        #expect(isClosed, sourceLocation: sourceLocation)
        return close
    }

    // MARK: Everyday requests

    @discardableResult
    func declare(
        _ queue: ShortString,
        exclusive: Bool = false,
        autoDelete: Bool = false,
        _ arguments: FieldTable = [:],
        on channel: UInt16 = 1
    ) throws -> QueueDeclareOk {
        try call(
            QueueDeclare(
                queue: queue,
                exclusive: exclusive,
                autoDelete: autoDelete,
                arguments: arguments
            ),
            QueueDeclareOk.self,
            on: channel
        )
    }

    func declareExchange(
        _ exchange: ShortString,
        _ type: ShortString = "direct",
        autoDelete: Bool = false,
        internal isInternal: Bool = false,
        _ arguments: FieldTable = [:]
    ) throws {
        try call(
            ExchangeDeclare(
                exchange: exchange,
                type: type,
                autoDelete: autoDelete,
                internal: isInternal,
                arguments: arguments
            ),
            ExchangeDeclareOk.self
        )
    }

    func bind(
        _ queue: ShortString,
        to exchange: ShortString,
        _ key: ShortString = "",
        _ arguments: FieldTable = [:]
    ) throws {
        try call(
            QueueBind(
                queue: queue,
                exchange: exchange,
                routingKey: key,
                arguments: arguments
            ),
            QueueBindOk.self
        )
    }

    func consume(
        _ queue: ShortString,
        _ tag: ShortString,
        noAck: Bool = false,
        exclusive: Bool = false,
        priority: Int32? = nil,
        on channel: UInt16 = 1
    ) throws {
        try call(
            BasicConsume(
                queue: queue,
                consumerTag: tag,
                noAck: noAck,
                exclusive: exclusive,
                arguments: priority.map { ["x-priority": .int32($0)] } ?? [:]
            ),
            BasicConsumeOk.self,
            on: channel
        )
    }

    func setPrefetch(_ count: UInt16, global: Bool = false, on channel: UInt16 = 1) throws {
        try call(
            BasicQos(prefetchCount: count, global: global),
            BasicQosOk.self,
            on: channel
        )
    }

    func selectConfirms(on channel: UInt16 = 1) throws {
        try call(ConfirmSelect(), ConfirmSelectOk.self, on: channel)
    }

    func publish(
        _ text: String,
        to key: ShortString,
        exchange: ShortString = "",
        mandatory: Bool = false,
        on channel: UInt16 = 1
    ) {
        send(
            Script().publish(
                text,
                to: key,
                exchange: exchange,
                mandatory: mandatory,
                on: channel
            ).bytes
        )
    }

    func ack(_ tag: UInt64, multiple: Bool = false, on channel: UInt16 = 1) {
        send(BasicAck(deliveryTag: tag, multiple: multiple), on: channel)
    }

    func nack(
        _ tag: UInt64,
        multiple: Bool = false,
        requeue: Bool = true,
        on channel: UInt16 = 1
    ) {
        send(BasicNack(deliveryTag: tag, multiple: multiple, requeue: requeue), on: channel)
    }
}
