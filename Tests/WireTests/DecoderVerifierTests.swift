import TestSupport
import Testing

/// The verifier is only worth something when it catches decoders that are wrong.
@Suite("Decoder verifier")
struct DecoderVerifierTests {
    struct Refused: Error {}

    /// One octet of length, then that many octets.
    @Sendable
    private func decode(_ bytes: [UInt8]) throws -> [UInt8] {
        guard let count = bytes.first, bytes.count == Int(count) + 1 else { throw Refused() }
        return Array(bytes.dropFirst())
    }

    @Sendable
    private func encode(_ value: [UInt8]) -> [UInt8] {
        [UInt8(value.count)] + value
    }

    @Test("A sound codec passes")
    func sound() throws {
        let verifier = DecoderVerifier(decode: decode, encode: encode)
        try verifier.verify([5, 6], is: [2, 5, 6])
    }

    @Test("A decoder that accepts what is cut short is caught")
    func lenientAboutCuts() {
        let verifier = DecoderVerifier(decode: { Array($0.dropFirst()) }, encode: encode)
        #expect(throws: VerifierFailure.self) { try verifier.verify([5, 6], is: [2, 5, 6]) }
    }

    @Test("A decoder that ignores what is left over is caught")
    func lenientAboutLeftOver() {
        let verifier = DecoderVerifier(
            decode: { bytes in
                guard let count = bytes.first, bytes.count > Int(count) else { throw Refused() }
                return Array(bytes[1...Int(count)])
            },
            encode: encode
        )
        #expect(throws: VerifierFailure.self) { try verifier.verify([5, 6], is: [2, 5, 6]) }
    }

    @Test("An encoder that loses a part of what was decoded is caught")
    func lossyEncoder() {
        let verifier = DecoderVerifier(decode: decode, encode: { [1] + $0.prefix(1) })
        #expect(throws: VerifierFailure.self) { try verifier.verify([5, 6], is: [2, 5, 6]) }
        #expect(throws: (any Error).self) { try verifier.verifyTotal([0]) }
    }

    @Test("A stream decoder that forgets a partial value is caught")
    func forgetfulStream() {
        let verifier = StreamVerifier<UInt16> {
            { chunk in
                stride(from: 0, to: chunk.count - 1, by: 2).map {
                    UInt16(chunk[$0]) << 8 | UInt16(chunk[$0 + 1])
                }
            }
        }
        #expect(throws: VerifierFailure.self) { try verifier.verify([1, 2], give: [0x0102]) }
    }

    @Test("A stream decoder that is too early is caught")
    func hastyStream() {
        let verifier = StreamVerifier<UInt8> { { chunk in chunk } }
        #expect(throws: VerifierFailure.self) { try verifier.verify([1, 2], give: [1]) }
        #expect(throws: Never.self) { try verifier.verify([1, 2], give: [1, 2]) }
    }
}
