/// What a command line asks the daemon for.
package enum Invocation: Equatable, Sendable {
    /// Run with these settings.
    case run(Settings)
    /// Print the help and stop.
    case help
    /// Print the version and stop.
    case version
}

extension Invocation {
    /// Reads the command line and what it builds on, with files from the system.
    ///
    /// - Parameters:
    ///   - arguments: Without the program's name.
    ///   - environment: Names and values.
    /// - Throws: One sentence that names the flag, the variable, or file, line and key.
    package init(arguments: [String], environment: [String: String]) throws(SettingsError) {
        try self.init(
            arguments: arguments,
            environment: environment,
            readFile: SettingsFile.read
        )
    }

    /// Reads the command line, then the configuration file and the environment it builds on.
    ///
    /// Weakest first: defaults, file, environment, flags. A setting that may be repeated is taken
    /// whole from the strongest source that has it. Variables that begin with BROKERD_ and are no
    /// setting are left alone: orchestrators make up such names. An empty variable is none.
    ///
    /// - Parameters:
    ///   - arguments: Without the program's name.
    ///   - environment: Names and values.
    ///   - readFile: Gives the text of a file.
    /// - Throws: One sentence that names the flag, the variable, or file, line and key.
    init(
        arguments: [String],
        environment: [String: String],
        readFile: (String) throws(SystemError) -> String
    ) throws(SettingsError) {
        let flags = try CommandLineFlags(arguments)
        if let request = flags.request {
            self = request
            return
        }
        var settings = Settings()
        let configuration = flags.configurationFile.map { ($0, SettingsError.Source.commandLine) }
        let inherited = environment["BROKERD_CONFIG"].map { ($0, SettingsError.Source.environment) }
        if let (path, source) = configuration ?? inherited, !path.isEmpty {
            let text: String
            do throws(SystemError) {
                text = try readFile(path)
            } catch {
                let name = source == .commandLine ? "--config" : "BROKERD_CONFIG"
                throw SettingsError(.file, "\(name): \(error)")
            }
            try settings.apply(SettingsFile.parse(text, name: path), of: path)
        }
        try settings.apply(environment: environment)
        try settings.apply(flags.values)
        try settings.validate()
        self = .run(settings)
    }
}

/// The flags of a command line, still as text.
private struct CommandLineFlags {
    struct Value {
        let definition: SettingDefinition
        let text: String
    }

    private(set) var request: Invocation?
    private(set) var configurationFile: String?
    private(set) var values: [Value] = []

    init(_ arguments: [String]) throws(SettingsError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if request != nil { return }
            switch argument {
            case "--help", "-h": request = .help
            case "--version", "-V": request = .version
            default: try take(argument, &rest)
            }
        }
    }

    private mutating func take(
        _ argument: String,
        _ rest: inout ArraySlice<String>
    )
        throws(SettingsError)
    {
        guard argument.hasPrefix("--"), argument.utf8.count > 2 else {
            throw SettingsError(
                .commandLine,
                "unexpected argument \"\(argument)\"; brokerd --help lists what there is"
            )
        }
        let parts = argument.dropFirst(2).split(
            separator: "=",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        let name = String(parts[0])
        let definition = SettingTable.all.first { $0.flag == name }
        guard definition != nil || name == "config" else {
            let known = SettingTable.all.map(\.flag) + ["config", "help", "version"]
            let hint = Spelling.nearest(to: name, among: known).map { "; did you mean --\($0)?" }
            throw SettingsError(
                .commandLine,
                "unknown flag --\(name)\(hint ?? "; brokerd --help lists them")"
            )
        }
        guard let text = parts.count > 1 ? String(parts[1]) : rest.popFirst() else {
            throw SettingsError(.commandLine, "--\(name) needs a value")
        }
        if let definition {
            values.append(Value(definition: definition, text: text))
        } else {
            configurationFile = text
        }
    }
}

extension Settings {
    /// Applies a configuration file.
    fileprivate mutating func apply(
        _ entries: [SettingsFile.Entry],
        of file: String
    )
        throws(SettingsError)
    {
        var lines: [String: Int] = [:]
        var collected: Set<String> = []
        for entry in entries {
            let place = "\(file):\(entry.line): \(entry.key)"
            guard let definition = SettingTable.all.first(where: { $0.matches(entry.key) }) else {
                let known = SettingTable.all.map(\.key)
                let hint = Spelling.nearest(to: entry.key, among: known)
                    .map { "; did you mean \($0)?" }
                throw SettingsError(.file, "\(place): there is no such setting\(hint ?? "")")
            }
            if let line = lines.updateValue(entry.line, forKey: entry.key) {
                throw SettingsError(.file, "\(place): set before, on line \(line)")
            }
            if collected.insert(definition.key).inserted { definition.reset?(&self) }
            try assign(definition, entry.value, .file, place)
        }
    }

    /// Applies the environment; several values in one variable are separated by commas.
    fileprivate mutating func apply(environment: [String: String]) throws(SettingsError) {
        for definition in SettingTable.all {
            guard let text = environment[definition.variable], !text.isEmpty else { continue }
            definition.reset?(&self)
            let values =
                definition.isRepeatable ? text.split(separator: ",").map(String.init) : [text]
            for value in values {
                try assign(definition, value, .environment, definition.variable)
            }
        }
    }

    /// Applies flags; of one given twice the last counts.
    fileprivate mutating func apply(_ values: [CommandLineFlags.Value]) throws(SettingsError) {
        var collected: Set<String> = []
        for value in values {
            let definition = value.definition
            if collected.insert(definition.key).inserted { definition.reset?(&self) }
            try assign(definition, value.text, .commandLine, "--\(definition.flag)")
        }
    }

    private mutating func assign(
        _ definition: SettingDefinition,
        _ text: String,
        _ source: SettingsError.Source,
        _ place: String
    ) throws(SettingsError) {
        do throws(InvalidValue) {
            try definition.assign(text, &self)
        } catch {
            throw SettingsError(source, "\(place): \(error.description)")
        }
    }

    /// Checks what holds between settings.
    fileprivate func validate() throws(SettingsError) {
        if limits.outboundSizeHigh > limits.outboundSizeMax {
            throw SettingsError(
                .file,
                "outbound_buffer_high (\(limits.outboundSizeHigh) bytes) is more than "
                    + "outbound_buffer_max (\(limits.outboundSizeMax) bytes)"
            )
        }
    }
}
