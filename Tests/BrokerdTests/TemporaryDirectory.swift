import FoundationEssentials
import Glibc
import Testing

/// A directory of a test's own, removed with what is in it when the test lets go of it.
final class TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/brokerd-test-XXXXXX".utf8CString)
        let isMade = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) } != nil
        }
        try #require(isMade, "cannot make a temporary directory")
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            Issue.record("cannot remove \(path): \(error)")
        }
    }
}
