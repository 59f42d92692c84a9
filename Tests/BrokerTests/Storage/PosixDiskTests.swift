import Testing
import TestSupport
import Wire

@testable import Broker

@Suite("POSIX disk")
struct PosixDiskTests {
    /// Gives a disk on a directory of its own, which is removed afterwards.
    private func withDisk(_ body: (PosixDisk) throws -> Void) throws {
        let directory = try TemporaryDirectory()
        try body(PosixDisk(path: directory.path))
    }

    @Test("files are made with their size, written, read, cut, renamed and removed")
    func files() throws {
        try withDisk { disk in
            #expect(try disk.list("a") == [])
            try disk.makeDirectory("a")
            try disk.makeDirectory("a")
            let file = try disk.create("a/one", size: 5000)
            #expect(try file.size() == 5000)
            #expect(try file.readStart(countMax: 3) == [0, 0, 0])
            try file.write([1, 2, 3], at: 4999)
            try file.sync()
            #expect(try file.size() == 5002)
            try file.truncate(to: 5001)
            try disk.rename("a/one", to: "a/two")
            try disk.syncDirectory("a")
            #expect(try disk.list("a") == ["two"])
            let again = try disk.open("a/two", for: .reading)
            #expect(try again.readStart(countMax: 6000).suffix(2) == [1, 2])
            try disk.remove("a/two")
            #expect(try disk.list("") == ["a"])
            #expect(throws: StorageError.self) { try disk.open("a/two", for: .reading) }
        }
    }

    @Test("an error names the operation, the path and the reason")
    func errors() throws {
        try withDisk { disk in
            let error = #expect(throws: StorageError.self) { try disk.remove("nothing") }
            #expect(
                error?.description
                    == "cannot remove \(disk.path)/nothing: No such file or directory"
            )
            #expect(throws: StorageError.self) { try disk.create("no/where", size: 0) }
        }
    }

    @Test("a lock is held until it is released, and tells by whom")
    func lock() throws {
        try withDisk { disk in
            let lock = try disk.lock("lock", owner: 4711)
            let expected = StorageError.locked(directory: disk.path, processID: 4711)
            #expect(throws: expected) { try disk.lock("lock", owner: 1) }
            #expect(try disk.lockHolder("lock") == DiskLockHolder(processID: 4711))
            lock.release()
            #expect(try disk.lockHolder("lock") == nil)
            #expect(try disk.lockHolder("no lock") == nil)
            _ = try disk.lock("lock", owner: 1)
        }
    }

    @Test("a large file is gone as soon as it is removed, and can be made again")
    func removal() throws {
        try withDisk { disk in
            for number in 0..<3 as Range<UInt8> {
                let file = try disk.create("large", size: 5 << 20)
                try file.write([number], at: 1 << 20)
                try disk.remove("large")
                #expect(try disk.list("").isEmpty)
                #expect(try file.size() == 5 << 20)
            }
            #expect(throws: StorageError.self) { try disk.remove("large") }
        }
    }

    @Test("it knows how much is free")
    func freeSpace() throws {
        try withDisk { disk in
            let free = try disk.freeSpace("")
            #expect(free > 0)
            #expect(throws: StorageError.self) { try disk.freeSpace("nowhere") }
        }
    }

    @Test("a journal on it comes back")
    func journal() throws {
        try withDisk { disk in
            let root = try StorageRoot(disk, processID: 1)
            var options = JournalFixture().options
            options.segmentSize = 100_000
            var expected: [ReplayedRecord] = []
            for round in 0..<4 {
                var found: [ReplayedRecord] = []
                let opened = try Journal.open(disk, options) { lsn, payload, size in
                    found.append(ReplayedRecord(lsn: lsn, kept: payload.bytes, size: size))
                }
                #expect(found == expected)
                #expect(opened.report.losses.isEmpty)
                expected += try opened.journal.append(
                    (0..<20).map { .message($0, body: 9000) }
                )
                try opened.journal.sync()
                #expect(try opened.journal.payload(of: expected[21 % expected.count]).count > 9000)
                if round.isMultiple(of: 2) { try opened.journal.close() }
            }
            root.release()
        }
    }
}
