import TestSupport
import Wire

@testable import Broker

/// A record as it comes back from a journal.
struct ReplayedRecord: Equatable, CustomStringConvertible {
    var lsn: UInt64
    /// As far as an index keeps it.
    var kept: [UInt8]
    /// Of the whole payload.
    var size: Int

    var description: String { "\(lsn): \(kept) of \(size)" }
}

/// A journal on a memory disk, with small segments.
struct JournalFixture {
    static let directory = "vhosts/%2F"
    static let nameHash = VirtualHostDirectory.hash(Array("/".utf8))

    let disk: MemoryDisk
    var options: JournalOptions

    init(seed: UInt64 = 1, segmentSize: Int = 400) {
        self.init(MemoryDisk(seed: seed), segmentSize: segmentSize)
    }

    init(_ disk: MemoryDisk, segmentSize: Int = 400) {
        self.disk = disk
        options = JournalOptions(directory: Self.directory, nameHash: Self.nameHash) {
            WallTime(milliseconds: 1_700_000_000_000)
        }
        options.segmentSize = segmentSize
        options.spareCountMax = 2
    }

    /// Opens the journal as a process does when it starts.
    func open() throws(StorageError) -> Opened {
        try disk.makeDirectory("vhosts")
        let records = Records()
        let (journal, report) = try Journal.open(disk, options) { lsn, payload, size in
            records.all.append(ReplayedRecord(lsn: lsn, kept: payload.bytes, size: size))
        }
        return Opened(journal: journal, report: report, records: records.all)
    }

    struct Opened {
        let journal: Journal
        let report: RecoveryReport
        let records: [ReplayedRecord]
    }

    private final class Records {
        var all: [ReplayedRecord] = []
    }

    /// The paths of the journal's files with a suffix, sorted.
    func paths(_ suffix: String) -> [String] {
        disk.paths.filter { $0.hasPrefix(Self.directory + "/") && $0.hasSuffix(suffix) }
    }
}

extension Journal {
    /// Appends payloads as one batch.
    ///
    /// - Returns: What a replay of them should give.
    @discardableResult
    func append(_ payloads: [[UInt8]]) throws(StorageError) -> [ReplayedRecord] {
        var expected: [ReplayedRecord] = []
        var frames: [UInt8] = []
        for payload in payloads {
            let lsn = endLSN + UInt64(frames.count)
            frames.append(littleEndian: UInt32(payload.count))
            frames.append(littleEndian: UInt32(0))
            frames += payload
            let kept = ByteView.with(payload) { JournalFrame.keptSize($0) }
            let start = Array(payload.prefix(kept))
            expected.append(ReplayedRecord(lsn: lsn, kept: start, size: payload.count))
        }
        let first = endLSN
        let result: Result<Void, StorageError> = frames.withUnsafeMutableBytes { buffer in
            do throws(StorageError) {
                return .success(try append(buffer, firstLSN: first))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
        return expected
    }

    /// Reads one record back whole.
    func payload(of record: ReplayedRecord) throws(StorageError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: record.size + JournalFrame.headerSize,
            alignment: 8
        )
        defer { buffer.deallocate() }
        return try read(lsn: record.lsn, size: record.size, into: buffer).bytes
    }
}

extension [UInt8] {
    /// A record that an index keeps whole.
    static func topology(_ number: UInt8, size: Int = 20) -> [UInt8] {
        [0x01, number] + [UInt8](repeating: number, count: size - 2)
    }

    /// A record whose body an index leaves out.
    static func message(_ number: UInt8, body: Int = 40) -> [UInt8] {
        [0x80, 9, 0, 0, 0, number, 1, 2, 3] + [UInt8](repeating: number, count: body)
    }
}
