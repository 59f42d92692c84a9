import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Arguments of streams")
struct StreamArgumentTests {
    private static let now = WallTime(milliseconds: 1_700_000_000_000)

    @Test(
        "an age is a number and a unit",
        arguments: [
            ("1s", 1), ("5m", 300), ("12h", 43_200), ("7D", 604_800), ("2M", 5_184_000),
            ("1Y", 31_536_000), ("007s", 7),
        ]
    )
    func ages(text: String, seconds: Int) {
        #expect(StreamAge.parse(text) == .seconds(seconds))
    }

    @Test(
        "anything else is no age",
        arguments: [
            "", "h", "10", "0s", "-1s", "+1s", "1.5h", "1 h", "1h ", "1d", "1x", "99999999999Y",
            "9223372036854775808s", "\u{0663}s",
        ]
    )
    func noAges(text: String) {
        #expect(StreamAge.parse(text) == nil)
    }

    @Test(
        "an offset is a word, a number, a time or an age",
        arguments: [
            ("first", .first), ("last", .last), ("next", .next), (.int32(7), .offset(7)),
            (.int64(-3), .offset(0)), (.uint8(9), .offset(9)),
            (.timestamp(1_600_000_000), .time(WallTime(milliseconds: 1_600_000_000_000))),
            (.timestamp(.max), .time(WallTime(milliseconds: .max))),
            ("1h", .time(WallTime(milliseconds: 1_699_996_400_000))),
        ] as [(FieldValue, StreamOffset)]
    )
    func offsets(value: FieldValue, offset: StreamOffset) {
        #expect(StreamOffset(value, now: Self.now) == offset)
    }

    @Test(
        "anything else is no offset",
        arguments: ["5", "", "First", .bool(true), .void, .array([]), .table([:]), .double(1)]
            as [FieldValue]
    )
    func noOffsets(value: FieldValue) {
        #expect(StreamOffset(value, now: Self.now) == nil)
    }

    @Test("a filter matches its values, and what has none only if it says so")
    func filters() throws {
        let one = try #require(try StreamFilter(["x-stream-filter": "a"]))
        let two: FieldTable = [
            "x-stream-filter": .array(["a", "b"]), "x-stream-match-unfiltered": .bool(true),
        ]
        let both = try #require(try StreamFilter(two))
        for (value, first, second) in [("a", true, true), ("b", false, true), ("c", false, false)] {
            ByteView.with(Array(value.utf8)) { octets in
                #expect(one.matches(octets) == first)
                #expect(both.matches(octets) == second)
            }
        }
        #expect(!one.matches(nil))
        #expect(both.matches(nil))
        #expect(try StreamFilter(["x-stream-match-unfiltered": .bool(true)]) == nil)
    }
}
