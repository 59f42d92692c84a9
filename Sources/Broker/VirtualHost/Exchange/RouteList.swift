import Wire

/// The queues one exchange and routing key lead to, each once.
///
/// Remembered lists belong to their exchange and live until its routes are dropped; the one the
/// virtual host reuses for routes that cannot be remembered (headers exchanges, extra keys) is
/// valid until the next routing.
@safe
struct RouteList: BitwiseCopyable {
    private let base: UnsafeMutableRawPointer

    private struct Head: BitwiseCopyable {
        let exchange: Exchange
        let count: Int
        let isRemembered: Bool
        let isDurable: Bool
        let isReplicated: Bool
    }

    private static let headSize = 24

    init(exchange: Exchange, queues: [Queue], isRemembered: Bool) {
        let size = RouteList.headSize + queues.count * 8
        unsafe base = .allocate(byteCount: size, alignment: 8)
        unsafe base.storeBytes(
            of: Head(
                exchange: exchange,
                count: queues.count,
                isRemembered: isRemembered,
                isDurable: queues.contains { $0.state.journalID != 0 },
                isReplicated: queues.contains { $0.state.settings.type != .classic }
            ),
            as: Head.self
        )
        for index in queues.indices {
            unsafe base.storeBytes(
                of: queues[index],
                toByteOffset: RouteList.headSize + index * 8,
                as: Queue.self
            )
        }
    }

    private var head: Head {
        @inline(__always) get { unsafe base.load(as: Head.self) }
    }

    /// The exchange the message was published to.
    @inline(__always)
    var exchange: Exchange { head.exchange }
    @inline(__always)
    var count: Int { head.count }
    var isRemembered: Bool { head.isRemembered }
    /// Whether one of the queues is durable.
    @inline(__always)
    var isDurable: Bool { head.isDurable }

    /// Whether one of the queues makes every message persistent: a quorum queue or a stream.
    var isReplicated: Bool { head.isReplicated }

    @inline(__always)
    subscript(index: Int) -> Queue {
        precondition(index >= 0 && index < count, "no such queue on the route")
        return unsafe base.load(
            fromByteOffset: RouteList.headSize &+ index &* 8,
            as: Queue.self
        )
    }

    func destroy() { unsafe base.deallocate() }
}

/// What routing needs while it runs, kept from one to the next.
struct RouteScratch {
    var destinations: [Destination] = []
    var exchanges: [Exchange] = []
    var queues: [Queue] = []
    /// What must be durable for the message to be, where an exchange on the way delays it; `nil`
    /// when none does.
    var awaitedLSN: UInt64?
    /// The last list that could not be remembered.
    var list: RouteList?
}

/// The routes an exchange has worked out, by routing key.
struct RememberedRoutes: ~Copyable {
    /// Beyond this many keys all are forgotten: a publisher with endless keys must not grow it.
    static let countMax = 4096

    private var table: ByteKeyTable<RouteList>
    private var topologyVersion: UInt64 = 0

    init(hash: ByteHash) { table = ByteKeyTable(hash: hash) }

    mutating func find(_ key: ByteView, topologyVersion version: UInt64) -> RouteList? {
        guard topologyVersion == version else { return nil }
        return table.value(for: key)
    }

    /// - Returns: Whether lists were freed that somebody may have remembered.
    mutating func insert(
        _ list: RouteList,
        for key: ByteView,
        topologyVersion version: UInt64
    )
        -> Bool
    {
        var haveFreed = false
        if topologyVersion != version || table.count >= RememberedRoutes.countMax {
            haveFreed = topologyVersion == version
            removeAll()
            topologyVersion = version
        }
        _ = table.insert(list, for: key)
        return haveFreed
    }

    mutating func removeAll() {
        var cursor = ByteKeyTable<RouteList>.Cursor()
        while let (_, list) = table.next(&cursor) { list.destroy() }
        table.removeAll()
    }
}
