/// The data directory, taken by this process: no other brokerd uses it meanwhile.
package final class StorageRoot {
    /// The version of the layout of the directory.
    static let formatVersion = 1
    static let lockName = "brokerd.lock"
    private static let formatName = "format"

    package let disk: any Disk
    private let lock: any DiskLock

    /// Takes the lock and checks the format, or marks a new directory with it.
    ///
    /// - Parameters:
    ///   - disk: Of the data directory.
    ///   - processID: Written into the lock file, for the message others get.
    /// - Throws: `.locked` when another process has the directory, `.badFormat` when another
    ///   version of brokerd wrote it, or `.io`.
    package init(_ disk: any Disk, processID: Int) throws(StorageError) {
        self.disk = disk
        lock = try disk.lock(Self.lockName, owner: processID)
        try Self.checkFormat(disk)
        try disk.makeDirectory(VirtualHostDirectory.parent)
        try disk.syncDirectory("")
    }

    /// Gives the directory up before this goes.
    package func release() { lock.release() }

    /// Checks that this version can read the directory.
    ///
    /// - Parameter disk: Of a data directory, or of an empty one, which is marked as ours.
    /// - Throws: `.badFormat`, `.io`, `.diskFull`.
    private static func checkFormat(_ disk: any Disk) throws(StorageError) {
        if try hasFormat(disk) { return }
        let file = try disk.create(formatName, size: 0)
        try file.write(Array(formatLine.utf8), at: 0)
        try file.sync()
    }

    /// Whether a directory is marked as a data directory of this version.
    ///
    /// - Parameter disk: Only read.
    /// - Returns: False when it is not marked at all.
    /// - Throws: `.badFormat` when it is marked otherwise, `.io`.
    static func hasFormat(_ disk: any Disk) throws(StorageError) -> Bool {
        guard try disk.list("").contains(formatName) else { return false }
        let file = try disk.open(formatName, for: .reading)
        let found = String(decoding: try file.readStart(countMax: 64), as: UTF8.self)
        // Empty: the process that made it did not live to sync it.
        guard found.isEmpty || found == formatLine else {
            let line = found.prefix { $0 != "\n" }
            throw .badFormat(
                path: "\(disk.path)/\(formatName)",
                reason: "it says \"\(line)\", this brokerd reads \"brokerd \(formatVersion)\""
            )
        }
        return found == formatLine
    }

    private static var formatLine: String { "brokerd \(formatVersion)\n" }
}
