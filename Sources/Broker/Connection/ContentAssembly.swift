import Wire

/// A publish whose frames come one by one: method, header, bodies (AMQP 0-9-1 §4.2.6).
struct ContentAssembly: ~Copyable {
    var step = Step.idle
    /// Exchange and routing key as two short strings, from the method.
    var route: [UInt8] = []
    var isMandatory = false
    /// The message while its body is coming.
    var builder: MessageBuilder?

    enum Step: UInt8, BitwiseCopyable {
        case idle
        case awaitingHeader
        case awaitingBody
        /// All of it was announced and has come, but for the frame's end.
        case complete
    }
}

extension Handle where State == ChannelState {
    /// basic.publish as a frame of its own.
    func beginPublish(_ payload: ByteView) throws(ProtocolError) {
        try checkMethodExpected()
        var reader = ByteReader(payload.slice(from: 4, count: payload.count - 4))
        let route: [UInt8]
        let bits: UInt8
        do throws(WireError) {
            _ = try reader.readUInt16()
            let exchange = try reader.readShortStringView()
            let routingKey = try reader.readShortStringView()
            bits = try reader.readUInt8()
            try reader.finish()
            route =
                payload.slice(from: 6, count: exchange.count + routingKey.count + 2).bytes
        } catch {
            throw ProtocolError(error, method: BasicPublish.id)
        }
        if bits & 2 != 0 { throw PublishError.immediate }
        state.assembly.route = route
        state.assembly.isMandatory = bits & 1 != 0
        state.assembly.step = .awaitingHeader
    }

    /// Anything but the content a publish announced is out of place (505).
    func checkMethodExpected() throws(ProtocolError) {
        switch state.assembly.step {
        case .idle: return
        case .awaitingHeader:
            throw ProtocolError(
                .unexpectedFrame,
                "expected content header for class 60, got a method frame",
                method: BasicPublish.id
            )
        case .awaitingBody, .complete:
            throw ProtocolError(
                .unexpectedFrame,
                "expected content body, got a method frame",
                method: BasicPublish.id
            )
        }
    }

    func receiveContentHeader(_ payload: ByteView) throws(ProtocolError) {
        guard state.assembly.step == .awaitingHeader else {
            throw ProtocolError(
                .unexpectedFrame,
                "unexpected content header",
                method: BasicPublish.id
            )
        }
        guard payload.count >= Message.contentHeadSize + 2 else { throw ProtocolError(.truncated) }
        let classID = payload.loadUInt16(at: 0)
        guard classID == 60 else {
            throw ProtocolError(
                .unexpectedFrame,
                "expected content header for class 60, got one for \(classID)",
                method: BasicPublish.id
            )
        }
        let announced = payload.loadUInt64(at: 4)
        let bodySizeMax = state.virtualHost.state.limits.messageSizeMax
        guard announced <= UInt64(bodySizeMax) else {
            throw PublishError.tooLarge(announced, max: bodySizeMax)
        }
        let properties = payload.slice(
            from: Message.contentHeadSize,
            count: payload.count - Message.contentHeadSize
        )
        let virtualHost = state.virtualHost
        let route = state.assembly.route
        ByteView.with(route) { view in
            state.assembly.builder = MessageBuilder(
                route: view,
                properties: properties,
                bodySize: Int(announced),
                pool: &virtualHost.state.pool
            )
        }
        state.assembly.step = announced == 0 ? .complete : .awaitingBody
        try finishIfComplete()
    }

    func receiveBody(_ payload: ByteView) throws(ProtocolError) {
        guard state.assembly.step == .awaitingBody,
            let missing = state.assembly.builder?.bodyMissing
        else {
            throw ProtocolError(
                .unexpectedFrame,
                "unexpected content body",
                method: BasicPublish.id
            )
        }
        guard payload.count <= missing else {
            throw ProtocolError(
                .unexpectedFrame,
                "content body exceeds the announced size by \(payload.count - missing) octets",
                method: BasicPublish.id
            )
        }
        appendBody(payload)
        try finishIfComplete()
    }

    /// Whether the first part of a long body frame may be taken before the rest has come.
    func canTakePartialBody(_ size: Int) -> Bool {
        guard state.phase == .open, state.assembly.step == .awaitingBody else { return false }
        return size <= (state.assembly.builder?.bodyMissing ?? 0)
    }

    func appendBody(_ bytes: ByteView) {
        guard state.assembly.step == .awaitingBody else { return }
        let virtualHost = state.virtualHost
        state.assembly.builder?.append(bytes, pool: &virtualHost.state.pool)
        if state.assembly.builder?.bodyMissing == 0 { state.assembly.step = .complete }
    }

    /// Publishes the assembled message once all of it has come.
    func finishIfComplete() throws(ProtocolError) {
        guard state.assembly.step == .complete, let builder = state.assembly.builder.take() else {
            return
        }
        state.assembly.step = .idle
        try publish(builder.finish(), isMandatory: state.assembly.isMandatory)
    }

    /// Gives back a message of which only a part has come.
    func abandonAssembly() {
        state.assembly.step = .idle
        guard let builder = state.assembly.builder.take() else { return }
        builder.abandon(pool: &state.virtualHost.state.pool)
    }
}

/// The ways a publish goes wrong.
enum PublishError {
    static var immediate: ProtocolError {
        ProtocolError(.notImplemented, "immediate=true", method: BasicPublish.id)
    }

    static func tooLarge(_ size: UInt64, max: Int) -> ProtocolError {
        ProtocolError(
            .preconditionFailed,
            "message size \(size) is larger than configured max size \(max)",
            method: BasicPublish.id
        )
    }
}
