/// What a path names; the names in it are octets without percent-encoding.
enum ManagementResource: Equatable {
    case overview
    case whoAmI
    case clusterName
    case ping
    case storage
    case healthCheck
    /// Whether publishers are held back anywhere.
    case alarms
    case aliveness(virtualHost: [UInt8])
    case nodes
    case node(name: [UInt8])
    case virtualHosts
    case virtualHost(name: [UInt8])
    /// All queues, or those of one virtual host.
    case queues(virtualHost: [UInt8]?)
    case queue(virtualHost: [UInt8], name: [UInt8])
    case queueContents(virtualHost: [UInt8], name: [UInt8])
    case queueBindings(virtualHost: [UInt8], name: [UInt8])
    case exchanges(virtualHost: [UInt8]?)
    case exchange(virtualHost: [UInt8], name: [UInt8])
    /// Bindings that start at the exchange, or those that end there.
    case exchangeBindings(virtualHost: [UInt8], name: [UInt8], isSource: Bool)
    case bindings(virtualHost: [UInt8]?)
    case bindingsBetween(BindingEnds)
    case binding(BindingEnds, propertiesKey: [UInt8])
    case connections(virtualHost: [UInt8]?)
    case connection(name: [UInt8])
    case connectionChannels(name: [UInt8])
    case channels(virtualHost: [UInt8]?)
    case channel(name: [UInt8])
    case consumers(virtualHost: [UInt8]?)
    case policies(Policy.Kind, virtualHost: [UInt8]?)
    case policy(Policy.Kind, virtualHost: [UInt8], name: [UInt8])

    /// The two ends of bindings in `/api/bindings/VHOST/e/SOURCE/q/DESTINATION`.
    struct BindingEnds: Equatable {
        let virtualHost: [UInt8]
        let source: [UInt8]
        let destination: [UInt8]
        let isToExchange: Bool
    }
}

extension ManagementResource {
    /// Finds the resource a request is for and checks that it understands the method.
    ///
    /// - Throws: `.notFound` for an unknown path, `.methodNotAllowed` for a known one.
    init(_ request: ManagementRequest) throws(ManagementError) {
        for entry in Self.table {
            guard let names = entry.match(request.path) else { continue }
            guard let method = request.method, entry.methods.contains(method) else {
                throw .methodNotAllowed(entry.methods)
            }
            self = entry.make(names)
            return
        }
        throw .notFound
    }

    /// A pattern of paths: `{}` stands for a name.
    private struct Entry: Sendable {
        let pattern: [[UInt8]]
        let methods: [ManagementRequest.Method]
        let make: @Sendable ([[UInt8]]) -> ManagementResource

        private static let placeholder = Array("{}".utf8)

        init(
            _ pattern: String,
            _ methods: [ManagementRequest.Method] = [.get],
            _ make: @escaping @Sendable ([[UInt8]]) -> ManagementResource
        ) {
            self.pattern = pattern.split(separator: "/").map { Array($0.utf8) }
            self.methods = methods
            self.make = make
        }

        /// The names at the placeholders, or `nil` when the path is another one.
        func match(_ path: [[UInt8]]) -> [[UInt8]]? {
            guard path.count == pattern.count else { return nil }
            var names: [[UInt8]] = []
            for (expected, segment) in zip(pattern, path) {
                if expected == Self.placeholder {
                    names.append(segment)
                } else if expected != segment {
                    return nil
                }
            }
            return names
        }
    }

    private static let table: [Entry] =
        serverEntries + objectEntries + clientEntries
        + policyEntries("policies", .user) + policyEntries("operator-policies", .operator)

    private static let serverEntries = [
        Entry("/api/overview") { _ in .overview },
        Entry("/api/whoami") { _ in .whoAmI },
        Entry("/api/cluster-name") { _ in .clusterName },
        Entry("/api/x/ping") { _ in .ping },
        Entry("/api/x/storage") { _ in .storage },
        Entry("/api/health/checks/alarms") { _ in .alarms },
        Entry("/api/health/checks/local-alarms") { _ in .alarms },
        Entry("/api/health/checks/virtual-hosts") { _ in .healthCheck },
        Entry("/api/aliveness-test/{}") { .aliveness(virtualHost: $0[0]) },
        Entry("/api/nodes") { _ in .nodes },
        Entry("/api/nodes/{}") { .node(name: $0[0]) },
        Entry("/api/vhosts") { _ in .virtualHosts },
        Entry("/api/vhosts/{}") { .virtualHost(name: $0[0]) },
    ]

