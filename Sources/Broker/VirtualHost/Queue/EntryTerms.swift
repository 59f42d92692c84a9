/// On what terms a message is in a queue, beside its place in line: its priority.
struct EntryTerms: BitwiseCopyable, Equatable {
    /// The priority in the highest octet.
    private var bits: UInt64

    /// Priority 0, for ever: what nearly every message has.
    static let none = EntryTerms(bits: 0)

    private init(bits: UInt64) { self.bits = bits }

    init(priority: UInt8) { bits = UInt64(priority) << 56 }

    @inline(__always)
    var priority: UInt8 { UInt8(truncatingIfNeeded: bits >> 56) }
}
