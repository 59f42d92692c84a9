import Broker
import Glibc

/// Says something on standard error and ends the process.
func fail(_ sentence: String, _ code: ExitCode) -> Never {
    let line = Array("brokerd: \(sentence)\n".utf8)
    write(STDERR_FILENO, line, line.count)
    exit(code.rawValue)
}

/// The environment by name; a variable given twice counts the first time.
func environment() -> [String: String] {
    var variables: [String: String] = [:]
    var next = environ
    while let text = next.pointee {
        let parts = String(cString: text).split(
            separator: "=",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        if parts.count == 2, variables[String(parts[0])] == nil {
            variables[String(parts[0])] = String(parts[1])
        }
        next += 1
    }
    return variables
}

/// Runs the broker until it is told to stop.
func serve(_ settings: Settings) throws(SystemError) -> ExitCode {
    let log = Logger(level: settings.logLevel)
    let signals = try SignalDescriptor()
    let directory =
        settings.dataDirectory
        ?? DataDirectory.defaultPath(environment: environment(), isRoot: getuid() == 0)
    do throws(SystemError) {
        try DataDirectory.prepare(directory, makesParents: settings.dataDirectory == nil)
    } catch {
        fail("\(error)", .dataDirectory)
    }
    ProcessResources.limitAllocatorArenas(to: 2)
    let descriptorMax = try ProcessResources.raiseDescriptorLimit()
    log.info("starting", ["version": BrokerVersion.text, "pid": "\(getpid())"])
    let storage: ServerStorage
    do throws(StorageError) {
        storage = try ServerStorage.open(directory, settings: settings, log: log)
    } catch {
        fail("\(error)", .dataDirectory)
    }
    let server: Server
    do throws(SystemError) {
        server = try Server(settings, log: log, descriptorMax: descriptorMax, storage: storage)
    } catch {
        fail("\(error)", .unavailable)
    }
    return try server.run(signals)
}

do throws(SettingsError) {
    let invocation = try Invocation(
        arguments: Array(CommandLine.arguments.dropFirst()),
        environment: environment()
    )
    switch invocation {
    case .help:
        print(Usage.text, terminator: "")
    case .version:
        print("brokerd \(BrokerVersion.text)")
    case .run(let settings):
        do throws(SystemError) {
            exit(try serve(settings).rawValue)
        } catch {
            fail("\(error)", .system)
        }
    }
} catch {
    fail("\(error)", error.exitCode)
}
