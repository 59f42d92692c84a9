import Broker
import Wire

/// The commands of `brokerctl data`, which look into a data directory without a broker.
enum DataCommands {
    static let spec = CommandSpec(
        name: "data",
        summary: "look into a data directory, without a broker and without changing it",
        examples: [
            .init(line: "data verify /var/lib/brokerd", effect: "read and check every octet"),
            .init(line: "data dump /var/lib/brokerd --queue jobs", effect: "see what it holds"),
        ],
        subcommands: [verify, dump]
    )

    private static let directory = ArgumentSpec(name: "DIR", help: "the data directory")

    // MARK: verify

    private static let verify = CommandSpec(
        name: "verify",
        summary: "read every octet of journals and streams and say what is damaged",
        discussion: """
            Exit code 2 says that records are lost or damaged. A torn write at the end, as a crash
            leaves it, is shown and is no damage; nor is what a running broker is writing.
            """,
        arguments: [directory],
        options: [CommandTree.tableOutput],
        examples: [.init(line: "data verify /var/lib/brokerd", effect: "check it")],
        action: runVerify
    )

    @Sendable
    private static func runVerify(_ invocation: Invocation) async throws -> ExitCode {
        let console = Console(isQuiet: invocation.has("quiet"))
        let findings = try check(invocation)
        if invocation.value("output") == "json" {
            try console.write(JSON.array(findings.map(json)).text + "\n")
        } else {
            try console.write(findings.map(text).joined())
        }
        return findings.contains(where: isDamaged) ? .conditionNotMet : .ok
    }

    private static func isDamaged(_ finding: JournalCheck.Finding) -> Bool {
        finding.report.hasLostRecords || finding.stream?.isCutShort == true
    }

    private static func text(_ finding: JournalCheck.Finding) -> String {
        var name = PrintableText.oneLine(finding.virtualHost)
        if let stream = finding.stream { name += ", stream \(PrintableText.oneLine(stream.queue))" }
        let head =
            "\(name): \(finding.report.recordCount) records in \(finding.segmentCount) segments, "
            + "\(finding.size) octets: " + (isDamaged(finding) ? "damaged" : "intact")
        let losses = finding.report.losses.map { "  " + PrintableText.oneLine($0.description) }
        let open = finding.openTransactionCount.map { count in
            ["  transaction without its end, \(count) records of which do not count"]
        }
        let messages = finding.stream.map(text) ?? []
        return ([head] + messages + losses + (open ?? [])).joined(separator: "\n") + "\n"
    }

    private static func text(_ stream: JournalCheck.StreamFinding) -> [String] {
        var lines: [String] = []
        if let first = stream.firstOffset {
            let last = stream.endOffset - 1
            lines.append("  \(stream.messageCount) messages, offsets \(first) to \(last)")
        } else {
            lines.append("  no messages")
        }
        if stream.endOffset < stream.promisedOffset {
            let last = stream.promisedOffset - 1
            lines.append("  offsets \(stream.endOffset) to \(last) are missing")
        }
        if stream.unreadableCount > 0 {
            lines.append("  \(stream.unreadableCount) records hold no messages")
        }
        return lines
    }

    private static func json(_ stream: JournalCheck.StreamFinding) -> JSON {
        .object([
            ("queue", .string(stream.queue)),
            ("messages", .integer(Int64(stream.messageCount))),
            ("first_offset", stream.firstOffset.map { .unsigned($0) } ?? .null),
            ("end_offset", .unsigned(stream.endOffset)),
            ("promised_offset", .unsigned(stream.promisedOffset)),
            ("unreadable_records", .integer(Int64(stream.unreadableCount))),
        ])
    }

    private static func json(_ finding: JournalCheck.Finding) -> JSON {
        .object([
            ("virtual_host", .string(finding.virtualHost)),
            ("directory", .string(finding.directory)),
            ("records", .integer(Int64(finding.report.recordCount))),
            ("segments", .integer(Int64(finding.segmentCount))),
            ("octets", .integer(Int64(finding.size))),
            ("intact", .bool(!isDamaged(finding))),
            ("stream", finding.stream.map(json) ?? .null),
            (
                "open_transaction_records",
                finding.openTransactionCount.map { .integer(Int64($0)) } ?? .null
            ),
            ("losses", .array(finding.report.losses.map(json))),
        ])
    }

