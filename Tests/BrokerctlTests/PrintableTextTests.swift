import Testing

@testable import brokerctl

@Suite("Printable text")
struct PrintableTextTests {
    @Test(
        "text stays, control characters and bytes that are no UTF-8 are spelled out",
        arguments: [
            (Array("plain text".utf8), "plain text"),
            (Array("Grüße\t€\n".utf8), "Grüße\t€\n"),
            ([0x1B, 0x5B, 0x41], "\\x1B[A"),
            ([0x61, 0xFF, 0x62], "a\\xFFb"),
            ([0xC3], "\\xC3"),
            ([0xE2, 0x82, 0x61], "\\xE2\\x82a"),
            ([0x0D, 0x00, 0x7F], "\\x0D\\x00\\x7F"),
            ([], ""),
        ] as [([UInt8], String)]
    )
    func escapes(_ bytes: [UInt8], _ text: String) {
        #expect(PrintableText.escaped(bytes) == text)
    }
}
