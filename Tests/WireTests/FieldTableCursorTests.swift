import TestSupport
import Testing
import Wire

@Suite("Field table cursor")
struct FieldTableCursorTests {
    @Test("Entries come in wire order with the values decoding gives", arguments: FieldExample.all)
    func walk(_ example: FieldExample) throws {
        let table: FieldTable = ["first": .void, "v": example.value, "last": .int8(-1)]
        var writer = ByteWriter()
        writer.writeTable(table)
        try ByteView.with(writer.bytes) { view in
            var cursor = FieldTableCursor(entries: view.slice(from: 4, count: view.count - 4))
            var entries: [FieldTable.Entry] = []
            while let (name, field) = try cursor.next() {
                let name = try #require(ShortString(name))
                #expect(field.integer == (try field.decode()).integer)
                entries.append(.init(name: name, value: try field.decode()))
            }
            #expect(entries == table.entries)
        }
    }

    @Test("The alternative 64-bit type is an integer too")
    func alternativeInteger() throws {
        let integer = try ByteView.with([UInt8](hexadecimal: "01764c fffffffffffffffe")) { view in
            var cursor = FieldTableCursor(entries: view)
            return try cursor.next()?.field.integer
        }
        #expect(integer == -2)
    }

    @Test("An entry that is cut short is refused", arguments: 1..<9)
    func truncated(count: Int) throws {
        let bytes = [UInt8](hexadecimal: "01765300000002 6161").prefix(count)
        #expect(throws: WireError.truncated) {
            try ByteView.with(Array(bytes)) { view in
                var cursor = FieldTableCursor(entries: view)
                _ = try cursor.next()
            }
        }
    }
}
