/// The file system below storage: one directory tree, paths relative to its root.
///
/// Nothing is durable before `sync` (what is in a file) and `syncDirectory` (that a file exists,
/// under which name). Used by one thread at a time.
package protocol Disk: AnyObject {
    /// The root, for people.
    var path: String { get }

    /// The names in `directory`, sorted; none when it does not exist.
    func list(_ directory: String) throws(StorageError) -> [String]

    /// Makes a directory; an existing one is fine.
    func makeDirectory(_ directory: String) throws(StorageError)

    /// Makes an empty file, emptying the one of that name if there is one.
    ///
    /// - Parameters:
    ///   - path: In an existing directory.
    ///   - size: In octets; the file has this size, reads as zeros, and writes within it do not
    ///     run out of space where the file system can promise that.
    /// - Returns: The open file.
    /// - Throws: `.diskFull` or `.io`; then no new file is left behind.
    func create(_ path: String, size: Int) throws(StorageError) -> any DiskFile

    /// Opens an existing file; `.io` with ENOENT when there is none.
    func open(_ path: String, for use: DiskFileUse) throws(StorageError) -> any DiskFile

    /// Removes a file.
    func remove(_ path: String) throws(StorageError)

    /// Removes an empty directory; one that does not exist is fine.
    func removeDirectory(_ directory: String) throws(StorageError)

    /// Gives a file another name, replacing what has that name.
    func rename(_ path: String, to newPath: String) throws(StorageError)

    /// Makes durable which names `directory` holds.
    func syncDirectory(_ directory: String) throws(StorageError)

    /// Octets that may still be written to the file system of a directory.
    func freeSpace(_ directory: String) throws(StorageError) -> Int

    /// Takes the lock of a file, which is made if need be, and writes `owner` into it.
    ///
    /// - Parameters:
    ///   - path: The lock file.
    ///   - owner: The process id, for the message others get.
    /// - Returns: The lock, held until it is released or the process ends.
    /// - Throws: `.locked` when another process holds it.
    func lock(_ path: String, owner: Int) throws(StorageError) -> any DiskLock

    /// Looks whether a process holds the lock of a file.
    ///
    /// - Parameter path: The lock file, which is not changed.
    /// - Returns: Who holds it; `nil` when nobody does, or there is no such file.
    /// - Throws: `.io`.
    func lockHolder(_ path: String) throws(StorageError) -> DiskLockHolder?
}

/// A process that holds a lock.
package struct DiskLockHolder: Equatable, Sendable {
    /// `nil` when it left none.
    package let processID: Int?

    package init(processID: Int?) { self.processID = processID }
}

/// What an open file may be used for.
package enum DiskFileUse: Sendable {
    case reading
    case readingAndWriting
}

/// An open file; closed when it goes.
package protocol DiskFile: AnyObject {
    /// Size in octets.
    func size() throws(StorageError) -> Int

    /// Writes all of `bytes` at `offset`, growing the file if need be; not durable before `sync`.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StorageError)

    /// Reads from `offset` on.
    ///
    /// - Parameters:
    ///   - buffer: Filled as far as the file goes.
    ///   - offset: In octets from the start of the file.
    /// - Returns: How many octets were read; fewer than `buffer` holds only at the file's end.
    /// - Throws: `.io`.
    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(StorageError)
        -> Int

    /// Makes what was written durable, the size included (fdatasync).
    ///
    /// After it throws the file must not be used any more: the kernel may have dropped what it
    /// could not write and would report success the next time.
    func sync() throws(StorageError)

    /// Cuts or grows the file to `size` octets.
    func truncate(to size: Int) throws(StorageError)

    /// Grows the file to `size` octets if it has fewer: what is new reads as zeros, and writes
    /// within it do not run out of space where the file system can promise that.
    ///
    /// - Throws: `.diskFull` or `.io`; then the file has its old size, or some size in between.
    func reserve(_ size: Int) throws(StorageError)
}

/// A lock that is held until this goes.
package protocol DiskLock: AnyObject {
    /// Lets the lock go at once.
    func release()
}

extension DiskFile {
    /// Writes an array as `write(_:at:)` does.
    func write(_ bytes: [UInt8], at offset: Int) throws(StorageError) {
        let written: Result<Void, StorageError> = unsafe bytes.withUnsafeBytes { buffer in
            do throws(StorageError) {
                return .success(try unsafe write(buffer, at: offset))
            } catch {
                return .failure(error)
            }
        }
        try written.get()
    }

    /// The first octets of the file, at most `countMax`.
    func readStart(countMax: Int) throws(StorageError) -> [UInt8] {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: countMax, alignment: 8)
        defer { unsafe block.deallocate() }
        let count = try unsafe read(into: block, at: 0)
        return unsafe [UInt8](UnsafeRawBufferPointer(rebasing: block[..<count]))
    }
}
