import TestSupport
import Testing

@testable import Broker

@Suite("Sync policy")
struct SyncPolicyTests {
    private func open(_ policy: SyncPolicy) throws -> (journal: Journal, disk: MemoryDisk) {
        var fixture = JournalFixture()
        fixture.options.sync = policy
        return (try fixture.open().journal, fixture.disk)
    }

    @Test("what is committed is synced only if confirms are to wait for the disk")
    func commit() throws {
        for policy in SyncPolicy.allCases {
            let (journal, disk) = try open(policy)
            try journal.append([.message(1)])
            let before = disk.syncCount
            try journal.commit()
            #expect((disk.syncCount > before) == (policy == .confirm))
            #expect(journal.owesSync == (policy == .interval))
            try journal.sync()
            #expect(!journal.owesSync && journal.status.syncedLSN == journal.endLSN)
        }
    }

    @Test("without syncs a crash leaves the journal's beginning, and a kill all of it")
    func crash() throws {
        for isKill in [false, true] {
            for seed in 1...20 as ClosedRange<UInt64> {
                var fixture = JournalFixture(seed: seed)
                fixture.options.sync = .none
                let journal = try fixture.open().journal
                var expected: [ReplayedRecord] = []
                for number in 1...30 {
                    expected += try journal.append([.message(UInt8(number))])
                    try journal.commit()
                }
                if isKill { fixture.disk.kill() } else { fixture.disk.crash() }
                let opened = try fixture.open()
                #expect(opened.records == Array(expected.prefix(opened.records.count)))
                #expect(!opened.report.hasLostRecords)
                if isKill { #expect(opened.records.count == 30) }
            }
        }
    }

    @Test("nothing is removed before what made it dispensable is synced")
    func remove() throws {
        let (journal, _) = try open(.none)
        for number in 1...20 { try journal.append([.message(UInt8(number))]) }
        #expect(journal.syncedLSN < journal.endLSN)
        let count = try journal.remove(segmentsBefore: journal.endLSN)
        #expect(count > 0)
        #expect(journal.syncedLSN == journal.endLSN)
    }

    @Test("an orderly end syncs whatever the policy", arguments: SyncPolicy.allCases)
    func close(policy: SyncPolicy) throws {
        let (journal, _) = try open(policy)
        try journal.append([.message(1)])
        try journal.close()
        #expect(journal.syncedLSN == journal.endLSN)
    }
}
