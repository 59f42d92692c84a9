/// Feeds a decoder of whole values everything that goes wrong on a wire.
///
/// What it proves of `decode`: it gives the value for its bytes; it refuses every shorter prefix
/// and every longer run; whatever single bit is flipped, it gives a value or throws, and a value
/// it gives comes back from its own encoding. A trap ends the test run, which is the point.
public struct DecoderVerifier<Value: Equatable>: Sendable {
    /// Decodes exactly one value from all of the bytes.
    public var decode: @Sendable ([UInt8]) throws -> Value
    /// Encodes a value.
    public var encode: @Sendable (Value) -> [UInt8]

    /// Joins the two directions of a codec.
    public init(
        decode: @escaping @Sendable ([UInt8]) throws -> Value,
        encode: @escaping @Sendable (Value) -> [UInt8]
    ) {
        self.decode = decode
        self.encode = encode
    }

    /// Verifies the codec with one example.
    ///
    /// - Parameters:
    ///   - value: What the bytes mean.
    ///   - bytes: What the value is encoded as.
    /// - Throws: `VerifierFailure` with what did not hold.
    public func verify(_ value: Value, is bytes: [UInt8]) throws {
        guard encode(value) == bytes else {
            throw VerifierFailure("\(value) is encoded as \(encode(value)), not \(bytes)")
        }
        guard try decode(bytes) == value else {
            throw VerifierFailure("\(bytes) is decoded as \(try decode(bytes)), not \(value)")
        }
        try verifyCuts(of: bytes)
        try verifyFlips(of: bytes)
    }

    /// Every prefix, and every one-octet continuation, is refused.
    private func verifyCuts(of bytes: [UInt8]) throws {
        for count in bytes.indices where accepts(Array(bytes.prefix(count))) {
            throw VerifierFailure("\(count) of \(bytes.count) octets are accepted: \(bytes)")
        }
        for octet in UInt8.min...UInt8.max where accepts(bytes + [octet]) {
            throw VerifierFailure("octet \(octet) is accepted after \(bytes)")
        }
    }

    /// Every flipped bit gives an error or a value that survives its own encoding.
    private func verifyFlips(of bytes: [UInt8]) throws {
        for index in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[index] ^= 1 << UInt8(bit)
                try verifyTotal(flipped)
            }
        }
    }

    /// Verifies that any bytes give an error, or a value that survives its own encoding.
    ///
    /// The encodings are compared rather than the values, because NaN is not equal to itself.
    ///
    /// - Throws: `VerifierFailure` when the value's encoding means something else.
    public func verifyTotal(_ bytes: [UInt8]) throws {
        let value: Value
        do { value = try decode(bytes) } catch { return }
        let encoded = encode(value)
        guard encode(try decode(encoded)) == encoded else {
            throw VerifierFailure("\(value), from \(bytes), changes when encoded and decoded")
        }
    }

    private func accepts(_ bytes: [UInt8]) -> Bool {
        do {
            _ = try decode(bytes)
            return true
        } catch {
            return false
        }
    }
}

/// Feeds a decoder of a stream its bytes in every way a network may cut them.
public struct StreamVerifier<Output: Equatable> {
    /// A decoder at the beginning of a stream: takes a chunk, gives what became complete.
    public typealias Decoder = (_ chunk: [UInt8]) throws -> [Output]

    /// Makes a new decoder.
    public var makeDecoder: () -> Decoder

    /// Verifies what `makeDecoder` makes.
    public init(makeDecoder: @escaping () -> Decoder) {
        self.makeDecoder = makeDecoder
    }

    /// Verifies that `bytes` give `outputs`, however they are cut.
    ///
    /// Whole, byte by byte, cut in two at every offset; cut short at every offset, where the
    /// decoder must wait for more; and with every bit flipped, where it must not trap.
    ///
    /// - Throws: `VerifierFailure`, or what the decoder throws at good bytes.
    public func verify(_ bytes: [UInt8], give outputs: [Output]) throws {
        try expect(outputs, from: [bytes], "whole")
        try expect(outputs + outputs, from: [bytes + bytes], "twice at once")
        try expect(outputs, from: bytes.map { [$0] }, "byte by byte")
        for count in bytes.indices {
            let start = Array(bytes.prefix(count))
            try expect(outputs, from: [start, Array(bytes.dropFirst(count))], "cut at \(count)")
            let early = try makeDecoder()(start)
            guard early.count < outputs.count, early == Array(outputs.prefix(early.count)) else {
                throw VerifierFailure("\(count) octets alone gave \(early)")
            }
        }
        for index in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[index] ^= 1 << UInt8(bit)
                verifyTotal(flipped)
            }
        }
    }

    /// Feeds any bytes, whole and byte by byte; only a trap is a failure.
    public func verifyTotal(_ bytes: [UInt8]) {
        for chunks in [[bytes], bytes.map { [$0] }] {
            let decoder = makeDecoder()
            do { for chunk in chunks { _ = try decoder(chunk) } } catch { continue }
        }
    }

    private func expect(_ outputs: [Output], from chunks: [[UInt8]], _ how: String) throws {
        let decoder = makeDecoder()
        var given: [Output] = []
        for chunk in chunks { given += try decoder(chunk) }
        guard given == outputs else {
            throw VerifierFailure("\(how): \(given) instead of \(outputs)")
        }
    }
}

/// What a verifier found, in a sentence.
public struct VerifierFailure: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
