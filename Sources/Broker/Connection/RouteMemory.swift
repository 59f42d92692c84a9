import Wire

/// Where a channel's last message went: most publishers say the same thing many times.
struct RouteMemory: ~Copyable {
    private var route = OwnedBytes()
    private var routes: RouteList?
    private var topologyVersion: UInt64 = 0
    private var generation: UInt64 = 0

    init() {}

    /// The queues of a message that has the same exchange and routing key as the last one.
    @inline(__always)
    func routes(of message: Message, _ virtualHost: VirtualHost) -> RouteList? {
        guard topologyVersion == virtualHost.state.topologyVersion,
            generation == virtualHost.state.routeGeneration,
            isSame(message.route)
        else { return nil }
        return routes
    }

    @inline(__always)
    private func isSame(_ other: ByteView) -> Bool {
        route.view == other
    }

    mutating func remember(_ message: Message, _ routes: RouteList, _ virtualHost: VirtualHost) {
        if !isSame(message.route) { route = OwnedBytes(message.route) }
        self.routes = routes
        topologyVersion = virtualHost.state.topologyVersion
        generation = virtualHost.state.routeGeneration
    }
}

/// What the channel's last message's properties said: most publishers repeat them, too.
struct InspectionMemory: ~Copyable {
    /// Longer property parts are looked at every time.
    private static let sizeMax = 256
    private var properties = OwnedBytes()
    private var traits: MessageTraits = []
    /// Milliseconds, where the traits say that there is an expiration.
    private(set) var timeToLive = 0

    init() {}

    @inline(__always)
    func traits(of message: Message) -> MessageTraits? {
        properties.view == message.properties ? traits : nil
    }

    mutating func remember(_ message: Message, _ traits: MessageTraits) {
        let view = message.properties
        guard view.count <= InspectionMemory.sizeMax else { return }
        properties.replace(with: view)
        self.traits = traits
        timeToLive = message.header.timeToLive
    }
}
