import Wire

/// Reads messages back from the journal and the spill log, many octets at a time.
///
/// Messages of one queue mostly stand in order, so what lies close together is read in one piece.
@safe
final class PageReader {
    /// Most octets read in one piece, unless one record is larger.
    private static let extentMax = 1 << 20
    /// Octets between two messages that are read rather than skipped.
    private static let gapMax = 32 << 10
    /// What a record takes besides the body, generously.
    private static let overheadMax = 1 << 10
    private static let readerCountMax = 16

    private let disk: any Disk
    private let journal: JournalOptions
    private let catalog: SegmentCatalog
    private let spill: SpillLog
    private var buffer: UnsafeMutableRawBufferPointer
    private var readers: [(base: UInt64, file: any DiskFile)] = []
    /// Why a message of the present extent cannot be read, the first.
    private var failure: StorageError?

    /// A run of items of a request, read.
    @safe
    struct Extent {
        /// Which items.
        let items: Range<Int>
        /// Their payloads, `nil` for what cannot be read; valid until the next extent is read.
        let payloads: [ByteView?]
        /// Why one of them cannot be read.
        let failure: StorageError?
    }

    init(_ disk: any Disk, journal: JournalOptions, catalog: SegmentCatalog, spill: SpillLog) {
        unsafe buffer = .allocate(byteCount: 2 * Self.extentMax, alignment: 64)
        self.disk = disk
        self.journal = journal
        self.catalog = catalog
        self.spill = spill
    }

    deinit { unsafe buffer.deallocate() }

    /// Reads the next items of a request, at least one.
    func read(_ items: [PageRequest.Item], from start: Int) -> Extent {
        failure = nil
        let place = items[start].place
        let base = place.lsn
        var end = start + 1
        var last = base
        while end < items.count, follows(items[end].place, last, base: base, place) {
            last = items[end].place.lsn
            end += 1
        }
        let size = Int(last - base) + Int(items[end - 1].bodySize) + Self.overheadMax
        var filled = fill(place, count: size)
        // Only the last record can be longer than expected: its head says how long it is.
        let lastOffset = Int(last - base)
        if let whole = frameEnd(at: lastOffset, filled), whole > filled {
            filled = fill(place, count: whole)
        }
        let payloads = items[start..<end].map { item in
            payload(of: item, at: Int(item.place.lsn - base), filled)
        }
        return Extent(items: start..<end, payloads: payloads, failure: failure)
    }

    /// Whether a record is read in one piece with those before.
    private func follows(
        _ place: MessagePlace,
        _ last: UInt64,
        base: UInt64,
        _ first: MessagePlace
    ) -> Bool {
        guard place.isSpilled == first.isSpilled, place.lsn > last,
            place.lsn - last <= UInt64(Self.gapMax), place.lsn - base < UInt64(Self.extentMax)
        else { return false }
        if place.isSpilled {
            return SpillLog.segment(of: place.lsn) == SpillLog.segment(of: base)
        }
        return catalog.base(of: place.lsn) == catalog.base(of: base)
    }

    /// Fills the buffer from a place on.
    ///
    /// - Returns: How many octets there are.
    private func fill(_ place: MessagePlace, count: Int) -> Int {
        if unsafe buffer.count < count {
            unsafe buffer.deallocate()
            unsafe buffer = .allocate(byteCount: count, alignment: 64)
        }
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        do throws(StorageError) {
            if place.isSpilled { return try unsafe spill.read(from: place.lsn, into: part) }
            guard let base = catalog.base(of: place.lsn) else { return 0 }
            let offset = SegmentHeader.size + Int(place.lsn - base)
            return try unsafe reader(base).read(into: part, at: offset)
        } catch {
            failure = error
            return 0
        }
    }

    private func reader(_ base: UInt64) throws(StorageError) -> any DiskFile {
        if let reader = readers.first(where: { $0.base == base }) { return reader.file }
        let file = try disk.open(journal.path(SegmentName.segment(base)), for: .reading)
        if readers.count == Self.readerCountMax { readers.removeFirst() }
        readers.append((base, file))
        return file
    }

    private func frameEnd(at offset: Int, _ filled: Int) -> Int? {
        JournalFrame.size(in: view(filled), at: offset).map { offset + $0.frame }
    }

    private func payload(of item: PageRequest.Item, at offset: Int, _ filled: Int) -> ByteView? {
        let found = JournalFrame.payload(in: view(filled), at: offset, lsn: item.place.lsn)
        if found == nil, failure == nil {
            let base = catalog.base(of: item.place.lsn) ?? item.place.lsn
            failure = .damaged(
                path: item.place.isSpilled
                    ? "the spill log" : journal.path(SegmentName.segment(base)),
                offset: SegmentHeader.size + Int(item.place.lsn - base)
            )
        }
        return found
    }

    /// Copies the octets of a damaged record, and a few behind it, to where damage is kept.
    ///
    /// - Returns: What became of them.
    func setAside(_ item: PageRequest.Item) -> RecoveryReport.Octets {
        let lsn = item.place.lsn
        guard let base = catalog.base(of: lsn) else { return .none }
        do throws(StorageError) {
            let file = try reader(base)
            let dataSize = try file.size() - SegmentHeader.size
            let window = SegmentWindow(file, base: base, dataSize: dataSize)
            let start = min(Int(lsn - base), dataSize)
            let end = min(start + Int(item.bodySize) + Self.overheadMax, dataSize)
            return window.setAside(start..<end, on: disk, journal)
        } catch {
            return .notSetAside(error)
        }
    }

    /// Lets go of files, which may be deleted meanwhile.
    func closeFiles() { readers = [] }

    private func view(_ count: Int) -> ByteView {
        guard let start = unsafe buffer.baseAddress else {
            preconditionFailure("the buffer has been filled")
        }
        return unsafe ByteView(base: UnsafeRawPointer(start), count: count)
    }
}
