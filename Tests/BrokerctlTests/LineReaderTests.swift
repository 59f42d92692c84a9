import Testing

@testable import brokerctl

@Suite("Line reader")
struct LineReaderTests {
    private func lines(_ text: String) throws -> [String] {
        var reader = LineReader(text: text)
        var lines: [String] = []
        while let line = try reader.nextLine() {
            lines.append(String(decoding: line, as: UTF8.self))
        }
        return lines
    }

    @Test("a line feed ends a line and begins none")
    func ends() throws {
        #expect(try lines("") == [])
        #expect(try lines("a") == ["a"])
        #expect(try lines("a\n") == ["a"])
        #expect(try lines("a\n\nb") == ["a", "", "b"])
        #expect(try lines("\n") == [""])
    }

    @Test("reading everything after some lines gives the rest")
    func rest() throws {
        var reader = LineReader(text: "a\nb\nc")
        _ = try reader.nextLine()
        #expect(try reader.readAll() == Array("b\nc".utf8))
        #expect(try reader.nextLine() == nil)
    }

    @Test("a file that cannot be read is named", arguments: ["/nonexistent/file", "/"])
    func unreadable(_ path: String) throws {
        let failure = try #require(throws: CommandFailure.self) {
            var reader = try LineReader(path: path)
            _ = try reader.nextLine()
        }
        #expect(failure.code == .failure)
        #expect(failure.message.hasPrefix("cannot read \(path): "))
    }
}
