/// Bytes made fit for a terminal: nothing a message carries can move the cursor or hide text.
enum PrintableText {
    /// UTF-8 kept as it is; control characters other than tab and newline, and bytes that are no
    /// UTF-8, as `\xNN`.
    static func escaped(_ bytes: [UInt8]) -> String {
        if bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
            return String(decoding: bytes, as: UTF8.self)
        }
        var output = ""
        var rest = bytes[...]
        while !rest.isEmpty {
            var decoder = UTF8()
            var iterator = rest.makeIterator()
            if case .scalarValue(let scalar) = decoder.decode(&iterator) {
                rest = rest.dropFirst(UTF8.width(scalar))
                append(scalar, to: &output)
            } else if let byte = rest.popFirst() {
                output += hex(byte)
            }
        }
        return output
    }

    /// The same for one cell of a table: tabs and newlines are escaped too.
    static func oneLine(_ text: String) -> String {
        let isPlain = text.unicodeScalars.allSatisfy { !isControl($0) }
        guard !isPlain else { return text }
        var output = ""
        for scalar in text.unicodeScalars {
            if isControl(scalar) {
                output += hex(UInt8(truncatingIfNeeded: scalar.value))
            } else {
                output.unicodeScalars.append(scalar)
            }
        }
        return output
    }

    private static func append(_ scalar: Unicode.Scalar, to output: inout String) {
        if isControl(scalar), scalar != "\n", scalar != "\t" {
            output += hex(UInt8(truncatingIfNeeded: scalar.value))
        } else {
            output.unicodeScalars.append(scalar)
        }
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control
    }

    private static func hex(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return "\\x" + (byte < 16 ? "0" : "") + digits
    }
}
