import Testing

@testable import brokerctl

@Suite("Argument parser")
struct ArgumentParserTests {
    private func invocation(_ words: [String]) throws -> Invocation {
        let outcome = try ArgumentParser.parse(words, root: CommandTree.root)
        guard case .run(let invocation) = outcome else {
            Issue.record("the words ask for help")
            throw UsageError("help", path: [])
        }
        return invocation
    }

    private func message(_ words: [String]) throws -> String {
        try #require(throws: UsageError.self) {
            try ArgumentParser.parse(words, root: CommandTree.root)
        }.message
    }

    @Test("options may stand before, between and after the words of a command")
    func anywhere() throws {
        let words = [
            "--url", "amqp://h", "queue", "-q", "declare", "--durable", "jobs", "-a", "k=v",
        ]
        let invocation = try invocation(words)
        #expect(invocation.path == ["queue", "declare"])
        #expect(invocation.arguments == ["jobs"])
        #expect(invocation.value("url") == "amqp://h")
        #expect(invocation.has("quiet"))
        #expect(invocation.has("durable"))
        #expect(!invocation.has("exclusive"))
        #expect(invocation.values("argument") == ["k=v"])
    }

    @Test(
        "a value follows its option in four ways",
        arguments: [["--key", "a=b"], ["--key=a=b"], ["-k", "a=b"], ["-ka=b"]]
    )
    func values(_ option: [String]) throws {
        #expect(try invocation(["publish"] + option + ["body"]).value("key") == "a=b")
    }

    @Test("short flags may be grouped, the last one with a value")
    func groups() throws {
        let invocation = try invocation(["publish", "-pck", "jobs", "body"])
        #expect(invocation.has("persistent"))
        #expect(invocation.has("confirm"))
        #expect(invocation.value("key") == "jobs")
    }

    @Test("two dashes end the options, and one dash is an argument")
    func dashes() throws {
        #expect(try invocation(["publish", "-k", "q", "--", "--body"]).arguments == ["--body"])
        #expect(try invocation(["publish", "-k", "q", "-"]).arguments == ["-"])
    }

    @Test("a repeatable option keeps its order")
    func repeated() throws {
        let words = ["subscribe", "-e", "x", "-k", "b", "--key", "a"]
        #expect(try invocation(words).values("key") == ["b", "a"])
    }

    @Test(
        "a wrong word is named together with what was meant",
        arguments: [
            (["queu", "list"], "unknown command 'queu'; did you mean 'queue'?"),
            (["queue", "lst"], "unknown command 'lst'; did you mean 'list'?"),
            (
                ["publish", "--presistent"],
                "unknown option '--presistent'; did you mean '--persistent'?"
            ),
            (["publish", "-Z"], "unknown option '-Z'"),
            (["queue", "purge"], "NAME is missing"),
            (["queue", "purge", "a", "b"], "unexpected argument 'b'"),
            (["publish", "--key"], "--key needs a value: KEY"),
            (["publish", "--confirm=yes"], "--confirm takes no value"),
            (["publish", "-k", "a", "-k", "b"], "--key was given twice"),
            (["get", "q", "-o", "xml"], "--output is one of text, json, jsonl, raw, not 'xml'"),
            (["completion", "tcsh"], "SHELL is one of bash, zsh, fish, not 'tcsh'"),
        ]
    )
    func wrong(_ words: [String], _ expected: String) throws {
        #expect(try message(words) == expected)
    }

    @Test("help wins over whatever is missing, and a group alone asks for its help")
    func help() throws {
        for words in [["queue", "purge", "--help"], ["queue", "purge", "-h"]] {
            guard
                case .help(let command, let path) = try ArgumentParser.parse(
                    words,
                    root: CommandTree.root
                )
            else {
                Issue.record("\(words) does not give help")
                continue
            }
            #expect(command.name == "purge")
            #expect(path == ["queue", "purge"])
        }
        guard
            case .help(let group, _) = try ArgumentParser.parse(
                ["exchange"],
                root: CommandTree.root
            )
        else {
            Issue.record("a group does not give help")
            return
        }
        #expect(group.name == "exchange")
    }

    @Test(
        "numbers outside of their range are refused",
        arguments: [("0", false), ("1", true), ("65536", true), ("-1", false), ("x", false)]
    )
    func integers(_ text: String, _ isAccepted: Bool) throws {
        let invocation = try invocation(["get", "q", "--count=\(text)"])
        if isAccepted {
            #expect(try invocation.integer("count", in: 1...Int.max) == Int(text))
        } else {
            #expect(throws: UsageError.self) { try invocation.integer("count", in: 1...Int.max) }
        }
    }
}
