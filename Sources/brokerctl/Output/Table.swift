/// Rows under a heading, in columns aligned for a person's eye.
struct Table {
    enum Alignment: Sendable {
        case left
        case right
    }

    struct Column: Sendable {
        let title: String
        var alignment: Alignment = .left

        static func text(_ title: String) -> Column { Column(title: title) }
        static func number(_ title: String) -> Column { Column(title: title, alignment: .right) }
    }

    let columns: [Column]
    private(set) var rows: [[String]] = []

    init(_ columns: [Column]) {
        self.columns = columns
    }

    /// Adds a row, which has one cell for each column.
    mutating func add(_ cells: [String]) {
        precondition(cells.count == columns.count, "a row has one cell for each column")
        rows.append(cells.map(PrintableText.oneLine))
    }

    /// The table with its heading, ending in a newline; no line ends in blanks.
    var text: String {
        let widths = columns.indices.map { index in
            rows.map(\.[index].count).reduce(columns[index].title.count, max)
        }
        let lines = ([columns.map(\.title)] + rows).map { cells in
            let padded = columns.indices.map { index in
                let blanks = String(repeating: " ", count: widths[index] - cells[index].count)
                return columns[index].alignment == .left
                    ? cells[index] + blanks : blanks + cells[index]
            }
            let line = padded.joined(separator: "  ")
            return line.replacingTrailingBlanks()
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension String {
    fileprivate func replacingTrailingBlanks() -> String {
        var line = self[...]
        while line.last == " " { line.removeLast() }
        return String(line)
    }
}
