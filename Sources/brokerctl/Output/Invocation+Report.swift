extension Invocation {
    /// Tells what was done, to people or to programs, for a command with `resultOutput`.
    func report(
        _ sentence: String,
        _ members: [(String, JSON)],
        _ console: Console
    ) throws(CommandFailure) -> ExitCode {
        if value("output") == "json" {
            try console.write(JSON.object(members).text + "\n")
        } else {
            console.say(sentence)
        }
        return .ok
    }
}
