/// Which missing segments were reported before, so that each is reported once.
///
/// A file that is gone stays gone: without a note every start would report it anew for as long as
/// older segments are kept. The note is a file beside the octets that recovery sets aside,
/// `damaged/<first>-<behind the last>.missing`, both log sequence numbers in 16 hexadecimal digits.
struct KnownLosses {
    private static let suffix = ".missing"
    private var names: Set<String> = []

    /// Knows of none.
    init() {}

    /// Reads which losses of a journal were reported.
    ///
    /// - Throws: `.io` when the directory cannot be listed.
    init(_ disk: any Disk, _ options: JournalOptions) throws(StorageError) {
        names = Set(try disk.list(options.damagedDirectory).filter { $0.hasSuffix(Self.suffix) })
    }

    func contains(_ range: Range<UInt64>) -> Bool { names.contains(Self.name(range)) }

    /// Notes durably that a loss was reported.
    ///
    /// - Returns: `.none`, or why there is no note: the next start reports the loss again.
    func note(
        _ range: Range<UInt64>,
        _ disk: any Disk,
        _ options: JournalOptions
    ) -> RecoveryReport.Octets {
        let directory = options.damagedDirectory
        do throws(StorageError) {
            try disk.makeDirectory(directory)
            let file = try disk.create("\(directory)/\(Self.name(range))", size: 0)
            let count = range.upperBound - range.lowerBound
            try file.write(Array("missing: \(count) octets of the journal\n".utf8), at: 0)
            try file.sync()
            try disk.syncDirectory(directory)
            return .none
        } catch {
            return .notSetAside(error)
        }
    }

    private static func name(_ range: Range<UInt64>) -> String {
        SegmentName.digits(range.lowerBound) + "-" + SegmentName.digits(range.upperBound) + suffix
    }
}
