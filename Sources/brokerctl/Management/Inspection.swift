import BrokerClient
import Wire

/// One `list` or `show`: asks the broker, and prints the answer as a table or as it came.
struct Inspection {
    let client: ManagementClient
    let console: Console
    let isJSON: Bool
    let virtualHost: ShortString

    /// Runs `body` with the means to ask.
    static func run(
        _ invocation: Invocation,
        _ body: (Inspection) async throws -> ExitCode
    ) async throws -> ExitCode {
        let access = try BrokerAccess(invocation)
        return try await access.withChannel { channel in
            let inspection = Inspection(
                client: try await ManagementClient(channel: channel),
                console: access.console,
                isJSON: invocation.value("output") == "json",
                virtualHost: access.options.virtualHost
            )
            return try await body(inspection)
        }
    }

    /// The virtual host as a part of a path.
    var vhost: String { ManagementClient.encoded(virtualHost) }

    /// An object as messages name it.
    func describe(_ noun: String, _ name: ShortString) -> String {
        "\(noun) '\(name)' in virtual host '\(virtualHost)'"
    }

    /// Prints what is at `path`: as it came for `-o json`, else with `table`.
    ///
    /// - Parameters:
    ///   - path: See `ManagementClient.request`.
    ///   - type: What the JSON is read as.
    ///   - what: Named when it does not exist.
    ///   - table: The form for people.
    /// - Returns: `.ok`.
    /// - Throws: What asking and printing throw.
    func show<Record: Decodable>(
        _ path: String,
        as type: Record.Type,
        naming what: String? = nil,
        table: (Record) -> String
    ) async throws(CommandFailure) -> ExitCode {
        let bytes = try await client.request(.get, path, naming: what)
        if isJSON {
            try console.write(bytes + [UInt8(ascii: "\n")])
        } else {
            try console.write(table(try ManagementClient.decode(bytes, as: type)))
        }
        return .ok
    }

    /// Prints the records at `path`: as they came for `-o json`, else as a table.
    func list<Record: ListedRecord>(
        _ path: String,
        as type: Record.Type,
        table: ([Record]) -> Table
    ) async throws(CommandFailure) -> ExitCode {
        let columns = isJSON ? "" : "?columns=" + Record.columns.joined(separator: ",")
        return try await show(path + columns, as: [Record].self) { table($0).text }
    }

    /// Rows of names and values without a heading, for `show` and `status`.
    static func facts(_ rows: [(String, String?)]) -> String {
        let known = rows.compactMap { name, value in value.map { (name, $0) } }
            .filter { !$0.1.isEmpty }
        let width = known.map(\.0.count).max() ?? 0
        return known.map { name, value in
            let blanks = String(repeating: " ", count: width - name.count)
            return "\(name)\(blanks)  \(PrintableText.oneLine(value))\n"
        }.joined()
    }

    /// A count for a cell; nothing when the broker did not say.
    static func count(_ value: Int?) -> String { value.map(HumanNumber.count) ?? "" }

    static func bytes(_ value: Int?) -> String { value.map(HumanNumber.bytes) ?? "" }

    static func rate(_ value: RateRecord?) -> String { HumanNumber.rate(value?.rate ?? 0) }

    /// The words whose condition holds, separated by commas.
    static func features(_ words: [(String, Bool?)]) -> String {
        words.filter { $0.1 == true }.map(\.0).joined(separator: ", ")
    }
}
