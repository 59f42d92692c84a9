import TestSupport
import Testing
import Wire

@testable import Broker

/// A publisher to an exchange that remembers values on disk, on a disk that stops anywhere.
private struct DeduplicationRun {
    private static let values: Range<Int32> = 0..<3

    let disk: MemoryDisk

    /// Declares the exchange and a queue.
    init(seed: UInt64) throws {
        disk = MemoryDisk(seed: seed)
        let life = try DiskJournal(disk)
        defer { life.end() }
        let peer = try life.broker.connect()
        let arguments: FieldTable = ["x-cache-size": .int32(10), "x-cache-persistence": "disk"]
        peer.askForDeduplication(arguments)
        try life.writeAndSync()
    }

    private func publish(_ value: Int32, _ peer: ScriptedPeer) {
        let properties = Duplicates.properties(.int32(value))
        let text = String(repeating: "\(value) ", count: 300)
        peer.send(Script().publish(text, to: "", exchange: "x", properties).bytes)
    }

    /// Publishes every value, each with a batch of its own; how many were confirmed is counted.
    func live(_ confirmed: inout Int) throws {
        let life = try DiskJournal(disk)
        defer { life.end() }
        let peer = try life.broker.connect()
        try peer.selectConfirms()
        for value in Self.values {
            publish(value, peer)
            try life.writeAndSync()
            try peer.expect(BasicAck.self)
            confirmed += 1
        }
    }

    /// Publishes every value again: just those come whose message is not there.
    ///
    /// - Parameter confirmed: How many of the first are there for certain.
    /// - Returns: How many were there beside those; `nil` when values and messages do not agree.
    /// - Throws: What the disk refuses, or a broker that does not answer.
    func check(confirmed: Int) throws -> Int? {
        let life = try DiskJournal(disk)
        defer { life.end() }
        let queue = try life.broker.queue("q")
        let found = queue.state.ready.count
        let peer = try life.broker.connect()
        for value in Self.values { publish(value, peer) }
        let numbers = try peer.drain("q").compactMap { Int32($0.prefix { $0 != " " }) }
        guard numbers == Array(Self.values), found >= confirmed else { return nil }
        return found - confirmed
    }
}

@Suite("Values that are remembered on disk, across crashes")
struct DeduplicationCrashTests {
    @Test("are known just as far as their messages are there", arguments: [false, true])
    func everyOperation(isKill: Bool) throws {
        var unanswered = 0
        for seed in 1...6 as ClosedRange<UInt64> {
            var stop = 0
            var isWhole = false
            while !isWhole {
                stop += 1
                let run = try DeduplicationRun(seed: seed)
                run.disk.stopsAt = run.disk.operationCount + stop
                var confirmed = 0
                do {
                    try run.live(&confirmed)
                    isWhole = true
                } catch is StorageError {
                    // The disk has stopped.
                }
                if isKill { run.disk.kill() } else { run.disk.crash() }
                let beyond = try run.check(confirmed: confirmed)
                #expect(beyond != nil, "seed \(seed), stop \(stop)")
                unanswered += beyond ?? 0
            }
            #expect(stop > 10)
        }
        #expect(unanswered > 0, "nothing was written whole and not confirmed")
    }
}
