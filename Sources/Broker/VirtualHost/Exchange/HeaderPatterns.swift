import Wire

/// The conditions of a headers exchange's bindings, and where they lead.
///
/// The argument `x-match` says whether `all` conditions have to hold, which is the default, or
/// `any`. Arguments that begin with `x-` are no conditions, except with `all-with-x` and
/// `any-with-x`. A void argument asks only whether the header is there.
///
/// A message's headers are read once, and those that some binding names are written down as
/// `HeaderCondition` keys. That projection is looked up in a cache of results; on a miss each
/// key leads to the bindings whose conditions it fulfils, and those are counted.
struct HeaderPatterns: ~Copyable {
    /// A header name that conditions mention.
    private struct Name: BitwiseCopyable {
        let number: UInt32
        var conditionCount: UInt32
    }

    /// The conditions of one binding.
    private struct Pattern {
        let destination: Destination
        /// How many conditions have to hold.
        let required: UInt32
        /// How many the current message has fulfilled so far.
        var fulfilled: UInt32 = 0
    }

    struct Mode {
        var needsAll = true
        var withX = false
    }

    /// Results are remembered up to this many bytes of projections and destinations.
    private static let cacheBytesMax = 2 * 1024 * 1024
    /// Longer projections are not remembered.
    private static let projectionBytesMax = 2_048

    private var names: ByteKeyTable<Name>
    private var freeNumbers: [UInt32] = []
    /// By name number: how many entries of that name the current table has shown.
    private var occurrences: [UInt16] = []

    private var patterns: [Pattern?] = []
    private var freePatterns: [UInt32] = []
    private var patternNumbers: [ObjectIdentifier: UInt32] = [:]
    /// From a condition's key to the numbers of the patterns that have it.
    private var conditions: ByteKeyTable<[UInt32]>
    /// Where bindings lead that match every message.
    private var unconditional = DestinationSet()

    private var cache: ByteKeyTable<[Destination]>
    private var cacheBytes = 0

    // Kept between calls for their memory only.
    private var projection = ByteScratch(capacity: 256)
    private var conditionKey = ByteScratch()
    private var touchedNames: [UInt32] = []
    private var touchedPatterns: [UInt32] = []

    init(hash: ByteHash) {
        names = ByteKeyTable(hash: hash)
        conditions = ByteKeyTable(hash: hash)
        cache = ByteKeyTable(hash: hash)
    }

    /// Appends the destinations of every binding whose conditions hold.
    ///
    /// - Parameters:
    ///   - headers: The entries of the message's headers table; nil when it has none.
    ///   - destinations: Where to append.
    /// - Throws: What is wrong with `headers`.
    mutating func route(
        headers: ByteView?,
        into destinations: inout [Destination]
    ) throws(WireError) {
        projection.truncate(to: 0)
        if let headers, names.count > 0 { try project(headers) }
        if let known = cache.value(for: projection.view) {
            destinations.append(contentsOf: known)
            return
        }
        let before = destinations.count
        unconditional.append(to: &destinations)
        matchPatterns(into: &destinations)
        remember(destinations[before...])
    }

    private mutating func remember(_ result: ArraySlice<Destination>) {
        guard projection.count <= Self.projectionBytesMax else { return }
        let bytes = 96 + projection.count + result.count * MemoryLayout<Destination>.stride
        guard bytes <= Self.cacheBytesMax else { return }
        if cacheBytes + bytes > Self.cacheBytesMax { forgetResults() }
        cacheBytes += bytes
        cache.insert(Array(result), for: projection.view)
    }

    private mutating func forgetResults() {
        cache.removeAll()
        cacheBytes = 0
    }
}

// MARK: - Matching

extension HeaderPatterns {
    /// Writes down the keys of all headers that conditions mention, each after its length.
    private mutating func project(_ headers: ByteView) throws(WireError) {
        defer {
            for number in touchedNames { occurrences[Int(number)] = 0 }
            touchedNames.removeAll(keepingCapacity: true)
        }
        var cursor = FieldTableCursor(entries: headers)
        while let (text, field) = try cursor.next() {
            guard let name = names.value(for: text) else { continue }
            let occurrence = countOccurrence(of: name.number)
            let start = projection.count
            projection.append(UInt32(0))
            try HeaderCondition.append(
                field,
                name: name.number,
                occurrence: occurrence,
                to: &projection
            )
            projection.patch(UInt32(projection.count - start - 4), at: start)
        }
    }

    /// The number of entries of this name before the present one.
    private mutating func countOccurrence(of number: UInt32) -> UInt16 {
        let occurrence = occurrences[Int(number)]
        if occurrence == 0 { touchedNames.append(number) }
        // A table that repeats a name 65,535 times fulfils nothing more by repeating it again.
        if occurrence < UInt16.max { occurrences[Int(number)] = occurrence + 1 }
        return occurrence
    }

    /// Counts, for each pattern, how many of its conditions the projection fulfils.
    private mutating func matchPatterns(into destinations: inout [Destination]) {
        var offset = 0
        while offset < projection.count {
            let length = Int(projection.load(UInt32.self, at: offset))
            fulfil(projection.view.slice(from: offset + 4, count: length), into: &destinations)
            conditionKey.truncate(to: 0)
            HeaderCondition.appendPresence(
                name: projection.load(UInt32.self, at: offset + 4),
                occurrence: projection.load(UInt16.self, at: offset + 8),
                to: &conditionKey
            )
            fulfil(conditionKey.view, into: &destinations)
            offset += 4 + length
        }
        for number in touchedPatterns { patterns[Int(number)]?.fulfilled = 0 }
        touchedPatterns.removeAll(keepingCapacity: true)
    }

