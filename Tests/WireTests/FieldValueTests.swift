import TestSupport
import Testing
import Wire

@Suite("Field value")
struct FieldValueTests {
    @Test("Integers of every width have the same value; nothing else is an integer")
    func integers() {
        let fives: [FieldValue] = [
            .int8(5), .uint8(5), .int16(5), .uint16(5), .int32(5), .uint32(5), .int64(5),
        ]
        #expect(fives.allSatisfy { $0.integer == 5 })
        let others: [FieldValue] = [
            .bool(true), .float(5), .double(5), .decimal(scale: 0, value: 5), .string("5"),
            .byteArray([5]), .timestamp(5), .table([:]), .array([]), .void,
        ]
        #expect(others.allSatisfy { $0.integer == nil })
        #expect(FieldValue.uint32(.max).integer == 4_294_967_295)
        #expect(FieldValue.int8(-1).integer == -1)
    }

    @Test("Only a long string has text")
    func text() {
        #expect(FieldValue.string("grün").text == "grün")
        #expect(FieldValue.longString([0xFF]).text == "\u{FFFD}")
        #expect(FieldValue.byteArray([0x61]).text == nil)
    }

    @Test("Only a boolean is true or false")
    func booleans() {
        #expect(FieldValue.bool(true).boolean == true)
        #expect(FieldValue.bool(false).boolean == false)
        #expect(FieldValue.int8(1).boolean == nil)
    }

    @Test("The same number in two widths is two values, because the wire keeps the type")
    func equality() {
        #expect(FieldValue.int32(5) != .int64(5))
        #expect(FieldValue.longString([1]) != .byteArray([1]))
    }

    @Test("The type of a value is the octet it is written with", arguments: FieldExample.all)
    func type(_ example: FieldExample) {
        let bytes = [UInt8](hexadecimal: example.hexadecimal)
        #expect(example.value.type.rawValue == bytes[6])
    }

    @Test("NaN keeps its bits")
    func notANumber() throws {
        let bytes = [UInt8](hexadecimal: "0000000b 0176647ff8000000000123")
        let table = try ByteView.with(bytes) { try FieldTable(decoding: $0) }
        var writer = ByteWriter()
        writer.writeTable(table)
        #expect(writer.bytes == bytes)
    }
}
