import Wire

/// What recovery needs of a sealed segment, so that bodies are not read at the start.
///
/// A file beside the segment: a header of 64 octets, then one entry per record in order, each 4
/// octets payload size, 4 octets kept size, and what is kept of the payload
/// (`JournalFrame.keptSize`). Octets of the segment that hold no record have an entry with kept
/// size 0xFFFFFFFF. The header is written last, so a half-written index never checks out.
@safe
final class SegmentIndex {
    /// Octets of a header.
    static let headerSize = 64
    static let entryHeaderSize = 8
    /// The kept size of an entry that stands for octets without a record.
    static let hole = UInt32.max
    fileprivate static let magic = Array("BRKDINDX".utf8)

    /// Log sequence number of the segment's first record.
    let base: UInt64
    /// Octets of frames in the segment.
    let dataSize: Int
    private let contents: FileContents

    /// One record, or a hole.
    struct Entry {
        let lsn: UInt64
        /// The payload as far as it is kept; `nil` for a hole.
        let kept: ByteView?
        /// Octets of the whole payload, or of the hole.
        let size: Int
    }

    /// What a file turns out to be.
    enum Reading {
        case index(SegmentIndex)
        /// The header was not written: the segment was not sealed.
        case unfinished
        /// It does not check out in every octet.
        case damaged(size: Int)
    }

    /// Reads and checks an index.
    ///
    /// - Parameters:
    ///   - file: Of any content.
    ///   - base: The segment it should belong to.
    /// - Returns: The index if it checks out.
    /// - Throws: `.io` when the size of the file cannot be told.
    static func read(_ file: any DiskFile, base: UInt64) throws(StorageError) -> Reading {
        let contents = try FileContents(file)
        let view = contents.view
        if view.slice(from: 0, count: min(headerSize, view.count)).isZero { return .unfinished }
        guard let index = check(contents, base: base) else { return .damaged(size: view.count) }
        return .index(index)
    }

    private static func check(_ contents: FileContents, base: UInt64) -> SegmentIndex? {
        let view = contents.view
        guard view.count >= headerSize, view.slice(from: 0, count: 8) == magic,
            view.littleEndianUInt32(at: headerSize - 4)
                == view.slice(from: 0, count: headerSize - 4).checksum(),
            view.littleEndianUInt32(at: 8) == UInt32(SegmentHeader.version),
            view.littleEndianUInt64(at: 16) == base,
            let dataSize = Int(exactly: view.littleEndianUInt64(at: 24)), dataSize < 1 << 62,
            let size = Int(exactly: view.littleEndianUInt64(at: 32)),
            size == view.count - headerSize,
            view.littleEndianUInt32(at: 40)
                == view.slice(from: headerSize, count: size).checksum()
        else { return nil }
        let index = SegmentIndex(contents, base: base, dataSize: dataSize)
        var end = base
        let isWhole = index.forEach { entry in
            end = entry.lsn + UInt64(entry.size) + (entry.kept == nil ? 0 : 8)
        }
        return isWhole && end == base + UInt64(dataSize) ? index : nil
    }

    private init(_ contents: FileContents, base: UInt64, dataSize: Int) {
        self.contents = contents
        self.base = base
        self.dataSize = dataSize
    }

    /// Calls `body` with every entry in order.
    ///
    /// - Parameter body: Gets views that are valid during the call.
    /// - Returns: False when the entries do not add up; never after `read` has checked them.
    @discardableResult
    func forEach(_ body: (Entry) -> Void) -> Bool {
        let view = contents.view
        var offset = Self.headerSize
        var lsn = base
        while offset < view.count {
            guard view.count - offset >= Self.entryHeaderSize else { return false }
            let size = Int(view.littleEndianUInt32(at: offset))
            let kept = view.littleEndianUInt32(at: offset + 4)
            offset += Self.entryHeaderSize
            guard size > 0, lsn <= base + UInt64(dataSize) else { return false }
            if kept == Self.hole {
                body(Entry(lsn: lsn, kept: nil, size: size))
                lsn += UInt64(size)
                continue
            }
            guard kept > 0, kept <= size, Int(kept) <= view.count - offset else { return false }
            let octets = view.slice(from: offset, count: Int(kept))
            body(Entry(lsn: lsn, kept: octets, size: size))
            lsn += UInt64(JournalFrame.headerSize + size)
            offset += Int(kept)
        }
        return true
    }
}