    private mutating func fulfil(_ condition: ByteView, into destinations: inout [Destination]) {
        guard let numbers = conditions.value(for: condition) else { return }
        for number in numbers {
            guard var pattern = patterns[Int(number)] else { continue }
            if pattern.fulfilled == 0 { touchedPatterns.append(number) }
            pattern.fulfilled += 1
            if pattern.fulfilled == pattern.required { destinations.append(pattern.destination) }
            patterns[Int(number)] = pattern
        }
    }
}

// MARK: - Bindings

extension HeaderPatterns {
    /// What the value of `x-match` asks for; nil when nobody knows.
    static func mode(_ octets: [UInt8]) -> Mode? {
        switch String(decoding: octets, as: UTF8.self) {
        case "all": Mode()
        case "any": Mode(needsAll: false)
        case "all-with-x": Mode(withX: true)
        case "any-with-x": Mode(needsAll: false, withX: true)
        default: nil
        }
    }

    mutating func add(_ binding: Binding) {
        forgetResults()
        let mode = Self.mode(of: binding)
        let arguments = Self.conditions(of: binding, mode)
        guard !arguments.isEmpty else {
            if mode.needsAll { unconditional.add(binding.destination) }
            return
        }
        let number = reservePattern(
            Pattern(
                destination: binding.destination,
                required: mode.needsAll ? UInt32(arguments.count) : 1
            )
        )
        patternNumbers[ObjectIdentifier(binding)] = number
        for entry in arguments { retainName(entry.name) }
        for condition in keys(of: arguments) {
            ByteView.with(condition) { key in
                conditions.update(key, default: []) { $0.append(number) }
            }
        }
    }

    mutating func remove(_ binding: Binding) {
        forgetResults()
        let mode = Self.mode(of: binding)
        let arguments = Self.conditions(of: binding, mode)
        guard !arguments.isEmpty else {
            if mode.needsAll { unconditional.remove(binding.destination) }
            return
        }
        guard let number = patternNumbers.removeValue(forKey: ObjectIdentifier(binding)) else {
            return
        }
        for condition in keys(of: arguments) {
            ByteView.with(condition) { key in
                let isUnused = conditions.update(key, default: []) { numbers in
                    if let place = numbers.firstIndex(of: number) { numbers.remove(at: place) }
                    return numbers.isEmpty
                }
                if isUnused { conditions.remove(key) }
            }
        }
        for entry in arguments { releaseName(entry.name) }
        patterns[Int(number)] = nil
        freePatterns.append(number)
    }

    private static func mode(of binding: Binding) -> Mode {
        guard case .longString(let octets)? = binding.arguments["x-match"] else { return Mode() }
        return mode(octets) ?? Mode()
    }

    /// The arguments that are conditions.
    private static func conditions(of binding: Binding, _ mode: Mode) -> [FieldTable.Entry] {
        binding.arguments.entries.filter { entry in
            if entry.name == "x-match" { return false }
            return mode.withX || !entry.name.bytes.starts(with: "x-".utf8)
        }
    }

    private mutating func reservePattern(_ pattern: Pattern) -> UInt32 {
        if let free = freePatterns.popLast() {
            patterns[Int(free)] = pattern
            return free
        }
        patterns.append(pattern)
        return UInt32(patterns.count - 1)
    }

    /// The keys of all conditions, in the form that messages are projected to.
    private mutating func keys(of arguments: [FieldTable.Entry]) -> [[UInt8]] {
        var keys: [[UInt8]] = []
        var writer = ByteWriter()
        writer.writeTable(FieldTable(arguments))
        ByteView.with(writer.bytes) { table in
            var cursor = FieldTableCursor(entries: table.slice(from: 4, count: table.count - 4))
            do {
                while let (text, field) = try cursor.next() {
                    guard let name = names.value(for: text) else { continue }
                    keys.append(try key(of: field, name: name.number))
                }
            } catch {
                preconditionFailure("a table that was decoded can be read: \(error)")
            }
        }
        for number in touchedNames { occurrences[Int(number)] = 0 }
        touchedNames.removeAll(keepingCapacity: true)
        return keys
    }

    private mutating func key(of field: FieldView, name: UInt32) throws(WireError) -> [UInt8] {
        let occurrence = countOccurrence(of: name)
        conditionKey.truncate(to: 0)
        if field.type == .void {
            HeaderCondition.appendPresence(name: name, occurrence: occurrence, to: &conditionKey)
        } else {
            try HeaderCondition.append(
                field,
                name: name,
                occurrence: occurrence,
                to: &conditionKey
            )
        }
        return conditionKey.view.bytes
    }

    private mutating func retainName(_ name: ShortString) {
        ByteView.with(name.bytes) { text in
            if var known = names.value(for: text) {
                known.conditionCount += 1
                names.insert(known, for: text)
                return
            }
            let number = freeNumbers.popLast() ?? UInt32(occurrences.count)
            if Int(number) == occurrences.count { occurrences.append(0) }
            names.insert(Name(number: number, conditionCount: 1), for: text)
        }
    }

    private mutating func releaseName(_ name: ShortString) {
        ByteView.with(name.bytes) { text in
            guard var known = names.value(for: text) else { return }
            known.conditionCount -= 1
            if known.conditionCount == 0 {
                freeNumbers.append(known.number)
                names.remove(text)
            } else {
                names.insert(known, for: text)
            }
        }
    }
}
