import Wire

/// A part of a file in memory; what the disk cannot read is zeros.
@safe
final class FileContents {
    private let buffer: UnsafeMutableRawBufferPointer

    /// Reads a whole file.
    convenience init(_ file: any DiskFile) throws(StorageError) {
        self.init(file, offset: 0, count: try file.size())
    }

    /// Reads `count` octets from `offset` on; behind the end of the file they are zeros.
    init(_ file: any DiskFile, offset: Int, count: Int) {
        unsafe buffer = .allocate(byteCount: max(count, 1), alignment: 16)
        self.count = count
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        unsafe file.readWhatCanBeRead(into: part, at: offset)
    }

    deinit { unsafe buffer.deallocate() }

    private let count: Int

    /// The octets; valid as long as this lives.
    var view: ByteView {
        guard let base = unsafe UnsafeRawPointer(buffer.baseAddress) else { return .empty }
        return unsafe ByteView(base: base, count: count)
    }
}

extension DiskFile {
    /// Fills `buffer` from `offset` on, with zeros for what cannot be read.
    ///
    /// A sector that has gone bad must not take its neighbours with it: after an error the rest is
    /// read in aligned blocks of 4 KiB, and only those that fail are zeros.
    func readWhatCanBeRead(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) {
        if let count = unsafe readIfPossible(into: buffer, at: offset) {
            unsafe Self.clear(buffer, from: count)
            return
        }
        var start = 0
        while start < buffer.count {
            let next = (offset + start) / Self.blockSize * Self.blockSize + Self.blockSize
            let end = min(next - offset, buffer.count)
            let block = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[start..<end])
            let count = unsafe readIfPossible(into: block, at: offset + start) ?? 0
            unsafe Self.clear(block, from: count)
            start = end
        }
    }

    private static var blockSize: Int { 4096 }

    private func readIfPossible(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) -> Int? {
        do throws(StorageError) {
            return try unsafe read(into: buffer, at: offset)
        } catch {
            return nil
        }
    }

    private static func clear(_ buffer: UnsafeMutableRawBufferPointer, from start: Int) {
        guard start < buffer.count else { return }
        unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[start...]).initializeMemory(
            as: UInt8.self,
            repeating: 0
        )
    }
}
