/// What a journal takes of the disk, and how far it is safe there.
struct JournalStatus: Equatable, Sendable {
    var segmentCount = 0
    /// Octets of the segments' files, room taken ahead included; indexes are not.
    var size = 0
    /// Everything below is synced.
    var syncedLSN: UInt64 = 0
    /// Why the index of a segment could not be written, the latest; only costs time at a start.
    var indexFailure: StorageError?
    /// Octets free on the disk when it was looked at last; `nil` before.
    var freeSpace: Int?
}
