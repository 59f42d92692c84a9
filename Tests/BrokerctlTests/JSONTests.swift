import FoundationEssentials
import Testing

@testable import brokerctl

@Suite("JSON")
struct JSONTests {
    @Test("objects keep their order and nothing is spaced out")
    func order() {
        let json = JSON.object([
            ("b", .integer(1)), ("a", .array([.null, .bool(true), .number(2.5), .number(3)])),
            ("c", .object([])), ("d", .unsigned(.max)), ("e", .number(.infinity)),
        ])
        #expect(
            json.text == #"{"b":1,"a":[null,true,2.5,3],"c":{},"d":18446744073709551615,"e":null}"#
        )
    }

    @Test(
        "strings come back from a JSON decoder as they were",
        arguments: [
            "", "plain", "quote \" slash \\", "line\nfeed\ttab\r", "\u{0}\u{1F}\u{7F}", "Grüße €𝄞",
        ]
    )
    func strings(_ text: String) throws {
        let encoded = JSON.array([.string(text)]).text
        #expect(try JSONDecoder().decode([String].self, from: Data(encoded.utf8)) == [text])
    }
}
