import Testing
import TestSupport

@testable import Broker

/// A process that appends, syncs, deletes and restarts, beside a model of what must be there.
private struct CrashRun {
    let fixture: JournalFixture
    private var random: Seed
    private var number: UInt8 = 0
    /// Everything appended that may still be there.
    private(set) var appended: [ReplayedRecord] = []
    /// Everything below must be there.
    private(set) var syncedLSN: UInt64 = 0
    /// Everything below may have been deleted.
    private(set) var removedLSN: UInt64 = 0
    /// What went wrong.
    private(set) var failures: [String] = []

    init(seed: UInt64) {
        fixture = JournalFixture(seed: seed, segmentSize: 300)
        random = Seed(seed &* 31 &+ 7)
    }

    /// Opens the journal, checks what came back, and works on it until the disk stops.
    mutating func live(turns: Int) throws(StorageError) {
        let opened = try fixture.open()
        check(opened)
        let journal = opened.journal
        for _ in 0..<turns {
            try turn(journal)
        }
        if random.oneIn(2) {
            try journal.close()
            syncedLSN = journal.syncedLSN
        }
    }

    private mutating func turn(_ journal: Journal) throws(StorageError) {
        let payloads = (0..<Int.random(in: 1...6, using: &random)).map { _ -> [UInt8] in
            number &+= 1
            let size = Int.random(in: 2...60, using: &random)
            return random.oneIn(2) ? .message(number, body: size) : .topology(number, size: size)
        }
        // Known before it is written: some of it may survive whatever append says.
        let expected = Self.expected(payloads, from: journal.endLSN)
        appended += expected
        try journal.append(payloads)
        if random.oneIn(2) {
            try journal.sync()
        }
        syncedLSN = journal.syncedLSN
        if random.oneIn(6), let record = appended.randomElement(using: &random) {
            removedLSN = max(removedLSN, min(record.lsn, syncedLSN))
            try journal.remove(segmentsBefore: removedLSN)
        }
    }

    private static func expected(_ payloads: [[UInt8]], from lsn: UInt64) -> [ReplayedRecord] {
        var next = lsn
        return payloads.map { payload in
            let kept = payload[0] < 0x80 ? payload : Array(payload.prefix(9))
            defer { next += UInt64(payload.count + 8) }
            return ReplayedRecord(lsn: next, kept: kept, size: payload.count)
        }
    }

    /// What is there begins no later than what was deleted, has no gap, and reaches at least as
    /// far as the last sync.
    private mutating func check(_ opened: JournalFixture.Opened) {
        let found = opened.records
        let first = found.first?.lsn ?? opened.journal.endLSN
        let end = opened.journal.endLSN
        let expected = appended.filter { $0.lsn >= first && $0.lsn < end }
        if found != expected { failures.append("found \(found) instead of \(expected)") }
        if first > removedLSN { failures.append("\(removedLSN)..<\(first) is gone") }
        if end < syncedLSN { failures.append("ends at \(end), synced to \(syncedLSN)") }
        if opened.report.hasLostRecords { failures.append("\(opened.report)") }
        for record in found where record.lsn >= removedLSN {
            do throws(StorageError) {
                _ = try opened.journal.payload(of: record)
            } catch {
                failures.append("cannot read \(record): \(error)")
            }
        }
        appended = expected
        syncedLSN = end
    }
}

@Suite("Journal across crashes")
struct JournalCrashTests {
    /// Runs three lives, the disk stopping at operation `stops[life]` of each.
    private func run(seed: UInt64, stops: [Int], isKill: Bool) -> (run: CrashRun, finished: Bool) {
        var run = CrashRun(seed: seed)
        var finished = true
        for life in 0..<4 {
            let disk = run.fixture.disk
            if life < stops.count { disk.stopsAt = disk.operationCount + stops[life] }
            do throws(StorageError) {
                try run.live(turns: 12)
            } catch {
                finished = finished && life > 0
            }
            if isKill { disk.kill() } else { disk.crash() }
        }
        return (run, finished)
    }

    @Test("what was synced is replayed whatever operation it stops at", arguments: [false, true])
    func everyOperation(isKill: Bool) {
        for seed in 1...4 as ClosedRange<UInt64> {
            var stop = 1
            while true {
                let (run, finished) = run(seed: seed, stops: [stop], isKill: isKill)
                for failure in run.failures {
                    Issue.record("seed \(seed), stop \(stop): \(failure)")
                }
                if finished { break }
                stop += 1
            }
            #expect(stop > 50)
        }
    }

    @Test("a crash while recovering from a crash loses nothing either")
    func whileRecovering() {
        for seed in 100..<400 as Range<UInt64> {
            var random = Seed(seed)
            let first = Int.random(in: 5...60, using: &random)
            let stops = [first, Int.random(in: 1...12, using: &random), 3]
            let (run, _) = run(seed: seed, stops: stops, isKill: false)
            for failure in run.failures {
                Issue.record("seed \(seed), stops \(stops): \(failure)")
            }
        }
    }

    @Test("a start that was cut short leaves no index without its segment")
    func startAfterKill() throws {
        for seed in 0..<40 as Range<UInt64> {
            for stop in 1...16 {
                let fixture = JournalFixture(seed: seed)
                let written = try fixture.open().journal.append([.message(1), .message(2)])
                fixture.disk.kill()
                fixture.disk.stopsAt = fixture.disk.operationCount + stop
                do throws(StorageError) {
                    _ = try fixture.open()
                } catch {
                    #expect(fixture.disk.stopsAt != nil)
                }
                fixture.disk.crash()
                let opened = try fixture.open()
                #expect(!opened.report.hasLostRecords, "seed \(seed), stop \(stop)")
                #expect(written.starts(with: opened.records))
            }
        }
    }
}
