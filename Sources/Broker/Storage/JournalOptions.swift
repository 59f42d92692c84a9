/// How a journal is kept.
struct JournalOptions {
    /// Its directory below the data directory, which holds nothing else; its parent exists.
    var directory: String
    /// Checksum of the virtual host's name (`VirtualHostDirectory.hash`), which every segment
    /// repeats; `nil` takes any.
    var nameHash: UInt64?
    /// Size of a segment file in octets, its header included; a larger record gets a segment of
    /// its own size.
    var segmentSize = 64 << 20
    /// Files of removed segments that are kept for the next ones.
    var spareCountMax = 0
    /// What `commit` waits for.
    var sync = SyncPolicy.confirm
    /// How long records may lie unsynced with the policy `interval`.
    var syncInterval = Duration.seconds(1)
    /// Tells the time a segment is made.
    var now: () -> WallTime

    init(directory: String, nameHash: UInt64?, now: @escaping () -> WallTime) {
        self.directory = directory
        self.nameHash = nameHash
        self.now = now
    }

    /// Where damaged octets are kept.
    var damagedDirectory: String { directory + "/damaged" }

    func path(_ name: String) -> String { directory + "/" + name }
}

/// A segment as the rest of the broker sees it.
struct JournalSegment: Equatable, Sendable {
    /// Log sequence number of its first record.
    let base: UInt64
    /// Log sequence number behind its last record.
    var end: UInt64
    /// Whether nothing is appended to it any more.
    var isSealed: Bool

    /// Octets of records, the headers of the records included.
    var size: Int { Int(end - base) }
}
