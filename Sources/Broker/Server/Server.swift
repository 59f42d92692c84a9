import Synchronization
import Wire

/// The whole broker: listeners, virtual hosts, reactors.
///
/// The thread that calls `run` accepts connections and reads signals; each reactor serves its
/// connections on a thread of its own. Nothing of it wakes up without a reason.
package final class Server: Sendable {
    /// Where connections are accepted, port 0 resolved.
    package var addresses: [SocketAddress] { listeners.map(\.address) }

    let limits: Limits
    let log: Logger
    let listeners: [Listener]
    let registry = VirtualHostRegistry()
    let reactors: [Reactor]
    /// Answers inspection.
    let management: ManagementService
    /// Makes durable what the virtual host writes.
    let journalWriter: JournalWriter
    /// Calls the virtual host when something is due.
    let timerThread: TimerThread
    /// Keeps the memory of its messages bounded.
    let pager: PagerThread
    /// Keeps its journal small.
    let compactor: CompactorThread
    /// Connections accepted and not closed again.
    let connectionCount: ConnectionCount
    /// Connections at once, by setting and by the limit on open files.
    let connectionMax: Int
    private let directory = ReactorDirectory()

    /// Binds every listener and readies the reactors; no thread runs yet.
    ///
    /// - Parameters:
    ///   - settings: Validated.
    ///   - log: Where all parts report to.
    ///   - descriptorMax: How many descriptors the process may have open.
    ///   - storage: The data directory, opened and read.
    /// - Throws: When an address cannot be had, or descriptors run out.
    package init(
        _ settings: Settings,
        log: Logger,
        descriptorMax: Int,
        storage: ServerStorage
    ) throws(SystemError) {
        limits = settings.limits
        self.log = log
        var listeners: [Listener] = []
        for endpoint in settings.endpoints {
            listeners += try Listener.open(endpoint, backlog: settings.limits.listenBacklog)
        }
        self.listeners = listeners
        let root = storage.main.virtualHost
        let domain = VirtualHostDomain(root)
        domain.recovery = storage.recovery
        registry.add(domain)
        let reserved = Self.reservedDescriptorCount + listeners.count
        connectionMax = min(settings.limits.connectionMax ?? .max, max(1, descriptorMax - reserved))

        let serverLog = ServerLog(log)
        let connectionCount = ConnectionCount()
        self.connectionCount = connectionCount
        let environment = Reactor.Environment(
            registry: registry,
            context: ConnectionContext(
                limits: settings.limits,
                serverProperties: .serverProperties(),
                authenticator: Authentication(),
                log: serverLog
            ),
            notify: { [directory] address in directory.notify(address) },
            closed: { connectionCount.remove() }
        )
        var reactors: [Reactor] = []
        for index in 0..<(settings.reactorCount ?? ProcessResources.processorCount) {
            reactors.append(try Reactor(index: index, environment: environment))
        }
        self.reactors = reactors
        directory.fill(reactors)
        management = try ManagementService(
            .make(registry: registry, listeners: listeners, notify: environment.notify),
            startingAt: SystemClock.now()
        )
        root.state.management = management
        root.report(to: serverLog)
        journalWriter = JournalWriter(
            domain,
            storage.main.journal,
            storage.main.streams,
            log: log,
            notify: environment.notify
        )
        timerThread = TimerThread(domain, notify: environment.notify)
        pager = PagerThread(
            domain,
            storage.pager,
            budget: settings.limits.messageMemoryMax,
            notify: environment.notify
        )
        compactor = CompactorThread(domain, storage.compactor)
    }

    /// Descriptors kept for what is no connection: standard streams, pollers, files; two for each
    /// stream that is written.
    private static let reservedDescriptorCount = 64 + 2 * StreamStore.writtenCountMax
}

/// Counts connections across the reactors.
final class ConnectionCount: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .relaxed) }

    func add() { count.wrappingAdd(1, ordering: .relaxed) }

    func remove() { count.wrappingSubtract(1, ordering: .relaxed) }
}

/// Finds a reactor by its number, for notices between them.
///
/// Filled once before any of them runs, and only read from then on.
private final class ReactorDirectory: @unchecked Sendable {
    private var reactors: [Reactor] = []

    func fill(_ reactors: [Reactor]) { self.reactors = reactors }

    func notify(_ address: ShellAddress) { reactors[Int(address.reactor)].post(.look(address)) }
}
