import Wire

/// One published message: a block of memory that holds its wire image.
///
/// A delivery needs exactly the octets the publisher sent, only the method's head and the channel
/// numbers differ. So the block keeps them as they go out, and delivering is one copy plus a few
/// patched octets:
///
///     exchange, routing key   two short strings, the tail of every basic.deliver and basic.get-ok
///     0xCE                    end octet of the method frame
///     header frame            head (7), class, weight, body size (12), properties, 0xCE
///     body frame              head (7), body, 0xCE; absent when the body is empty
///
/// Behind the image may stand routing keys that came in a BCC header, which nobody is to see.
///
/// The body lies in one piece whatever frames it came in; it is cut again only for a consumer
/// whose frame size is smaller. References are counted by hand (one for each queue entry, unacked
/// delivery or outbound slice) and touched only under the virtual host's lock.
@safe
struct Message: BitwiseCopyable, Equatable {
    let block: UnsafeMutableRawPointer

    /// What the block starts with; the image follows.
    struct Header: BitwiseCopyable {
        var references: Int32
        var exchangeSize: UInt8
        var routingKeySize: UInt8
        var traits: MessageTraits
        var propertiesSize: Int32
        /// Size of the whole block, as it was asked of the pool.
        var blockSize: UInt32
        /// Milliseconds the expiration property gives it, if its traits say that there is one.
        var timeToLive: Int
        var bodySize: Int
        /// Where it stands in the journal; 0 when it does not.
        var lsn: UInt64
    }

    static let headerSize = 40
    /// Head of a frame: type, channel, size.
    static let frameHeadSize = 7
    /// Class, weight and body size in front of the properties.
    static let contentHeadSize = 12

    var header: Header {
        @inline(__always) unsafeAddress {
            unsafe UnsafePointer(block.assumingMemoryBound(to: Header.self))
        }
        @inline(__always) nonmutating unsafeMutableAddress {
            unsafe block.assumingMemoryBound(to: Header.self)
        }
    }

    /// First octet of the wire image.
    @inline(__always)
    var image: UnsafeMutableRawPointer { unsafe block + Message.headerSize }

    /// Octets of the two short strings, their length octets included.
    @inline(__always)
    var routeSize: Int { 2 &+ Int(header.exchangeSize) &+ Int(header.routingKeySize) }

    /// Where the header frame begins in the image.
    @inline(__always)
    var headerFrameOffset: Int { routeSize &+ 1 }

    /// Where the properties (flags first) begin in the image.
    @inline(__always)
    var propertiesOffset: Int {
        headerFrameOffset &+ Message.frameHeadSize &+ Message.contentHeadSize
    }

    /// Where the body frame begins in the image.
    @inline(__always)
    var bodyFrameOffset: Int { propertiesOffset &+ Int(header.propertiesSize) &+ 1 }

    /// Routing keys nobody is to see (header BCC): short strings, kept behind the image.
    var hiddenKeys: ByteView {
        guard header.traits.contains(.hasHiddenKeys) else { return .empty }
        let start = unsafe image + imageSize
        let size = unsafe start.loadUnaligned(as: UInt16.self)
        return unsafe ByteView(base: start + 2, count: Int(size))
    }

    /// Octets of the block that matter: its header, the image, hidden keys.
    var usedSize: Int {
        let keys = header.traits.contains(.hasHiddenKeys) ? 2 + hiddenKeys.count : 0
        return Message.headerSize + imageSize + keys
    }

    /// Octets of the whole image.
    @inline(__always)
    var imageSize: Int {
        let body = header.bodySize
        return body == 0 ? bodyFrameOffset : bodyFrameOffset &+ Message.frameHeadSize &+ body &+ 1
    }

    /// The two short strings as they stand on the wire.
    var route: ByteView { unsafe ByteView(base: UnsafeRawPointer(image), count: routeSize) }

    var exchange: ByteView { route.slice(from: 1, count: Int(header.exchangeSize)) }

