/// The core takes bytes, time and randomness as arguments, so a test may run all of it.
enum PurityRule {
    /// Where it holds.
    static let folders = [
        "Sources/Wire/", "Sources/Broker/Memory/", "Sources/Broker/Message/",
        "Sources/Broker/Connection/", "Sources/Broker/VirtualHost/", "Sources/Broker/Time/",
    ]

    /// Modules with an operating system, a clock or a lock in them.
    static let modules = [
        "Glibc", "Musl", "CLinux", "Foundation", "FoundationEssentials", "Dispatch",
        "Synchronization", "Observation", "_Concurrency",
    ]

    /// Names that reach outside or give up the thread.
    static let words = [
        "ContinuousClock", "SuspendingClock", "DispatchQueue", "Date", "clock_gettime", "time_t",
        "SystemRandomNumberGenerator", "Task", "TaskGroup", "Mutex", "Atomic", "pthread_mutex_t",
        "NSLock", "actor", "async", "await",
    ]

    /// Calls that draw from the system's randomness unless they are handed a generator.
    static let draws = [
        ".random(", ".randomElement(", ".shuffled(", ".shuffle(", "Hasher()", ".hashValue",
    ]

    static func findings(in file: SourceFile) -> [Finding] {
        guard file.isSwift, folders.contains(where: file.path.hasPrefix) else { return [] }
        var findings: [Finding] = []
        for (index, line) in SwiftCode(file.text).lines.enumerated() {
            for name in named(in: line) {
                let message = "the core may not use \(name)"
                findings.append(Finding(path: file.path, line: index + 1, message: message))
            }
        }
        return findings
    }

    private static func named(in line: Substring) -> [String] {
        if line.hasWord("import") { return modules.filter(line.hasWord) }
        return words.filter(line.hasWord)
            + draws.filter { line.has($0) && !line.has("using:") }
    }
}