/// Writes the index of a segment while the segment grows, holding little of it in memory.
///
/// An index only makes the next start faster, so nothing that goes wrong here is an error of the
/// journal: the writer notes why, stops, and the index does not check out.
@safe
final class SegmentIndexWriter {
    /// Octets gathered before they are written.
    private static let bufferSize = 128 << 10
    /// From this size on, an index that is not well below its segment is given up.
    private static let worthwhileSize = 1 << 20

    private let disk: any Disk
    private let path: String
    private var file: (any DiskFile)?
    private let base: UInt64
    private let buffer: UnsafeMutableRawBufferPointer
    private var filled = 0
    private var written = 0
    private var checksum: UInt32 = 0
    private var dataSize = 0
    private var isGivenUp = false
    /// Why the index could not be written.
    private(set) var failure: StorageError?

    /// Starts the index of the segment at `base`.
    init(_ disk: any Disk, _ options: JournalOptions, base: UInt64) {
        self.disk = disk
        self.base = base
        path = options.path(SegmentName.index(base))
        unsafe buffer = .allocate(byteCount: Self.bufferSize, alignment: 8)
        do throws(StorageError) {
            file = try disk.create(path, size: 0)
        } catch {
            giveUp(error)
        }
    }

    deinit { unsafe buffer.deallocate() }

    /// Adds the next record of the segment.
    func add(_ payload: ByteView) {
        dataSize += JournalFrame.headerSize + payload.count
        guard !isGivenUp else { return }
        let kept = payload.slice(from: 0, count: JournalFrame.keptSize(payload))
        put(UInt32(payload.count), UInt32(kept.count), kept)
    }

    /// Adds octets of the segment that hold no record.
    func addHole(_ size: Int) {
        dataSize += size
        guard !isGivenUp else { return }
        var rest = size
        while rest > 0 {
            let part = min(rest, Int(UInt32.max))
            put(UInt32(part), SegmentIndex.hole, .empty)
            rest -= part
        }
    }

    /// Makes no index of it after all.
    func giveUp() { isGivenUp = true }

    /// Writes what is left, then the header, and makes both durable; or removes the file if the
    /// index was given up.
    func finish() {
        flush()
        if !isGivenUp { writeHeader() }
        guard isGivenUp, file != nil else { return }
        do throws(StorageError) {
            try disk.remove(path)
        } catch {
            giveUp(error)
        }
    }

    private func writeHeader() {
        var header = SegmentIndex.magic
        header.append(littleEndian: UInt32(SegmentHeader.version))
        header.append(littleEndian: UInt32(0))
        header.append(littleEndian: base)
        header.append(littleEndian: UInt64(dataSize))
        header.append(littleEndian: UInt64(written))
        header.append(littleEndian: checksum)
        header += [UInt8](repeating: 0, count: SegmentIndex.headerSize - 4 - header.count)
        header.append(littleEndian: ByteView.with(header) { $0.checksum() })
        do throws(StorageError) {
            try file?.write(header, at: 0)
            try file?.sync()
        } catch {
            giveUp(error)
        }
    }

    private func put(_ size: UInt32, _ keptSize: UInt32, _ kept: ByteView) {
        let room = SegmentIndex.entryHeaderSize + kept.count
        if room > Self.bufferSize - filled { flush() }
        unsafe buffer.storeBytes(of: size.littleEndian, toByteOffset: filled, as: UInt32.self)
        unsafe buffer.storeBytes(
            of: keptSize.littleEndian,
            toByteOffset: filled + 4,
            as: UInt32.self
        )
        filled += SegmentIndex.entryHeaderSize
        let octets = unsafe UnsafeRawBufferPointer(start: kept.base, count: kept.count)
        if room > Self.bufferSize {
            flush()
            unsafe write(octets)
        } else {
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]).copyMemory(
                from: octets
            )
            filled += kept.count
        }
        if written > Self.worthwhileSize, written > dataSize / 2 { giveUp() }
    }

    private func flush() {
        unsafe write(UnsafeRawBufferPointer(rebasing: buffer[..<filled]))
        filled = 0
    }

    private func write(_ octets: UnsafeRawBufferPointer) {
        guard !isGivenUp, octets.count > 0 else { return }
        unsafe checksum = CRC32C.checksum(octets, after: checksum)
        do throws(StorageError) {
            try unsafe file?.write(octets, at: SegmentIndex.headerSize + written)
            written += octets.count
        } catch {
            giveUp(error)
        }
    }

    private func giveUp(_ error: StorageError) {
        isGivenUp = true
        failure = error
    }
}
