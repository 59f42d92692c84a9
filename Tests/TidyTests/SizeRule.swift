/// Bounds on what a reader has to hold in mind at once.
enum SizeRule {
    /// Lines in a file.
    static let fileLinesMax = 500
    /// Lines in a function, from its declaration to its closing brace.
    static let functionLinesMax = 70
    /// Characters in a line.
    static let columnsMax = 100

    static func findings(in file: SourceFile) -> [Finding] {
        guard file.isSwift, !file.isGenerated else { return [] }
        var findings: [Finding] = []
        let lines = file.lines
        if lines.count > fileLinesMax {
            let message = "\(lines.count) lines; a file has at most \(fileLinesMax)"
            findings.append(Finding(path: file.path, line: 0, message: message))
        }
        for (index, line) in lines.enumerated() where line.count > columnsMax {
            let message = "\(line.count) columns; a line has at most \(columnsMax)"
            findings.append(Finding(path: file.path, line: index + 1, message: message))
        }
        for function in functions(in: SwiftCode(file.text)) where function.count > functionLinesMax
        {
            let message =
                "\(function.count) lines; a function has at most \(functionLinesMax)"
            findings.append(Finding(path: file.path, line: function.lowerBound, message: message))
        }
        return findings
    }

    /// The lines of every function, initializer and subscript that has a body.
    static func functions(in code: SwiftCode) -> [ClosedRange<Int>] {
        let bytes = code.bytes
        var functions: [ClosedRange<Int>] = []
        var line = 1
        var word: [UInt8] = []
        var beforeWord = UInt8(ascii: "\n")
        var previous = UInt8(ascii: "\n")
        for (index, byte) in bytes.enumerated() {
            if byte.isPartOfName {
                if word.isEmpty { beforeWord = previous }
                word.append(byte)
            } else {
                if beforeWord != UInt8(ascii: "."), declares(word),
                    let length = lineEnds(from: index, in: bytes)
                {
                    functions.append(line...(line + length))
                }
                word.removeAll(keepingCapacity: true)
                if byte == UInt8(ascii: "\n") { line += 1 }
            }
            previous = byte
        }
        return functions
    }

    private static func declares(_ word: [UInt8]) -> Bool {
        ["func", "init", "deinit", "subscript"].contains { $0.utf8.elementsEqual(word) }
    }

    /// Line ends between here and the end of the body that begins next.
    ///
    /// - Returns: `nil` when a brace closes or a statement ends first: a requirement of a
    ///   protocol has no body.
    private static func lineEnds(from start: Int, in bytes: [UInt8]) -> Int? {
        var ends = 0
        var parentheses = 0
        var braces = 0
        for byte in bytes[start...] {
            switch byte {
            case UInt8(ascii: "\n"): ends += 1
            case UInt8(ascii: "("), UInt8(ascii: "["): parentheses += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"): parentheses -= 1
            case UInt8(ascii: "{"): braces += 1
            case UInt8(ascii: "}"):
                braces -= 1
                if braces < 0 { return nil }
                if braces == 0, parentheses <= 0 { return ends }
            default: break
            }
        }
        return nil
    }
}

extension UInt8 {
    fileprivate var isPartOfName: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
