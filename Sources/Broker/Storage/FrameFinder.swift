import Wire

/// Looks behind the frames of a segment, where there is damage or the end.
///
/// In a file that was another segment before, records of that one lie behind the end. They are no
/// frames of this segment, and they are no damage: whoever appends keeps zeros behind the last
/// frame, and behind those the old records go on to the end of the file.
struct FrameFinder {
    /// Octets that are searched before all the rest is.
    private static let nearby = 1 << 20

    private let window: SegmentWindow
    /// The same octets, as the former segment had them.
    private let former: SegmentWindow?
    private let file: any DiskFile
    /// All the rest, once it had to be searched.
    private var rest: Stretch?

    enum Finding: Equatable {
        /// A frame checks out there.
        case frame(Int)
        /// There is none; what was written as a part of this segment ends there.
        case end(Int)
    }

    /// What was found of either segment.
    private enum Nearest {
        case frame(Int)
        case formerFrame(Int)
    }

    /// Octets that can be searched.
    private struct Stretch {
        let start: Int
        /// Keeps the octets.
        let contents: FileContents
        let frames: FrameSearch
        let formerFrames: FrameSearch?

        func nearest(from offset: Int) -> Nearest? {
            let from = offset - start
            let formerFrame = formerFrames?.next(from: from)
            if let found = frames.next(from: from, below: formerFrame ?? .max) {
                return .frame(start + found)
            }
            return formerFrame.map { .formerFrame(start + $0) }
        }
    }

    /// Readies the search in what `window` shows of the segment that begins at `base`.
    init(_ window: SegmentWindow, file: any DiskFile, formerBase: UInt64?) {
        self.window = window
        self.file = file
        former = formerBase.map { SegmentWindow(file, base: $0, dataSize: window.dataSize) }
    }

    /// Finds the next frame; there is none at `offset`.
    mutating func next(behind offset: Int) -> Finding {
        let finding = search(behind: offset)
        guard case .frame = finding else { return finding }
        // A broker that is writing meanwhile may have filled the gap first.
        window.forget()
        return window.frame(at: offset) == nil ? finding : .frame(offset)
    }

    private mutating func search(behind offset: Int) -> Finding {
        var end = isEnd(offset) ? offset : nil
        var start = offset
        while let nearest = nearest(from: start) {
            switch nearest {
            case .frame(let found): return .frame(found)
            case .formerFrame(let found):
                if start > offset || end == nil { end = found }
                start = behindFormerFrames(from: found)
            }
        }
        return .end(end ?? window.withoutZeros(offset..<window.dataSize).upperBound)
    }

    /// Whether zeros stand where a frame would begin.
    private func isEnd(_ offset: Int) -> Bool {
        let count = min(JournalFrame.headerSize, window.dataSize - offset)
        return window.view(at: offset, count: count)?.nonZeroCount == 0
    }

    private func behindFormerFrames(from start: Int) -> Int {
        var offset = start
        while let frame = former?.frame(at: offset) { offset += frame.size.frame }
        return offset
    }

    private mutating func nearest(from offset: Int) -> Nearest? {
        guard offset < window.dataSize else { return nil }
        if rest == nil {
            if former != nil,
                let found = stretch(offset, count: Self.nearby).nearest(from: offset)
            {
                return found
            }
            guard !window.withoutZeros(offset..<window.dataSize).isEmpty else { return nil }
            rest = stretch(offset, count: window.dataSize)
        }
        return rest?.nearest(from: offset)
    }

    private func stretch(_ start: Int, count: Int) -> Stretch {
        let contents = FileContents(
            file,
            offset: SegmentHeader.size + start,
            count: min(count, window.dataSize - start)
        )
        let offset = UInt64(start)
        return Stretch(
            start: start,
            contents: contents,
            frames: FrameSearch(contents.view, lsn: window.base + offset),
            formerFrames: former.map { FrameSearch(contents.view, lsn: $0.base + offset) }
        )
    }
}
