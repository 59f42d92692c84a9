import TestSupport
import Testing
import Wire

/// Random input on a seed: each seed is an argument, so a failure names it and replays.
@Suite("Codec under random input")
struct CodecFuzzTests {
    @Test("Random tables come back as they were", arguments: 0..<16)
    func tables(seed: UInt64) throws {
        var random = Seed(seed)
        for _ in 0..<100 {
            let table = FieldTable.random(using: &random)
            let bytes = FieldTableTests.verifier.encode(table)
            #expect(try FieldTableTests.verifier.decode(bytes) == table)
        }
    }

    @Test("Random properties come back as they were", arguments: 0..<16)
    func properties(seed: UInt64) throws {
        var random = Seed(seed)
        for _ in 0..<100 {
            let properties = BasicProperties.random(using: &random)
            #expect(try BasicPropertiesTests.verifier.decode(properties.encoded) == properties)
            let headers = try ByteView.with(properties.encoded) { view in
                try PropertyScan(view).headers()
            }
            #expect(headers == properties.headers)
        }
    }

    @Test("Mutated tables give an error or a table that survives", arguments: 0..<16)
    func mutatedTables(seed: UInt64) throws {
        var random = Seed(seed)
        for _ in 0..<200 {
            var bytes = FieldTableTests.verifier.encode(.random(using: &random))
            mutate(&bytes, using: &random)
            try FieldTableTests.verifier.verifyTotal(bytes)
        }
    }

    @Test("Mutated properties give an error or properties that survive", arguments: 0..<16)
    func mutatedProperties(seed: UInt64) throws {
        var random = Seed(seed)
        for _ in 0..<200 {
            var bytes = BasicProperties.random(using: &random).encoded
            mutate(&bytes, using: &random)
            try BasicPropertiesTests.verifier.verifyTotal(bytes)
        }
    }

    @Test("Mutated methods give an error or a method that survives", arguments: 0..<16)
    func mutatedMethods(seed: UInt64) throws {
        var random = Seed(seed)
        for example in MethodExample.all {
            for _ in 0..<10 {
                var bytes = example.bytes
                mutate(&bytes, using: &random)
                try MethodTests.verifier.verifyTotal(bytes)
            }
        }
    }

    @Test("Random arguments after every method id never trap", arguments: 0..<16)
    func randomArguments(seed: UInt64) throws {
        var random = Seed(seed)
        for example in MethodExample.all {
            let bytes = Array(example.bytes.prefix(4)) + random.octets(upTo: 80)
            try MethodTests.verifier.verifyTotal(bytes)
        }
    }

    /// Changes, inserts, removes or doubles a few octets.
    private func mutate(_ bytes: inout [UInt8], using random: inout Seed) {
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
            case 1:
                bytes[index] = [0x00, 0x01, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
            case 2: bytes.remove(at: index)
            case 3: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
            default: bytes.insert(contentsOf: bytes[index...].prefix(8), at: index)
            }
        }
    }
}
