/// Files of removed segments that the next segments are written into.
///
/// Writing over blocks that a file already has, and over pages the kernel already holds, leaves
/// `fdatasync` nothing to do but write: half the time of a small batch, a quarter of a large one.
struct SpareSegments {
    private let disk: any Disk
    private let options: JournalOptions
    private var spares: [SpareSegment] = []

    /// None yet.
    init(_ disk: any Disk, _ options: JournalOptions) {
        self.disk = disk
        self.options = options
    }

    /// Octets of all files.
    var size: Int { spares.reduce(0) { $0 + $1.size } }

    /// Takes away a segment's file.
    ///
    /// Keeps it if it is about as large as the next segment, and deletes it otherwise. Not durable
    /// before the directory is synced, and not to be taken before.
    ///
    /// - Parameters:
    ///   - segment: Sealed, its index gone.
    ///   - segmentSize: Octets of the next segment's file.
    /// - Throws: `.io`.
    mutating func keepOrRemove(
        _ segment: JournalSegment,
        segmentSize: Int
    ) throws(StorageError) {
        let path = options.path(SegmentName.segment(segment.base))
        let size = SegmentHeader.size + segment.size
        guard spares.count < options.spareCountMax, segmentSize / 2...segmentSize ~= size else {
            return try disk.remove(path)
        }
        let spare = SpareSegment(
            path: options.path(SegmentName.name(segment.base, SegmentName.spareSuffix)),
            base: segment.base,
            size: size
        )
        try disk.rename(path, to: spare.path)
        spares.append(spare)
    }

    /// A file with room for `size` octets, the one removed last, whose pages are most likely
    /// still in memory.
    mutating func take(withRoomFor size: Int) -> SpareSegment? {
        spares.lastIndex { $0.size >= size }.map { spares.remove(at: $0) }
    }

    /// Deletes all files.
    ///
    /// - Returns: Whether there was any.
    /// - Throws: `.io`.
    @discardableResult
    mutating func drop() throws(StorageError) -> Bool {
        guard !spares.isEmpty else { return false }
        while let spare = spares.popLast() { try disk.remove(spare.path) }
        return true
    }

    /// Deletes those among the files of a journal that an earlier process has left.
    static func removeAll(
        _ names: [String],
        _ disk: any Disk,
        _ options: JournalOptions
    ) throws(StorageError) {
        for name in names
        where SegmentName.base(of: name, suffix: SegmentName.spareSuffix) != nil {
            try disk.remove(options.path(name))
        }
    }
}

/// One of them.
struct SpareSegment {
    let path: String
    /// Log sequence number of the first record in it, all of which lie where they always did.
    let base: UInt64
    /// Octets of the file.
    let size: Int
}
