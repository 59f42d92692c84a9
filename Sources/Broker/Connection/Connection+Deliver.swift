import Wire

/// Writing messages to a client: deliveries, answers to basic.get, returns.
extension Handle where State == ConnectionState {
    /// Writes a basic.deliver with its content.
    @inline(__always)
    func writeDelivery(
        _ message: Message,
        deliveryTag: UInt64,
        isRedelivered: Bool,
        consumer: Consumer
    ) {
        writeContent(
            message,
            head: consumer.state.deliveryHead.view,
            deliveryTag: deliveryTag,
            isRedelivered: isRedelivered
        )
    }

    /// Writes head, delivery tag, redelivered flag, and the message's image with its channel.
    ///
    /// - Parameters:
    ///   - message: What is delivered.
    ///   - head: A whole method frame's beginning up to the delivery tag, its size still to fill
    ///     in, the channel number in octets 1 and 2.
    ///   - deliveryTag: The tag the client will settle it by.
    ///   - isRedelivered: Whether somebody may have seen it before.
    @inline(__always)
    func writeContent(
        _ message: Message,
        head: ByteView,
        deliveryTag: UInt64,
        isRedelivered: Bool
    ) {
        guard let virtualHost = state.virtualHost else { return }
        let bodySize = message.header.bodySize
        let isWhole =
            bodySize < OutboundBuffer.sliceSizeMin && bodySize &+ 8 <= state.frameMax
        let layout = unsafe ImageLayout(
            image: message.image,
            size: isWhole ? message.imageSize : message.bodyFrameOffset,
            routeSize: message.routeSize,
            headerFrameOffset: message.headerFrameOffset,
            bodyFrameOffset: isWhole && bodySize > 0 ? message.bodyFrameOffset : 0
        )
        let channel = writeImage(
            layout,
            head: head,
            deliveryTag: deliveryTag,
            isRedelivered: isRedelivered,
            virtualHost
        )
        if !isWhole { writeBodyFrames(message.body, of: message, channel: channel) }
        markDirty()
    }

    /// Writes a basic.deliver with a message of a stream.
    func writeDelivery(_ entry: StreamEntry, deliveryTag: UInt64, consumer: Consumer) {
        guard let virtualHost = state.virtualHost else { return }
        let bodySize = entry.bodySize
        let isWhole = bodySize &+ 8 <= state.frameMax
        let bodyFrameOffset = entry.bodyFrameOffset
        let layout = unsafe ImageLayout(
            image: entry.image.base,
            size: isWhole ? entry.image.count : bodyFrameOffset,
            routeSize: entry.routeSize,
            headerFrameOffset: entry.headerFrameOffset,
            bodyFrameOffset: isWhole && bodySize > 0 ? bodyFrameOffset : 0
        )
        let channel = writeImage(
            layout,
            head: consumer.state.deliveryHead.view,
            deliveryTag: deliveryTag,
            isRedelivered: false,
            virtualHost
        )
        if !isWhole { writeBodyFrames(entry.body, of: nil, channel: channel) }
        markDirty()
    }

    /// A message's image as it is copied, and what of it is patched.
    @safe
    private struct ImageLayout {
        let image: UnsafeRawPointer
        let size: Int
        let routeSize: Int
        let headerFrameOffset: Int
        /// 0 when no body frame is copied.
        let bodyFrameOffset: Int

        @inline(__always)
        init(
            image: UnsafeRawPointer,
            size: Int,
            routeSize: Int,
            headerFrameOffset: Int,
            bodyFrameOffset: Int
        ) {
            unsafe self.image = image
            self.size = size
            self.routeSize = routeSize
            self.headerFrameOffset = headerFrameOffset
            self.bodyFrameOffset = bodyFrameOffset
        }
    }

