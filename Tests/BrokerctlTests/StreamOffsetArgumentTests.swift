import Testing
import Wire

@testable import brokerctl

@Suite("Offsets on the command line")
struct StreamOffsetArgumentTests {
    @Test(
        "are words, numbers, ages and times",
        arguments: [
            ("first", .string("first")), ("last", .string("last")), ("next", .string("next")),
            ("0", .int64(0)),
            ("12345678901", .int64(12_345_678_901)), ("1h", .string("1h")), ("10m", .string("10m")),
            ("7D", .string("7D")),
            ("@1700000000", .timestamp(1_700_000_000)),
            ("2023-11-14T22:13:20Z", .timestamp(1_700_000_000)),
        ] as [(String, FieldValue)]
    )
    func parse(text: String, value: FieldValue) {
        #expect(StreamOffsetArgument.parse(text) == value)
    }

    @Test(
        "are nothing else",
        arguments: ["", "-1", "h", "1x", "1.5h", "@", "@x", "yesterday", "9223372036854775808"]
    )
    func refuse(text: String) {
        #expect(StreamOffsetArgument.parse(text) == nil)
    }
}
