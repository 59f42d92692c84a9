import Wire

/// Where the files of streams lie: a directory for each virtual host, in it one for each stream.
///
/// A stream's directory holds the same kind of files as a journal's, and is named after the
/// number of its queue: names come again, numbers do not.
enum StreamDirectory {
    /// Below the data directory, the parent of all of them.
    static let parent = "streams"

    /// The directory of a virtual host's streams.
    static func path(_ virtualHost: [UInt8]) -> String {
        path(besideJournal: VirtualHostDirectory.path(virtualHost))
    }

    /// The same, by the directory of the virtual host's journal.
    static func path(besideJournal directory: String) -> String {
        parent + directory.dropFirst(VirtualHostDirectory.parent.count)
    }

    /// The directory of one stream.
    static func path(_ directory: String, stream: UInt32) -> String { "\(directory)/\(stream)" }

    /// The number of a stream by the name of its directory; `nil` for any other name.
    static func stream(named name: String) -> UInt32? {
        guard let number = UInt32(name), "\(number)" == name else { return nil }
        return number
    }

    /// What the files of a stream repeat, so that they are not taken for another's.
    static func nameHash(virtualHost: [UInt8], queue: [UInt8]) -> UInt64 {
        VirtualHostDirectory.hash(virtualHost + [0] + queue)
    }
}
