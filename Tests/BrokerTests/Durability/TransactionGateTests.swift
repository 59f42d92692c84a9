import Testing
import Wire

@testable import Broker

@Suite("Transactions in the journal")
struct TransactionGateTests {
    /// What came through, by log sequence number, and whether the journal ends within one.
    private struct Passed: Equatable {
        var lsns: [UInt64] = []
        var isOpen = false
        var openLSN: UInt64?
    }

    private typealias Numbered = (lsn: UInt64, payload: [UInt8])

    private func transaction(octets: UInt64) -> [UInt8] {
        JournalRecord.transaction(octets: octets).payload
    }

    private let record = JournalRecord.queueDeleted(7).payload

    /// Passes payloads by their log sequence numbers.
    private func pass(_ payloads: [Numbered]) -> Passed {
        var gate = TransactionGate()
        var passed = Passed()
        for (lsn, payload) in payloads {
            ByteView.with(payload) { view in
                gate.pass(view, lsn: lsn, size: view.count) { lsn, view, size in
                    #expect(view.bytes == record && size == record.count)
                    passed.lsns.append(lsn)
                }
            }
        }
        passed.isOpen = gate.isOpen
        passed.openLSN = gate.openLSN
        return passed
    }

    @Test("come through when their last record is there")
    func complete() {
        let all: [Numbered] = [
            (0, record), (13, transaction(octets: 26)), (30, record), (43, record), (56, record),
        ]
        #expect(pass(all) == Passed(lsns: [0, 30, 43, 56]))
        #expect(pass(Array(all.prefix(4))) == Passed(lsns: [0, 30, 43]))
        #expect(pass(Array(all.prefix(3))) == Passed(lsns: [0], isOpen: true, openLSN: 13))
        #expect(pass(Array(all.prefix(2))) == Passed(lsns: [0], isOpen: true, openLSN: 13))
    }

    @Test("that have not ended say where they begin")
    func unfinished() {
        let records: [Numbered] = [(0, record), (13, transaction(octets: 39)), (30, record)]
        #expect(pass(records) == Passed(lsns: [0], isOpen: true, openLSN: 13))
    }

    @Test("count as far as they are left when damage took a part of them")
    func damaged() {
        let noEnd: [Numbered] = [
            (0, transaction(octets: 39)), (17, record), (56, record), (69, record),
        ]
        #expect(pass(noEnd) == Passed(lsns: [17, 56, 69]))
        let noBeginning: [Numbered] = [(17, record), (30, record), (43, record)]
        #expect(pass(noBeginning) == Passed(lsns: [17, 30, 43]))
        let next: [Numbered] = [
            (0, transaction(octets: 26)), (17, record), (43, transaction(octets: 13)),
        ]
        #expect(pass(next) == Passed(lsns: [17], isOpen: true, openLSN: 43))
    }
}
