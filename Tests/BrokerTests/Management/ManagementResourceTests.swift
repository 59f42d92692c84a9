import Testing

@testable import Broker

@Suite("Management resource")
struct ManagementResourceTests {
    struct Example: CustomTestStringConvertible, Sendable {
        let target: String
        let resource: ManagementResource

        init(_ target: String, _ resource: ManagementResource) {
            self.target = target
            self.resource = resource
        }

        var testDescription: String { target }
    }

    private static let slash: [UInt8] = [UInt8(ascii: "/")]
    private static let ends = ManagementResource.BindingEnds(
        virtualHost: slash,
        source: name("x"),
        destination: name("q"),
        isToExchange: false
    )
    private static let exchangeEnds = ManagementResource.BindingEnds(
        virtualHost: slash,
        source: [],
        destination: name("y"),
        isToExchange: true
    )

    private static func name(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func route(_ target: String) throws -> ManagementResource {
        try ManagementResource(ManagementRequest(target: Array(target.utf8)))
    }

    @Test(
        "is found by its path",
        arguments: [
            Example("GET /api/overview", .overview),
            Example("GET /api/whoami", .whoAmI),
            Example("GET /api/cluster-name", .clusterName),
            Example("GET /api/x/ping", .ping),
            Example("GET /api/x/storage", .storage),
            Example("GET /api/health/checks/virtual-hosts", .healthCheck),
            Example("GET /api/health/checks/alarms", .alarms),
            Example("GET /api/aliveness-test/%2F", .aliveness(virtualHost: slash)),
            Example("GET /api/nodes", .nodes),
            Example("GET /api/nodes/n@h", .node(name: name("n@h"))),
            Example("GET /api/vhosts", .virtualHosts),
            Example("GET /api/vhosts/%2F", .virtualHost(name: slash)),
            Example("GET /api/vhosts/%2F/connections", .connections(virtualHost: slash)),
            Example("GET /api/vhosts/%2F/channels", .channels(virtualHost: slash)),
            Example("GET /api/queues?page=1", .queues(virtualHost: nil)),
            Example("GET /api/queues/%2F", .queues(virtualHost: slash)),
            Example("GET /api/queues/%2F/q", .queue(virtualHost: slash, name: name("q"))),
            Example("DELETE /api/queues/%2F/q", .queue(virtualHost: slash, name: name("q"))),
            Example(
                "DELETE /api/queues/%2F/q/contents",
                .queueContents(virtualHost: slash, name: name("q"))
            ),
            Example(
                "GET /api/queues/%2F/q/bindings",
                .queueBindings(virtualHost: slash, name: name("q"))
            ),
            Example("GET /api/exchanges/%2F/", .exchanges(virtualHost: slash)),
            Example("GET /api/exchanges/%2F/x", .exchange(virtualHost: slash, name: name("x"))),
            Example("GET /api/exchanges/%2F/amq.default", .exchange(virtualHost: slash, name: [])),
            Example(
                "GET /api/exchanges/%2F/x/bindings/source",
                .exchangeBindings(virtualHost: slash, name: name("x"), isSource: true)
            ),
            Example(
                "GET /api/exchanges/%2F/x/bindings/destination",
                .exchangeBindings(virtualHost: slash, name: name("x"), isSource: false)
            ),
            Example("GET /api/bindings", .bindings(virtualHost: nil)),
            Example("GET /api/bindings/%2F", .bindings(virtualHost: slash)),
            Example("GET /api/bindings/%2F/e/x/q/q", .bindingsBetween(ends)),
            Example("GET /api/bindings/%2F/e/amq.default/e/y", .bindingsBetween(exchangeEnds)),
            Example(
                "GET /api/bindings/%2F/e/x/q/q/~",
                .binding(ends, propertiesKey: name("~"))
            ),
            Example("GET /api/connections", .connections(virtualHost: nil)),
            Example(
                "DELETE /api/connections/1%3A2%20-%3E%203%3A4",
                .connection(name: name("1:2 -> 3:4"))
            ),
            Example("GET /api/connections/c/channels", .connectionChannels(name: name("c"))),
            Example("GET /api/channels", .channels(virtualHost: nil)),
            Example("GET /api/channels/c%20%281%29", .channel(name: name("c (1)"))),
            Example("GET /api/consumers", .consumers(virtualHost: nil)),
            Example("GET /api/consumers/%2F", .consumers(virtualHost: slash)),
        ]
    )
    func found(_ example: Example) throws {
        #expect(try route(example.target) == example.resource)
    }

    @Test(
        "is not found by any other path",
        arguments: [
            "GET /", "GET /api", "GET /api/nope", "GET /overview", "GET /api/overview/x",
            "GET /api/queues/%2F/q/nope", "GET /api//overview", "PATCH /api/nope",
        ]
    )
    func unknown(_ target: String) {
        #expect(throws: ManagementError.notFound) { try route(target) }
    }

    @Test("refuses a method it does not understand and names those it does")
    func wrongMethod() {
        #expect(throws: ManagementError.methodNotAllowed([.get])) {
            try route("POST /api/overview")
        }
        #expect(throws: ManagementError.methodNotAllowed([.get])) {
            try route("PATCH /api/overview")
        }
        #expect(throws: ManagementError.methodNotAllowed([.get, .delete])) {
            try route("PUT /api/connections/c")
        }
        #expect(ManagementError.methodNotAllowed([.get, .delete]).reason == "allowed: GET, DELETE")
    }
}
