import Wire

/// Octets to say, put together frame by frame.
struct Script: Sendable {
    private(set) var bytes: [UInt8] = []

    private func adding(_ encode: (inout FrameEncoder) -> Void) -> Script {
        var encoder = FrameEncoder()
        encode(&encoder)
        var next = self
        next.bytes += encoder.bytes
        return next
    }

    /// Adds octets as they are.
    func raw(_ octets: [UInt8]) -> Script {
        var next = self
        next.bytes += octets
        return next
    }

    /// Adds a method frame.
    func method(_ method: some MethodArguments, on channel: UInt16 = 1) -> Script {
        adding { $0.appendMethod(method, channel: channel) }
    }

    /// Adds any frame, right or wrong.
    func frame(_ type: FrameType, _ payload: [UInt8], on channel: UInt16 = 1) -> Script {
        adding { $0.append(Frame(type: type, channel: channel, payload: payload)) }
    }

    /// Adds a content header that announces a body.
    func header(bodySize: UInt64, on channel: UInt16 = 1) -> Script {
        frame(.header, Script.headerPayload(bodySize: bodySize), on: channel)
    }

    static func headerPayload(bodySize: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        ContentHeader(bodySize: bodySize).encode(into: &writer)
        return writer.bytes
    }

    /// Adds a publish with its content.
    func publish(
        _ body: [UInt8],
        to key: ShortString,
        exchange: ShortString = "",
        mandatory: Bool = false,
        _ properties: BasicProperties = .init(),
        on channel: UInt16 = 1,
        frameMax: Int = 131_072
    ) -> Script {
        adding { encoder in
            encoder.appendMethod(
                BasicPublish(exchange: exchange, routingKey: key, mandatory: mandatory),
                channel: channel
            )
            encoder.appendContent(
                body,
                properties: properties,
                channel: channel,
                frameMax: frameMax
            )
        }
    }

    /// Adds a publish of a short text.
    func publish(
        _ text: String,
        to key: ShortString,
        exchange: ShortString = "",
        mandatory: Bool = false,
        _ properties: BasicProperties = .init(),
        on channel: UInt16 = 1
    ) -> Script {
        publish(
            Array(text.utf8),
            to: key,
            exchange: exchange,
            mandatory: mandatory,
            properties,
            on: channel
        )
    }
}
