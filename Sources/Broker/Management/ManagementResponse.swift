/// The answer to a management request.
struct ManagementResponse: Equatable, Sendable {
    /// As in HTTP: 200 with a body, 204 without one, 4xx and 5xx with `error` and `reason`.
    let status: Int
    /// JSON text; empty with 201 and 204.
    let body: [UInt8]

    /// Largest body, in octets; a list beyond it has to be asked for in pages.
    ///
    /// The copy into the core is made under the lock, so this bounds how long it is held.
    static let bodySizeMax = 16 * 1024 * 1024

    init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }

    /// 200 with one object, cut down to the columns asked for.
    init(_ value: JSONValue, query: ManagementQuery = ManagementQuery()) {
        self.init(status: 200, body: ManagementList.select(query.columns, of: value).encoded)
    }

    init(_ error: ManagementError) {
        let value: JSONValue = ["error": .string(error.name), "reason": .string(error.reason)]
        self.init(status: error.status, body: value.encoded)
    }

    /// Whether it says that something was changed.
    var tellsOfChange: Bool { status == 201 || status == 204 }

    /// 201: done, and it was not there before.
    static let created = ManagementResponse(status: 201, body: [])

    /// 204: done, and there is nothing to say.
    static let noContent = ManagementResponse(status: 204, body: [])
}
