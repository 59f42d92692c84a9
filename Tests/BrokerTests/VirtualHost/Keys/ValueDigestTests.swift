import Testing
import Wire

@testable import Broker

@Suite("Digests of values")
struct ValueDigestTests {
    /// Texts and the first halves of their digests, from the standard and from sha256sum.
    private static let examples: [(text: String, high: UInt64, low: UInt64)] = [
        ("", 0xe3b0_c442_98fc_1c14, 0x9afb_f4c8_996f_b924),
        ("abc", 0xba78_16bf_8f01_cfea, 0x4141_40de_5dae_2223),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            0x248d_6a61_d206_38b8, 0xe5c0_2693_0c3e_6039
        ),
        (String(repeating: "a", count: 64), 0xffe0_54fe_7ae0_cb6d, 0xc65c_3af9_b61d_5209),
        (String(repeating: "a", count: 1_000), 0x41ed_ece4_2d63_e8d9, 0xbf51_5a9b_a693_2e1c),
    ]

    @Test("are those of SHA-256")
    func standard() {
        for example in Self.examples {
            let digest = ByteView.with(Array(example.text.utf8)) { ValueDigest(of: $0) }
            #expect(digest == ValueDigest(high: example.high, low: example.low))
        }
    }
}
