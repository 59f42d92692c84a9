import Glibc
import Wire

extension ManagementHandler {
    /// What two slices of a walk are apart: long enough for a reactor that waits for the lock to
    /// wake up and get it, since the lock is not fair.
    private static let pauseMicroseconds: UInt32 = 50

    /// A handler for the running server.
    ///
    /// - Parameters:
    ///   - registry: The virtual hosts.
    ///   - listeners: Where connections are accepted.
    ///   - notify: Told of connections whose reactor must look at them.
    /// - Returns: The handler; its `startedAt` is now.
    static func make(
        registry: VirtualHostRegistry,
        listeners: [Listener],
        notify: @escaping @Sendable (ShellAddress) -> Void
    ) -> ManagementHandler {
        let sender = ManagementSender(notify: notify)
        return ManagementHandler(
            server: ServerDescription(
                product: "brokerd",
                version: BrokerVersion.text,
                node: FieldTable.serverProperties()["cluster_name"]?.text ?? "brokerd",
                processID: Int(getpid()),
                processorCount: ProcessResources.processorCount,
                listeners: listeners.map {
                    ServerDescription.Listener(host: $0.address.host, port: $0.address.port)
                }
            ),
            registry: registry,
            startedAt: SystemClock.now(),
            residentBytes: { ProcessResources.residentBytes ?? 0 },
            finish: { sender.finish($0) },
            pause: { usleep(pauseMicroseconds) }
        )
    }
}
