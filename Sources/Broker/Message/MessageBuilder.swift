import Wire

/// Writes a message's wire image, in one stroke or while its body is still arriving.
///
/// Nothing is allocated by an announced size: the block starts with room for what came (at most
/// `bodyRoomMax` more) and doubles, so that a client that announces a gigabyte and sends ten
/// octets costs ten octets.
@safe
struct MessageBuilder: ~Copyable {
    /// Largest room for body octets taken on trust before any of them came, in octets.
    static let bodyRoomMax = 1 << 20

    private var message: Message
    private var blockSize: Int
    private var bodyFilled = 0

    /// Copies a publish whose frames lie in one piece: one header frame, at most one body frame.
    ///
    /// - Parameters:
    ///   - route: The exchange and routing key of the method, as two short strings.
    ///   - frames: From the end octet of the method frame to that of the last frame.
    ///   - propertiesSize: Octets of the property part, flags included.
    ///   - bodySize: Octets of the body.
    ///   - pool: Where the block comes from.
    /// - Returns: The message with no reference yet.
    @inline(__always)
    static func copy(
        route: ByteView,
        frames: ByteView,
        propertiesSize: Int,
        bodySize: Int,
        pool: inout BlockPool
    ) -> Message {
        let size = Message.headerSize &+ route.count &+ frames.count
        let block = unsafe pool.allocate(byteCount: size)
        let image = unsafe block + Message.headerSize
        unsafe image.copyMemory(from: route.base, byteCount: route.count)
        unsafe (image + route.count).copyMemory(from: frames.base, byteCount: frames.count)
        let message = unsafe Message(block: block)
        let exchangeSize = route[0]
        message.header = Message.Header(
            references: 0,
            exchangeSize: exchangeSize,
            routingKeySize: UInt8(truncatingIfNeeded: route.count &- 2 &- Int(exchangeSize)),
            traits: [],
            propertiesSize: Int32(truncatingIfNeeded: propertiesSize),
            blockSize: UInt32(truncatingIfNeeded: size),
            timeToLive: 0,
            bodySize: bodySize,
            lsn: 0
        )
        return message
    }

    /// Begins a message whose body will arrive in pieces, or is handed over by `append`.
    init(route: ByteView, properties: ByteView, bodySize: Int, pool: inout BlockPool) {
        let fixed =
            route.count + 1 + Message.frameHeadSize + Message.contentHeadSize + properties.count + 1
        let body = bodySize == 0 ? 0 : Message.frameHeadSize + 1
        blockSize =
            Message.headerSize + fixed + body + min(bodySize, MessageBuilder.bodyRoomMax)
        unsafe message = Message(block: pool.allocate(byteCount: blockSize))
        message.header = Message.Header(
            references: 0,
            exchangeSize: route[0],
            routingKeySize: UInt8(truncatingIfNeeded: route.count - 2 - Int(route[0])),
            traits: [],
            propertiesSize: Int32(truncatingIfNeeded: properties.count),
            blockSize: UInt32(truncatingIfNeeded: blockSize),
            timeToLive: 0,
            bodySize: bodySize,
            lsn: 0
        )
        let image = unsafe message.image
        unsafe image.copyMemory(from: route.base, byteCount: route.count)
        unsafe image.storeBytes(of: FrameOctet.end, toByteOffset: route.count, as: UInt8.self)
        unsafe MessageBuilder.frameHead(
            at: image + message.headerFrameOffset,
            type: FrameOctet.header,
            size: Message.contentHeadSize + properties.count
        )
        let content = unsafe image + message.headerFrameOffset + Message.frameHeadSize
        unsafe content.storeBytes(of: UInt32(60 << 16).bigEndian, as: UInt32.self)
        unsafe content.storeBytes(
            of: UInt64(bodySize).bigEndian,
            toByteOffset: 4,
            as: UInt64.self
        )
        if properties.count > 0 {
            unsafe (image + message.propertiesOffset)
                .copyMemory(from: properties.base, byteCount: properties.count)
        }
        unsafe image.storeBytes(
            of: FrameOctet.end,
            toByteOffset: message.bodyFrameOffset - 1,
            as: UInt8.self
        )
    }

