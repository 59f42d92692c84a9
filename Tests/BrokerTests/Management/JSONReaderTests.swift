import Testing

@testable import Broker

@Suite("Reading JSON")
struct JSONReaderTests {
    private func read(_ text: String) throws -> JSONValue {
        try JSONReader.read(Array(text.utf8))
    }

    @Test(
        "gives back what was written",
        arguments: [
            #"{"a":1,"b":[true,false,null,"x"],"c":{"d":-2.5}}"#, "[]", "{}",
            #""é😀\n\"\\""#, "0", "-9223372036854775808", "[[[1]]]",
        ]
    )
    func roundTrip(text: String) throws {
        #expect(try read(text).text == text)
    }

    @Test("knows all escapes and every kind of number and white space")
    func spellings() throws {
        #expect(try read(#""\u0041\ud83d\ude00\/\b\f""#) == .string("A😀/\u{8}\u{C}"))
        #expect(
            try read(" [ 1e2 ,\n1.5E-1\t, 18446744073709551616 ] ").text
                == "[100.0,0.15,1.8446744073709552e+19]"
        )
    }

    @Test("takes the last of several members by one name")
    func lastCounts() throws {
        #expect(try read(#"{"a":1,"b":2,"a":3}"#).text == #"{"a":3,"b":2}"#)
    }

    @Test(
        "refuses everything else",
        arguments: [
            "", "{", "[1,]", "{\"a\"}", "{a:1}", "01", "1.", "+1", "tru", "\"", "\"\u{1}\"",
            #""\x""#, #""\ud800""#, #""\u12""#, "1 2", "nan", "1e999", "[1}",
            String(repeating: "[", count: 100) + String(repeating: "]", count: 100),
        ]
    )
    func refused(text: String) {
        #expect(throws: JSONReader.Failure.self) { try read(text) }
    }

    @Test("refuses what is not UTF-8, and never reads past the end", arguments: 0..<40)
    func octets(count: Int) throws {
        let text = Array(#"{"key":["value",-1.5e+3,{"a":null}]}"#.utf8)
        #expect(throws: JSONReader.Failure.self) { try JSONReader.read([0x22, 0xFF, 0x22]) }
        guard count < text.count else { return }
        #expect(throws: JSONReader.Failure.self) { try JSONReader.read(Array(text[..<count])) }
    }
}
