import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Byte key table")
struct ByteKeyTableTests {
    private static func key(_ number: Int) -> [UInt8] {
        // Lengths from 0 on, so that the empty key takes part.
        number == 0 ? [] : Array("key \(number)".utf8)
    }

    private static func all(_ table: borrowing ByteKeyTable<Int>) -> [[UInt8]: Int] {
        var found: [[UInt8]: Int] = [:]
        var cursor = ByteKeyTable<Int>.Cursor()
        while let (key, value) = table.next(&cursor) {
            #expect(found.updateValue(value, forKey: key.bytes) == nil)
        }
        return found
    }

    @Test("does what a dictionary does", arguments: 1...20 as ClosedRange<UInt64>)
    func agreesWithADictionary(number: UInt64) {
        var seed = Seed(number)
        var table = ByteKeyTable<Int>(hash: ByteHash(seed: number))
        var model: [[UInt8]: Int] = [:]
        let keyCount = [4, 40, 400][Int(number % 3)]
        for step in 0..<3_000 {
            let key = Self.key(Int.random(in: 0..<keyCount, using: &seed))
            ByteView.with(key) { view in
                switch Int.random(in: 0..<6, using: &seed) {
                case 0, 1:
                    #expect(table.insert(step, for: view) == model.updateValue(step, forKey: key))
                case 2, 3:
                    #expect(table.remove(view) == model.removeValue(forKey: key))
                case 4:
                    model[key, default: 7] += step
                    table.update(view, default: 7) { $0 += step }
                default:
                    #expect(table.value(for: view) == model[key])
                }
            }
            #expect(table.count == model.count)
            if step % 500 == 0 { #expect(Self.all(table) == model) }
        }
        #expect(Self.all(table) == model)
        table.removeAll()
        #expect(Self.all(table).isEmpty)
        #expect(ByteView.with(Self.key(1)) { table.value(for: $0) } == nil)
    }

    @Test("finds every key through growth and removal of the others")
    func survivesClusters() {
        var table = ByteKeyTable<Int>(hash: ByteHash(seed: 5))
        let count = 20_000
        for number in 0..<count {
            ByteView.with(Self.key(number)) { _ = table.insert(number, for: $0) }
        }
        for number in stride(from: 0, to: count, by: 3) {
            ByteView.with(Self.key(number)) { #expect(table.remove($0) == number) }
        }
        for number in 0..<count {
            let expected = number % 3 == 0 ? nil : number
            ByteView.with(Self.key(number)) { #expect(table.value(for: $0) == expected) }
        }
    }

    @Test("an iteration in slices sees exactly once what stays, whatever comes and goes")
    func iterationIsResumable() {
        var table = ByteKeyTable<Int>(hash: ByteHash(seed: 6))
        for number in 0..<1_000 {
            ByteView.with(Self.key(number)) { _ = table.insert(number, for: $0) }
        }
        var seen: [Int: Int] = [:]
        var cursor = ByteKeyTable<Int>.Cursor()
        var changing = 0
        while let (_, value) = table.next(&cursor) {
            seen[value, default: 0] += 1
            // Even keys go one after the other, and new ones come and make the table grow.
            if changing < 1_000 {
                ByteView.with(Self.key(changing)) { _ = table.remove($0) }
                ByteView.with(Self.key(changing + 10_000)) {
                    _ = table.insert(-1 - changing, for: $0)
                }
                changing += 2
            }
        }
        for number in stride(from: 1, to: 1_000, by: 2) { #expect(seen[number] == 1) }
        #expect(seen.values.allSatisfy { $0 == 1 })
    }

    private final class Tracked {
        let count: UnsafeMutablePointer<Int>

        init(_ count: UnsafeMutablePointer<Int>) {
            self.count = count
            count.pointee += 1
        }

        deinit { count.pointee -= 1 }
    }

    @Test("lets go of each value when it is removed, replaced or dies with the table")
    func releasesValues() {
        let live = UnsafeMutablePointer<Int>.allocate(capacity: 1)
        live.initialize(to: 0)
        defer { live.deallocate() }
        do {
            var table = ByteKeyTable<Tracked>(hash: ByteHash(seed: 7))
            for number in 0..<100 {
                ByteView.with(Self.key(number)) { _ = table.insert(Tracked(live), for: $0) }
            }
            #expect(live.pointee == 100)
            ByteView.with(Self.key(0)) { _ = table.insert(Tracked(live), for: $0) }
            #expect(live.pointee == 100)
            ByteView.with(Self.key(0)) { _ = table.remove($0) }
            #expect(live.pointee == 99)
        }
        #expect(live.pointee == 0)
    }
}