    /// Copies head and image, and fills in what is different in each delivery.
    ///
    /// - Returns: The channel's number as it stands on the wire.
    @inline(__always)
    private func writeImage(
        _ layout: ImageLayout,
        head: ByteView,
        deliveryTag: UInt64,
        isRedelivered: Bool,
        _ virtualHost: VirtualHost
    ) -> UInt16 {
        let size = head.count &+ 9 &+ layout.size
        let start = unsafe state.outbound.reserve(size, pool: &virtualHost.state.pool)
        unsafe start.copyMemory(from: head.base, byteCount: head.count)
        let argumentsSize = head.count &- Message.frameHeadSize &+ 9 &+ layout.routeSize
        unsafe start.storeBytes(
            of: UInt32(truncatingIfNeeded: argumentsSize).bigEndian,
            toByteOffset: 3,
            as: UInt32.self
        )
        let tag = unsafe start + head.count
        unsafe tag.storeBytes(of: deliveryTag.bigEndian, as: UInt64.self)
        unsafe tag.storeBytes(of: isRedelivered ? 1 : 0, toByteOffset: 8, as: UInt8.self)
        let image = unsafe tag + 9
        unsafe image.copyMemory(from: layout.image, byteCount: layout.size)
        let channel = unsafe head.base.loadUnaligned(fromByteOffset: 1, as: UInt16.self)
        unsafe image.storeBytes(
            of: channel,
            toByteOffset: layout.headerFrameOffset &+ 1,
            as: UInt16.self
        )
        if layout.bodyFrameOffset > 0 {
            unsafe image.storeBytes(
                of: channel,
                toByteOffset: layout.bodyFrameOffset &+ 1,
                as: UInt16.self
            )
        }
        state.outbound.commit(size)
        return channel
    }

    /// Cuts the body into frames of the client's size; large pieces go by reference.
    ///
    /// - Parameters:
    ///   - body: All of it.
    ///   - message: Whose it is; `nil` for one that cannot be referred to.
    ///   - channel: Its number as it stands on the wire.
    @inline(never)
    private func writeBodyFrames(_ body: ByteView, of message: Message?, channel: UInt16) {
        guard let virtualHost = state.virtualHost else { return }
        let pieceMax = state.frameMax - 8
        var offset = 0
        while offset < body.count {
            let piece = min(pieceMax, body.count - offset)
            let head = unsafe state.outbound.reserve(
                Message.frameHeadSize,
                pool: &virtualHost.state.pool
            )
            unsafe head.storeBytes(of: FrameOctet.body, as: UInt8.self)
            unsafe head.storeBytes(of: channel, toByteOffset: 1, as: UInt16.self)
            unsafe head.storeBytes(
                of: UInt32(piece).bigEndian,
                toByteOffset: 3,
                as: UInt32.self
            )
            state.outbound.commit(Message.frameHeadSize)
            if let message, piece >= OutboundBuffer.sliceSizeMin {
                state.outbound.append(
                    bodyOf: message,
                    from: offset,
                    count: piece,
                    pool: &virtualHost.state.pool
                )
            } else {
                state.outbound.append(
                    body.slice(from: offset, count: piece),
                    pool: &virtualHost.state.pool
                )
            }
            state.outbound.append([FrameOctet.end], pool: &virtualHost.state.pool)
            offset += piece
        }
    }

    /// Writes a method whose content is the message's (basic.return, basic.get-ok).
    ///
    /// - Parameters:
    ///   - arguments: The method's whole payload, ids included.
    ///   - message: Whose header and body follow.
    ///   - channel: The channel's number.
    func writeMethod(_ arguments: [UInt8], contentOf message: Message, channel: UInt16) {
        guard let virtualHost = state.virtualHost else { return }
        var frame = ByteWriter(capacity: arguments.count + 8)
        frame.writeUInt8(FrameOctet.method)
        frame.writeUInt16(channel)
        frame.writeUInt32(UInt32(arguments.count))
        frame.writeBytes(arguments)
        frame.writeUInt8(FrameOctet.end)
        frame.writeUInt8(FrameOctet.header)
        frame.writeUInt16(channel)
        frame.writeUInt32(
            UInt32(Message.contentHeadSize + Int(message.header.propertiesSize))
        )
        frame.writeUInt32(60 << 16)
        frame.writeUInt64(UInt64(message.header.bodySize))
        frame.writeView(message.properties)
        frame.writeUInt8(FrameOctet.end)
        state.outbound.append(frame.bytes, pool: &virtualHost.state.pool)
        if message.header.bodySize > 0 {
            writeBodyFrames(message.body, of: message, channel: channel.bigEndian)
        }
        markDirty()
    }
}
