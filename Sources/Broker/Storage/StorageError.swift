/// What storage cannot do, and with which file.
package enum StorageError: Error, Equatable, Sendable {
    /// No room (ENOSPC or EDQUOT); what was written before stays as it was.
    case diskFull(path: String)
    /// A call failed for another reason.
    case io(operation: String, path: String, errno: Int32)
    /// Another process has the directory; its id if it left one.
    case locked(directory: String, processID: Int?)
    /// A file this version cannot use: another format version, or not a file of ours.
    case badFormat(path: String, reason: String)
    /// A record does not check out when it is read back.
    case damaged(path: String, offset: Int)
    /// A sync of this journal has failed, so what the page cache holds cannot be trusted.
    case unusable(path: String)

    /// ENOENT, the same on every Linux.
    static let noEntry: Int32 = 2

    /// Whether octets were read and do not check out.
    var isDamage: Bool {
        if case .damaged = self { true } else { false }
    }

    /// Whether a file does not exist.
    var isNoEntry: Bool {
        if case .io(_, _, StorageError.noEntry) = self { true } else { false }
    }
}

extension StorageError: CustomStringConvertible {
    /// One clause for people.
    package var description: String {
        switch self {
        case .diskFull(let path): "no space left on the disk of \(path)"
        case .io(let operation, let path, let errno):
            "cannot \(operation) \(path): \(ErrorNumber(rawValue: errno))"
        case .locked(let directory, let processID?):
            "data directory \(directory) is in use by another brokerd (process \(processID))"
        case .locked(let directory, nil):
            "data directory \(directory) is in use by another brokerd"
        case .badFormat(let path, let reason): "cannot use \(path): \(reason)"
        case .damaged(let path, let offset): "damaged record in \(path) at offset \(offset)"
        case .unusable(let path): "\(path) is not used any more since a sync of it failed"
        }
    }
}
