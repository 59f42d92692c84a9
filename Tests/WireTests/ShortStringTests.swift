import Testing
import Wire

@Suite("Short string")
struct ShortStringTests {
    @Test("255 octets fit and 256 do not")
    func bounds() {
        let most = [UInt8](repeating: 0x61, count: 255)
        #expect(ShortString(bytes: most)?.count == 255)
        #expect(ShortString(bytes: most + [0x61]) == nil)
        #expect(ShortString(String(repeating: "ü", count: 127))?.count == 254)
        #expect(ShortString(String(repeating: "ü", count: 128)) == nil)
        #expect(ByteView.with(most) { ShortString($0) }?.bytes == most)
        #expect(ByteView.with(most + [0x61]) { ShortString($0) } == nil)
    }

    @Test("A literal that is too long traps")
    func literal() async {
        await #expect(processExitsWith: .failure) {
            _ = ShortString(stringLiteral: String(repeating: "a", count: 256))
        }
    }

    @Test("Octets that are not UTF-8 are kept, and repaired only in text")
    func octets() {
        let name = ShortString(bytes: [0x71, 0xFE])
        #expect(name?.bytes == [0x71, 0xFE])
        #expect(name?.string == "q\u{FFFD}")
        #expect(name?.description == "q\u{FFFD}")
    }

    @Test("Equality is that of the octets, not of the characters")
    func equality() {
        let composed: ShortString = "\u{E9}"
        let decomposed: ShortString = "e\u{301}"
        #expect(composed != decomposed)
        #expect(composed.string == decomposed.string)
    }

    @Test("Order is that of the octets")
    func order() {
        #expect(["b", "", "a", "ab"].sorted() == ["", "a", "ab", "b"] as [ShortString])
    }

    @Test("Text that is too long is cut to 252 octets and three dots")
    func shortening() {
        let long = ShortString(shortening: String(repeating: "x", count: 300))
        #expect(long.string == String(repeating: "x", count: 252) + "...")
        let fits = String(repeating: "x", count: 255)
        #expect(ShortString(shortening: fits).string == fits)
    }

    @Test("Text is cut between characters, never inside one")
    func shorteningKeepsCharacters() {
        for offset in 0..<4 {
            let start = String(repeating: "x", count: offset)
            let short = ShortString(shortening: start + String(repeating: "é€😀", count: 60))
            #expect(String(validating: short.bytes, as: UTF8.self) != nil)
            #expect((252...255).contains(short.count))
            #expect(short.string.hasSuffix("..."))
        }
    }
}
