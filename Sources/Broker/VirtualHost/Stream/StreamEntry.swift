import Wire

/// One message of a stream as it stands in its chunk, ready to be sent.
///
/// Its octets, little-endian but for the image:
///
///     4              2               octets         octets
///     octets behind  filter size +1  filter value   image
///
/// The filter size is 0 for a message without a filter value. The image is what a `Message` has,
/// exchange and routing key first; the header that says the offset is in it already.
struct StreamEntry {
    /// Size and filter size.
    static let headSize = 6

    /// Octets of the whole entry.
    let size: Int
    /// Under which value it is to be found, if any.
    let filterValue: ByteView?
    /// What follows head and delivery tag of a basic.deliver.
    let image: ByteView

    /// Reads the entry at a place where one is known to be.
    @inline(__always)
    init(_ payload: ByteView, at position: Int) {
        size = 4 &+ Int(payload.littleEndianUInt32(at: position))
        let filterSize = Int(payload.littleEndianUInt16(at: position &+ 4))
        let filter = position &+ StreamEntry.headSize
        filterValue =
            filterSize == 0 ? nil : payload.slice(from: filter, count: filterSize &- 1)
        let start = filter &+ max(0, filterSize &- 1)
        image = payload.slice(from: start, count: position &+ size &- start)
    }

    /// Reads the entry at a place where one should be.
    ///
    /// - Returns: `nil` when the octets there are none: then the record checks out and was written
    ///   by something else.
    init?(checking payload: ByteView, at position: Int) {
        guard position <= payload.count - StreamEntry.headSize else { return nil }
        let size = Int(payload.littleEndianUInt32(at: position))
        let filterSize = max(0, Int(payload.littleEndianUInt16(at: position + 4)) - 1)
        guard size <= payload.count - position - 4, size >= 2 + filterSize else { return nil }
        self.init(payload, at: position)
        guard isWhole else { return nil }
    }

    /// Whether the sizes in the image add up.
    private var isWhole: Bool {
        guard image.count >= 2, Int(image[0]) + 2 <= image.count,
            headerFrameOffset + Message.frameHeadSize + Message.contentHeadSize < image.count
        else { return false }
        let frame = image.loadUInt32(at: headerFrameOffset + 3)
        guard frame >= UInt32(Message.contentHeadSize) + 2, frame <= UInt32(image.count),
            bodyFrameOffset <= image.count, image.loadUInt64(at: headerFrameOffset + 11) < 1 << 40
        else { return false }
        let body = bodySize == 0 ? 0 : Message.frameHeadSize + bodySize + 1
        return image.count == bodyFrameOffset + body
    }

    /// Octets of exchange and routing key, those of their lengths included.
    @inline(__always)
    var routeSize: Int {
        let exchangeSize = Int(image[0])
        return 2 &+ exchangeSize &+ Int(image[1 &+ exchangeSize])
    }

    /// Where the header frame begins in the image.
    @inline(__always)
    var headerFrameOffset: Int { routeSize &+ 1 }

    /// Where the body frame begins in the image, or where it ends if the body is empty.
    @inline(__always)
    var bodyFrameOffset: Int {
        let header = headerFrameOffset
        return header &+ Message.frameHeadSize &+ Int(image.loadUInt32(at: header &+ 3)) &+ 1
    }

    @inline(__always)
    var bodySize: Int {
        Int(truncatingIfNeeded: image.loadUInt64(at: headerFrameOffset &+ 11))
    }

    /// Exchange and routing key as two short strings.
    var route: ByteView { image.slice(from: 0, count: routeSize) }

    /// The property part of the content header, flags first.
    var properties: ByteView {
        let start = headerFrameOffset + Message.frameHeadSize + Message.contentHeadSize
        return image.slice(from: start, count: bodyFrameOffset - 1 - start)
    }

    var body: ByteView {
        guard bodySize > 0 else { return .empty }
        return image.slice(from: bodyFrameOffset + Message.frameHeadSize, count: bodySize)
    }
}