    private static let objectEntries = [
        Entry("/api/queues") { _ in .queues(virtualHost: nil) },
        Entry("/api/queues/{}") { .queues(virtualHost: $0[0]) },
        Entry("/api/queues/{}/{}", [.get, .delete]) {
            .queue(virtualHost: $0[0], name: $0[1])
        },
        Entry("/api/queues/{}/{}/contents", [.delete]) {
            .queueContents(virtualHost: $0[0], name: $0[1])
        },
        Entry("/api/queues/{}/{}/bindings") { .queueBindings(virtualHost: $0[0], name: $0[1]) },
        Entry("/api/exchanges") { _ in .exchanges(virtualHost: nil) },
        Entry("/api/exchanges/{}") { .exchanges(virtualHost: $0[0]) },
        Entry("/api/exchanges/{}/{}", [.get, .delete]) {
            .exchange(virtualHost: $0[0], name: exchangeName($0[1]))
        },
        Entry("/api/exchanges/{}/{}/bindings/source") {
            .exchangeBindings(virtualHost: $0[0], name: exchangeName($0[1]), isSource: true)
        },
        Entry("/api/exchanges/{}/{}/bindings/destination") {
            .exchangeBindings(virtualHost: $0[0], name: exchangeName($0[1]), isSource: false)
        },
        Entry("/api/bindings") { _ in .bindings(virtualHost: nil) },
        Entry("/api/bindings/{}") { .bindings(virtualHost: $0[0]) },
        Entry("/api/bindings/{}/e/{}/q/{}") { .bindingsBetween(ends($0, isToExchange: false)) },
        Entry("/api/bindings/{}/e/{}/e/{}") { .bindingsBetween(ends($0, isToExchange: true)) },
        Entry("/api/bindings/{}/e/{}/q/{}/{}", [.get, .delete]) {
            .binding(ends($0, isToExchange: false), propertiesKey: $0[3])
        },
        Entry("/api/bindings/{}/e/{}/e/{}/{}", [.get, .delete]) {
            .binding(ends($0, isToExchange: true), propertiesKey: $0[3])
        },
    ]

    private static let clientEntries = [
        Entry("/api/connections") { _ in .connections(virtualHost: nil) },
        Entry("/api/vhosts/{}/connections") { .connections(virtualHost: $0[0]) },
        Entry("/api/connections/{}", [.get, .delete]) { .connection(name: $0[0]) },
        Entry("/api/connections/{}/channels") { .connectionChannels(name: $0[0]) },
        Entry("/api/channels") { _ in .channels(virtualHost: nil) },
        Entry("/api/vhosts/{}/channels") { .channels(virtualHost: $0[0]) },
        Entry("/api/channels/{}") { .channel(name: $0[0]) },
        Entry("/api/consumers") { _ in .consumers(virtualHost: nil) },
        Entry("/api/consumers/{}") { .consumers(virtualHost: $0[0]) },
    ]

    private static func policyEntries(_ word: String, _ kind: Policy.Kind) -> [Entry] {
        [
            Entry("/api/\(word)") { _ in .policies(kind, virtualHost: nil) },
            Entry("/api/\(word)/{}") { .policies(kind, virtualHost: $0[0]) },
            Entry("/api/\(word)/{}/{}", [.get, .put, .delete]) {
                .policy(kind, virtualHost: $0[0], name: $0[1])
            },
        ]
    }

    /// The nameless exchange is called `amq.default` in paths (RabbitMQ).
    private static func exchangeName(_ segment: [UInt8]) -> [UInt8] {
        segment == Array("amq.default".utf8) ? [] : segment
    }

    private static func ends(_ names: [[UInt8]], isToExchange: Bool) -> BindingEnds {
        BindingEnds(
            virtualHost: names[0],
            source: exchangeName(names[1]),
            destination: isToExchange ? exchangeName(names[2]) : names[2],
            isToExchange: isToExchange
        )
    }
}
