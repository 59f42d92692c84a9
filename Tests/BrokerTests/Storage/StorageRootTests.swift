import Testing
import TestSupport

@testable import Broker

@Suite("Storage root")
struct StorageRootTests {
    @Test("marks a new directory and takes it again later")
    func format() throws {
        let disk = MemoryDisk()
        let first = try StorageRoot(disk, processID: 7)
        #expect(String(decoding: disk["format"], as: UTF8.self) == "brokerd 1\n")
        first.release()
        _ = try StorageRoot(disk, processID: 8)
    }

    @Test("a second process is told who has the directory")
    func locked() throws {
        let disk = MemoryDisk()
        let first = try StorageRoot(disk, processID: 7)
        let error = #expect(throws: StorageError.self) { try StorageRoot(disk, processID: 8) }
        #expect(
            error?.description
                == "data directory disk is in use by another brokerd (process 7)"
        )
        first.release()
    }

    @Test("another version's directory is refused, with both versions named")
    func otherVersion() throws {
        let disk = MemoryDisk()
        disk["format"] = Array("brokerd 2\n".utf8)
        let error = #expect(throws: StorageError.self) { try StorageRoot(disk, processID: 8) }
        #expect(
            error?.description
                == "cannot use disk/format: it says \"brokerd 2\", this brokerd reads \"brokerd 1\""
        )
        #expect(throws: Never.self) { _ = try disk.lock("brokerd.lock", owner: 9) }
    }

    @Test("a crash at any operation leaves a directory that can be taken")
    func crashes() throws {
        for seed in 0..<20 as Range<UInt64> {
            for stop in 1...8 {
                let disk = MemoryDisk(seed: seed)
                disk.stopsAt = stop
                _ = Result { try StorageRoot(disk, processID: 7) }
                disk.crash()
                _ = try StorageRoot(disk, processID: 7)
            }
        }
    }

    @Test(
        "a virtual host's directory can be read by people",
        arguments: [
            ("/", "vhosts/%2F"), ("orders-eu_1", "vhosts/orders-eu_1"), ("", "vhosts/"),
            ("..", "vhosts/%2E%2E"), ("a b", "vhosts/a%20b"), ("é", "vhosts/%C3%A9"),
        ]
    )
    func directory(name: String, path: String) {
        #expect(VirtualHostDirectory.path(Array(name.utf8)) == path)
    }

    @Test("the longest names give different directories that a file system takes")
    func longNames() {
        let paths = Set(
            (0..<100).map { last in
                VirtualHostDirectory.path([UInt8](repeating: 0xff, count: 254) + [UInt8(last)])
            }
        )
        #expect(paths.count == 100)
        #expect(paths.allSatisfy { $0.utf8.count <= 7 + 255 })
    }
}
