import BrokerClient
import Wire

/// The commands of `brokerctl policy`, and those of `brokerctl operator-policy`.
struct PolicyCommands: Sendable {
    /// What the command is called.
    let name: String
    /// What a person calls one.
    let noun: String
    /// Where they are, below `/api/`.
    let path: String
    let discussion: String
    let definition: String

    static let user = PolicyCommands(
        name: "policy",
        noun: "policy",
        path: "policies",
        discussion: """
            A policy gives settings to every queue and exchange whose name matches its pattern, at
            once and as long as it is there. Of several that match the one with the highest
            priority counts. A queue's own arguments go before it, but of two limits the lower
            counts.
            """,
        definition: #"{"max-length":1000,"overflow":"reject-publish"}"#
    )

    static let `operator` = PolicyCommands(
        name: "operator-policy",
        noun: "operator policy",
        path: "operator-policies",
        discussion: """
            An operator policy bounds what queues may have, whatever their arguments and other
            policies say: of two limits the lower counts. It sets limits only: message-ttl,
            expires, max-length, max-length-bytes, delivery-limit.
            """,
        definition: #"{"max-length":1000000,"expires":86400000}"#
    )

    var spec: CommandSpec {
        CommandSpec(
            name: name,
            summary: "set, delete and inspect \(noun.dropLast())ies",
            discussion: discussion,
            examples: [
                .init(
                    line: "\(name) set short --pattern '^jobs\\.' --definition '\(definition)'",
                    effect: "for every queue whose name begins with jobs."
                ),
                .init(line: "\(name) list", effect: "see all of them"),
            ],
            subcommands: [set, delete, list, show]
        )
    }

    private var argument: ArgumentSpec { ArgumentSpec(name: "NAME", help: "the \(noun)") }

    /// Where one is.
    @Sendable
    private func path(_ policy: ShortString, _ inspection: Inspection) -> String {
        "\(path)/\(inspection.vhost)/\(ManagementClient.encoded(policy))"
    }

    // MARK: set

    private static let targets = [
        "all", "queues", "exchanges", "classic_queues", "quorum_queues", "streams",
    ]

    private var set: CommandSpec {
        CommandSpec(
            name: "set",
            summary: "set a \(noun), in place of the one by its name",
            discussion: """
                Queues and exchanges follow at once: what is too much for a new length is dropped;
                messages that wait keep the end they have.
                """,
            arguments: [argument],
            options: [
                .value(
                    "pattern",
                    "REGEX",
                    "what the names have to match; not anchored, so begin it with ^"
                ),
                .value("definition", "JSON", "the settings, as an object such as \(definition)"),
                .value("priority", "NUMBER", "the highest counts; 0 if left out"),
                .choice("apply-to", Self.targets, "what it is for; all if left out"),
                CommandTree.resultOutput,
            ],
            examples: [
                .init(
                    line: "\(name) set short --pattern '^jobs\\.' --definition '\(definition)'",
                    effect: "for every queue whose name begins with jobs."
                ),
                .init(
                    line: "\(name) set old --pattern '' --definition '{\"message-ttl\":60000}' "
                        + "--apply-to classic_queues --priority -1",
                    effect: "for all classic queues that no other applies to"
                ),
            ],
            action: { try await runSet($0) }
        )
    }

    private func runSet(_ invocation: Invocation) async throws -> ExitCode {
        let policy = try invocation.shortStringArgument(0)
        guard let pattern = invocation.value("pattern") else {
            throw UsageError("--pattern is missing", path: invocation.path)
        }
        let definition = try Self.definition(invocation)
        let priority = invocation.value("priority") ?? "0"
        guard let number = Double(priority), number.isFinite else {
            throw UsageError("--priority takes a number, not '\(priority)'", path: invocation.path)
        }
        let target = invocation.value("apply-to") ?? "all"
        let body =
            #"{"pattern":\#(JSON.string(pattern).text),"definition":\#(definition),"#
            + #""priority":\#(JSON.number(number).text),"apply-to":"\#(target)"}"#
        return try await Inspection.run(invocation) { inspection in
            do throws(CommandFailure) {
                let path = path(policy, inspection)
                _ = try await inspection.client.request(.put, path, body: body)
            } catch {
                throw CommandFailure(error.code, "cannot set \(noun) '\(policy)': \(error.message)")
            }
            return try invocation.report(
                "set \(noun) '\(policy)'",
                [("name", .string(policy.string))],
                inspection.console
            )
        }
    }

    /// The definition as it was given, checked to be one JSON object.
    private static func definition(_ invocation: Invocation) throws(UsageError) -> String {
        guard let text = invocation.value("definition") else {
            throw UsageError("--definition is missing", path: invocation.path)
        }
        do throws(CommandFailure) {
            _ = try ManagementClient.decode(Array(text.utf8), as: [String: JSONRecord].self)
        } catch {
            throw UsageError(
                "--definition takes a JSON object such as {\"max-length\":1000}, not '\(text)'",
                path: invocation.path
            )
        }
        return text
    }

    // MARK: delete, list and show

    private var delete: CommandSpec {
        CommandSpec(
            name: "delete",
            summary: "delete a \(noun)",
            discussion: "Exit code 65 says that it does not exist.",
            arguments: [argument],
            options: [CommandTree.resultOutput],
            examples: [.init(line: "\(name) delete short", effect: "queues are as without it")],
            action: { invocation in
                let policy = try invocation.shortStringArgument(0)
                return try await Inspection.run(invocation) { inspection in
                    _ = try await inspection.client.request(
                        .delete,
                        path(policy, inspection),
                        naming: inspection.describe(noun, policy)
                    )
                    return try invocation.report(
                        "deleted \(noun) '\(policy)'",
                        [("name", .string(policy.string))],
                        inspection.console
                    )
                }
            }
        )
    }

    private var list: CommandSpec {
        .list(
            "list the \(noun.dropLast())ies of the virtual host",
            examples: [
                .init(line: "\(name) list", effect: "a table"),
                .init(line: "\(name) list -o json", effect: "the records of RabbitMQ's HTTP API"),
            ],
            at: path,
            table: Self.table(of:)
        )
    }

    @Sendable
    static func table(of policies: [PolicyRecord]) -> Table {
        var table = Table([
            .text("NAME"), .text("PATTERN"), .text("APPLY TO"), .number("PRIORITY"),
            .text("DEFINITION"),
        ])
        for policy in policies {
            table.add([
                policy.name ?? "", policy.pattern ?? "", policy.applyTo ?? "",
                policy.priority.map { JSON.number($0).text } ?? "",
                JSONRecord.line(policy.definition),
            ])
        }
        return table
    }

    private var show: CommandSpec {
        .show(
            noun,
            summary: "show one \(noun)",
            discussion: "Exit code 65 says that it does not exist.",
            example: .init(line: "\(name) show short", effect: "all it says"),
            at: path,
            facts: Self.facts
        )
    }

    @Sendable
    private static func facts(_ policy: PolicyRecord) -> String {
        Inspection.facts([
            ("name", policy.name),
            ("virtual host", policy.vhost),
            ("pattern", policy.pattern),
            ("apply to", policy.applyTo),
            ("priority", policy.priority.map { JSON.number($0).text }),
            ("definition", JSONRecord.line(policy.definition)),
        ])
    }
}