    /// Body octets still missing.
    var bodyMissing: Int { message.header.bodySize - bodyFilled }

    /// Adds body octets; the caller never adds more than are missing.
    mutating func append(_ bytes: ByteView, pool: inout BlockPool) {
        precondition(bytes.count <= bodyMissing, "more body than announced")
        guard bytes.count > 0 else { return }
        let bodyStart = Message.headerSize + message.bodyFrameOffset + Message.frameHeadSize
        let needed = bodyStart + bodyFilled + bytes.count + 1
        if needed > blockSize { grow(to: needed, bodyStart: bodyStart, pool: &pool) }
        unsafe (message.block + bodyStart + bodyFilled)
            .copyMemory(from: bytes.base, byteCount: bytes.count)
        bodyFilled += bytes.count
    }

    private mutating func grow(to needed: Int, bodyStart: Int, pool: inout BlockPool) {
        let most = bodyStart + message.header.bodySize + 1
        let size = min(most, max(needed, blockSize * 2))
        let larger = unsafe pool.allocate(byteCount: size)
        unsafe larger.copyMemory(from: message.block, byteCount: bodyStart + bodyFilled)
        unsafe pool.free(message.block, byteCount: blockSize)
        unsafe message = Message(block: larger)
        blockSize = size
        message.header.blockSize = UInt32(size)
    }

    /// The finished message, with no reference yet; the whole body must have come.
    consuming func finish() -> Message {
        precondition(bodyMissing == 0, "a message with part of its body")
        if message.header.bodySize > 0 {
            unsafe MessageBuilder.frameHead(
                at: message.image + message.bodyFrameOffset,
                type: FrameOctet.body,
                size: message.header.bodySize
            )
            unsafe message.image.storeBytes(
                of: FrameOctet.end,
                toByteOffset: message.imageSize - 1,
                as: UInt8.self
            )
        }
        return message
    }

    /// The finished message with routing keys behind its image.
    ///
    /// - Parameters:
    ///   - keys: Short strings, 65,535 octets at most; without any this is `finish()`.
    ///   - pool: Where a larger block comes from.
    /// - Returns: The message with no reference yet, and with no other traits.
    consuming func finish(hiding keys: ByteView, pool: inout BlockPool) -> Message {
        let plain = finish()
        guard keys.count > 0 else { return plain }
        let used = plain.usedSize
        let size = used + 2 + keys.count
        let message = unsafe Message(block: pool.allocate(byteCount: size))
        unsafe message.block.copyMemory(from: plain.block, byteCount: used)
        unsafe pool.free(plain.block, byteCount: Int(plain.header.blockSize))
        unsafe (message.block + used).storeBytes(of: UInt16(keys.count), as: UInt16.self)
        unsafe (message.block + used + 2).copyMemory(from: keys.base, byteCount: keys.count)
        message.header.blockSize = UInt32(size)
        message.header.traits = .hasHiddenKeys
        return message
    }

    /// Gives the memory back; the message never existed.
    consuming func abandon(pool: inout BlockPool) {
        unsafe pool.free(message.block, byteCount: blockSize)
    }

    private static func frameHead(at head: UnsafeMutableRawPointer, type: UInt8, size: Int) {
        unsafe head.storeBytes(of: type, as: UInt8.self)
        unsafe head.storeBytes(of: 0, toByteOffset: 1, as: UInt16.self)
        unsafe head.storeBytes(
            of: UInt32(truncatingIfNeeded: size).bigEndian,
            toByteOffset: 3,
            as: UInt32.self
        )
    }
}

/// Frame types and the end octet as plain octets (AMQP 0-9-1 §4.2.3), for the hot path.
enum FrameOctet {
    static let method: UInt8 = 1
    static let header: UInt8 = 2
    static let body: UInt8 = 3
    static let heartbeat: UInt8 = 8
    static let end: UInt8 = 0xCE
}
