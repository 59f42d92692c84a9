import Testing
import Wire

@testable import Broker

@Suite("JSON value")
struct JSONValueTests {
    private func text(_ value: JSONValue) -> String {
        String(decoding: value.encoded, as: UTF8.self)
    }

    @Test("writes every kind of value without white space, members in order")
    func kinds() {
        let value: JSONValue = [
            "b": .bool(true), "a": .null, "n": .integer(.min), "d": .double(0),
            "l": [1, "x", []], "o": [:],
        ]
        #expect(
            text(value)
                == #"{"b":true,"a":null,"n":-9223372036854775808,"d":0.0,"l":[1,"x",[]],"o":{}}"#
        )
    }

    @Test("escapes quotes, backslashes and control characters, and nothing else")
    func escapes() {
        #expect(text("\"\\/\n\r\t\u{1}\u{1F}é") == #""\"\\/\n\r\t\u0001\u001fé""#)
    }

    @Test("writes null for numbers JSON cannot say")
    func notFinite() {
        #expect(text([.double(.nan), .double(.infinity)]) == "[null,null]")
    }

    @Test("stops counters at the largest signed number")
    func largeCounter() {
        #expect(JSONValue.count(UInt64.max) == .integer(.max))
    }

    @Test("finds members by dotted path")
    func path() {
        let value: JSONValue = ["a": ["b": 7]]
        #expect(value.value(at: ["a", "b"]) == 7)
        #expect(value.value(at: ["a", "c"]) == nil)
        #expect(value.value(at: ["a", "b", "c"]) == nil)
    }

    @Test("shows field tables as RabbitMQ does, without the width of numbers")
    func fieldTable() {
        let table: FieldTable = [
            "i": .int8(-1), "u": .uint32(7), "s": .string("x"), "b": .bool(false),
            "t": .table(["n": .void]), "l": .array([.int64(1), .double(0.5)]),
            "when": .timestamp(12), "m": .decimal(scale: 2, value: 314), "s": .string("second"),
        ]
        #expect(
            text(table.json)
                == #"{"i":-1,"u":7,"s":"x","b":false,"t":{"n":null},"l":[1,0.5],"#
                + #""when":12,"m":3.14}"#
        )
    }

    @Test("replaces octets that are no text")
    func notText() {
        #expect(FieldValue.longString([0x61, 0xFF]).json == "a\u{FFFD}")
    }
}