    var routingKey: ByteView {
        route.slice(from: 2 + Int(header.exchangeSize), count: Int(header.routingKeySize))
    }

    /// The property part of the content header, flags first.
    var properties: ByteView {
        unsafe ByteView(
            base: UnsafeRawPointer(image + propertiesOffset),
            count: Int(header.propertiesSize)
        )
    }

    var body: ByteView {
        guard header.bodySize > 0 else { return unsafe ByteView(base: image, count: 0) }
        return unsafe ByteView(
            base: UnsafeRawPointer(image + bodyFrameOffset + Message.frameHeadSize),
            count: header.bodySize
        )
    }

    /// Fetches its first two cache lines.
    ///
    /// - Parameter bodySize: That of the header, which need not be waited for: with any body the
    ///   block reaches into the second line.
    /// - Returns: Something of both, which says nothing.
    @inline(__always)
    func glimpse(bodySize: UInt32) -> UInt8 {
        let first = unsafe block.load(as: UInt8.self)
        return bodySize == 0 ? first : unsafe first ^ block.load(fromByteOffset: 64, as: UInt8.self)
    }

    @inline(__always)
    func retain(_ count: Int = 1) { header.references &+= Int32(truncatingIfNeeded: count) }

    /// Gives up one reference; the last one frees the block.
    @inline(__always)
    func release(to pool: inout BlockPool) {
        header.references &-= 1
        if header.references <= 0 {
            unsafe pool.free(block, byteCount: Int(header.blockSize))
        }
    }

    @inline(__always)
    static func == (left: Self, right: Self) -> Bool { unsafe left.block == right.block }

    /// A message whose block was kept elsewhere, octet by octet; it has no reference yet.
    ///
    /// - Parameters:
    ///   - kept: Header and image, as they were.
    ///   - pool: Where the new block comes from.
    /// - Returns: The message as it was.
    static func respilled(_ kept: ByteView, pool: inout BlockPool) -> Message {
        precondition(kept.count > headerSize, "a block is more than its header")
        let message = unsafe Message(block: pool.allocate(byteCount: kept.count))
        unsafe message.block.copyMemory(from: kept.base, byteCount: kept.count)
        message.header.references = 0
        message.header.blockSize = UInt32(kept.count)
        message.header.lsn = 0
        return message
    }
}

/// What the broker learned about a message when it came in; the upper octet is its priority.
struct MessageTraits: OptionSet, BitwiseCopyable {
    let rawValue: UInt16

    /// `delivery_mode` 2.
    static let persistent = MessageTraits(rawValue: 1)
    /// Its headers name further routing keys (CC, BCC).
    static let carriesExtraKeys = MessageTraits(rawValue: 2)
    /// Its `reply_to` asks for direct reply-to.
    static let asksForDirectReply = MessageTraits(rawValue: 4)
    /// It has an expiration property.
    static let expires = MessageTraits(rawValue: 8)
    /// Its block holds routing keys behind the image.
    static let hasHiddenKeys = MessageTraits(rawValue: 16)
    /// Its headers list routing keys (CC), and it has been delayed since they were looked at.
    static let listsKeys = MessageTraits(rawValue: 32)

    /// The bits of the priority property, which queues with x-max-priority look at.
    static let priorityBits: UInt16 = 0xFF00

    /// The traits of a message with this priority and no others.
    static func priority(_ priority: UInt8) -> MessageTraits {
        MessageTraits(rawValue: UInt16(priority) << 8)
    }

    /// The priority property; 0 without one.
    var priority: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 8) }

    /// Whether such a message is in a queue on terms of its own; see `QueueSettings.termsMask`.
    @inline(__always)
    func isSubject(to termsMask: UInt32) -> Bool { (UInt32(rawValue) | 1 << 16) & termsMask != 0 }

    /// Whether publishing it takes more than putting it into the queues of its route.
    @inline(__always)
    var isSpecial: Bool { rawValue & 6 != 0 }
}
