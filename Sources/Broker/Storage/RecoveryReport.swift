/// What opening a journal found, for the log, for `status` and for the offline check.
package struct RecoveryReport: Equatable, Sendable {
    /// What was lost or damaged, in the order of the journal.
    package var losses: [Loss] = []
    /// Records replayed.
    package var recordCount = 0
    /// Segments whose index spared reading them.
    package var indexedSegmentCount = 0
    /// Segments read from end to end.
    package var scannedSegmentCount = 0

    package init() {}

    /// Whether records were lost that had been durable; a crash alone never does that.
    package var hasLostRecords: Bool {
        losses.contains { $0.kind == .damagedRecords || $0.kind == .missing }
    }

    /// One stretch of a file that cannot be used.
    package struct Loss: Equatable, Sendable {
        package var kind: Kind
        /// Relative to the data directory.
        package var file: String
        /// In octets from the start of the file.
        package var offset: Int
        /// In octets.
        package var count: Int
        /// What lay there; log sequence numbers.
        package var range: Range<UInt64>
        /// Records of that range which the segment's index had kept whole, so not lost.
        package var savedRecordCount = 0
        /// What became of the octets.
        package var octets = Octets.none

        /// Records of `range` that should lie at `offset`.
        init(_ kind: Kind, file: String, offset: Int, _ range: Range<UInt64>) {
            self.kind = kind
            self.file = file
            self.offset = offset
            self.count = Int(clamping: range.upperBound - range.lowerBound)
            self.range = range
        }

        /// The first octets of a file, which hold no record.
        init(_ kind: Kind, file: String, base: UInt64, count: Int) {
            self.kind = kind
            self.file = file
            self.offset = 0
            self.count = count
            self.range = base..<base
            self.octets = .leftInPlace
        }
    }

    /// What kind of loss it is.
    package enum Kind: Equatable, Sendable {
        /// Writes that were not synced when the machine stopped.
        case tornTail
        /// Records that do not check out although they had been synced.
        case damagedRecords
        /// A file that should be there, or the end of one, is not.
        case missing
        /// The header of a segment; no record is lost.
        case damagedHeader
        /// The index of a segment; no record is lost.
        case damagedIndex
    }

    /// What became of octets that cannot be used.
    package enum Octets: Equatable, Sendable {
        /// There are none, or only zeros.
        case none
        /// Left where they are.
        case leftInPlace
        /// Copied to this file, relative to the data directory.
        case setAside(String)
        /// They could not be copied, so they were left where they are.
        case notSetAside(StorageError)
    }
}

extension RecoveryReport.Loss: CustomStringConvertible {
    /// One clause for people.
    package var description: String {
        let what =
            switch kind {
            case .tornTail: "unfinished write"
            case .damagedRecords: "damaged records"
            case .missing: "missing records"
            case .damagedHeader: "damaged header"
            case .damagedIndex: "damaged index"
            }
        return "\(what) in \(file) at offset \(offset), \(count) octets"
    }
}
