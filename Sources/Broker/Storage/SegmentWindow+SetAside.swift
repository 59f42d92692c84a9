import Wire

extension SegmentWindow {
    /// Copies octets into a file of their own, for whoever wants to look at them.
    ///
    /// - Parameters:
    ///   - range: Which octets, from the first frame on; zeros at the end are left out.
    ///   - disk: Holds the journal.
    ///   - options: Of the journal.
    /// - Returns: What became of them; what is copied is durable.
    func setAside(
        _ range: Range<Int>,
        on disk: any Disk,
        _ options: JournalOptions
    ) -> RecoveryReport.Octets {
        let range = withoutZeros(range)
        guard !range.isEmpty else { return .none }
        let directory = options.damagedDirectory
        let offset = SegmentHeader.size + range.lowerBound
        let copy = "\(directory)/\(SegmentName.segment(base)).\(offset)"
        do throws(StorageError) {
            try disk.makeDirectory(directory)
            let copied = try disk.create(copy, size: 0)
            var done = range.lowerBound
            while done < range.upperBound {
                let count = min(1 << 20, range.upperBound - done)
                guard let view = view(at: done, count: count) else { break }
                let part = unsafe UnsafeRawBufferPointer(start: view.base, count: view.count)
                try unsafe copied.write(part, at: done - range.lowerBound)
                done += count
            }
            try copied.sync()
            try disk.syncDirectory(directory)
            return .setAside(copy)
        } catch {
            return .notSetAside(error)
        }
    }
}
