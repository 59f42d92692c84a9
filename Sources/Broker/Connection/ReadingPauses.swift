/// Why nothing is read from a connection for now, whatever waits to be sent to it.
struct ReadingPauses: OptionSet, BitwiseCopyable {
    let rawValue: UInt8

    /// Its next method may not overtake an answer that waits for the disk, or it publishes faster
    /// than the disk takes.
    static let disk = ReadingPauses(rawValue: 1)
    /// It publishes, and publishers are held back.
    static let blocked = ReadingPauses(rawValue: 2)
    /// A basic.get or tx.commit waits for a message that is being read from disk.
    static let page = ReadingPauses(rawValue: 4)
}
