import Testing

@testable import brokerctl

@Suite("Table")
struct TableTests {
    @Test("columns are as wide as their widest cell, numbers to the right, no blanks at the end")
    func layout() {
        var table = Table([.text("NAME"), .number("READY"), .text("FEATURES")])
        table.add(["jobs", "1,200", "durable"])
        table.add(["a longer name", "0", ""])
        #expect(
            table.text == """
                NAME           READY  FEATURES
                jobs           1,200  durable
                a longer name      0

                """
        )
    }

    @Test("an empty table is its heading")
    func empty() {
        #expect(Table([.text("NAME"), .number("READY")]).text == "NAME  READY\n")
    }

    @Test("a cell cannot break the line or move the cursor")
    func controls() {
        var table = Table([.text("NAME")])
        table.add(["a\nb\u{1B}[2J\u{9B}c"])
        #expect(table.text == "NAME\na\\x0Ab\\x1B[2J\\x9Bc\n")
    }
}