    private static func json(_ loss: RecoveryReport.Loss) -> JSON {
        .object([
            ("kind", .string("\(loss.kind)")),
            ("file", .string(loss.file)),
            ("offset", .integer(Int64(loss.offset))),
            ("octets", .integer(Int64(loss.count))),
            ("first_lsn", .unsigned(loss.range.lowerBound)),
            ("end_lsn", .unsigned(loss.range.upperBound)),
        ])
    }

    // MARK: dump

    private static let dump = CommandSpec(
        name: "dump",
        summary: "print the records of the journals in order, then those of streams",
        discussion: """
            A message is printed where it was published, also when it has been settled since.
            Damage is left out here; 'data verify' shows it. With --vhost only that virtual host.
            """,
        arguments: [directory],
        options: [
            .value("queue", "NAME", "only what concerns this queue"),
            .choice(
                "output",
                short: "o",
                ["text", "jsonl"],
                "text (the default) or jsonl: one object on each line, with bodies"
            ),
        ],
        examples: [
            .init(line: "data dump /var/lib/brokerd", effect: "everything that happened"),
            .init(
                line: "data dump /var/lib/brokerd --queue jobs -o jsonl",
                effect: "one queue's messages with bodies and properties"
            ),
        ],
        action: runDump
    )

    @Sendable
    private static func runDump(_ invocation: Invocation) async throws -> ExitCode {
        let printer = DumpPrinter(
            console: Console(isQuiet: invocation.has("quiet")),
            isJSON: invocation.value("output") == "jsonl",
            virtualHost: invocation.value("vhost"),
            queue: invocation.value("queue")
        )
        _ = try check(invocation, printer.visit, streams: printer.visitStream)
        try printer.finish()
        return .ok
    }

    /// Reads the directory of the command line.
    private static func check(
        _ invocation: Invocation,
        _ visit: @escaping JournalCheck.Visit = { _, _, _ in },
        streams visitStream: @escaping JournalCheck.VisitStream = { _, _, _, _ in }
    ) throws -> [JournalCheck.Finding] {
        let disk = PosixDisk(path: try invocation.requiredArgument(0))
        do throws(StorageError) {
            let check = try JournalCheck(disk)
            if let user = check.user {
                let process = user.processID.map { " (process \($0))" } ?? ""
                Console(isQuiet: invocation.has("quiet")).say(
                    "brokerd\(process) is using \(disk.path): this is what it had written by now"
                )
            }
            return try check.run(visit, streams: visitStream)
        } catch {
            throw CommandFailure(.failure, error.description)
        }
    }
}

/// Prints records as they are read.
private final class DumpPrinter {
    private let console: Console
    private let isJSON: Bool
    private let virtualHost: String?
    private let queue: String?
    private var dumps: [String: JournalDump] = [:]
    private var text = ""
    private var failure: CommandFailure?

    init(console: Console, isJSON: Bool, virtualHost: String?, queue: String?) {
        self.console = console
        self.isJSON = isJSON
        self.virtualHost = virtualHost
        self.queue = queue
    }

    func visit(_ name: String, _ lsn: UInt64, _ payload: ByteView) {
        guard failure == nil, name == virtualHost ?? name else { return }
        guard let line = dumps[name, default: JournalDump(queue: queue)].read(payload, lsn: lsn)
        else { return }
        print(line, of: name)
    }

    func visitStream(_ name: String, _ stream: String, _ lsn: UInt64, _ payload: ByteView) {
        guard failure == nil, name == virtualHost ?? name, stream == queue ?? stream else { return }
        for line in JournalDump.lines(ofChunk: payload, lsn: lsn, queue: stream) {
            print(line, of: name)
        }
    }

    private func print(_ line: JournalDump.Line, of name: String) {
        text += isJSON ? DumpFormat.json(line, virtualHost: name).text : DumpFormat.text(line)
        text += "\n"
        if text.utf8.count > 1 << 16 { flush() }
    }

    /// Prints the rest.
    ///
    /// - Throws: What printing has run into, if anything.
    func finish() throws(CommandFailure) {
        flush()
        if let failure { throw failure }
    }

    private func flush() {
        do throws(CommandFailure) {
            try console.write(text)
        } catch {
            failure = error
        }
        text = ""
    }
}
