import Broker

/// A disk in memory that forgets, tears and fails like a real one, from a seed.
///
/// What was not synced is lost in a crash, or survives, each write on its own and in pieces of a
/// sector, so in any order; the same goes for changes of names. It can be full, fail a sync, and
/// stop at any operation, as a process does that is killed or a machine that loses power.
package final class MemoryDisk: Disk {
    /// What a device writes in one piece, in octets.
    static let sectorSize = 512

    package let path = "disk"
    /// Operations that change something, so far; what `stopsAt` counts.
    package private(set) var operationCount = 0
    /// Syncs of files and directories so far.
    package private(set) var syncCount = 0
    /// Octets read so far.
    package internal(set) var readCount = 0
    /// From this operation on, every one fails, this one after it was half done.
    package var stopsAt: Int?
    /// Which sync fails, counted from 1; what it should have made durable is dropped.
    package var failingSync: Int?
    /// Octets all files together may have.
    package var capacity = Int.max
    /// Files that cannot be read, for bad sectors: path to offsets.
    package var unreadable: [String: Range<Int>] = [:]

    private var random: Seed
    private var names: [String: MemoryFile] = [:]
    private var durableNames: [String: MemoryFile] = [:]
    private var changes: [NameChange] = []
    /// Removed, but that has not been synced.
    private var removedDirectories: Set<String> = []
    private var directories: Set<String> = [""]
    private var locks: [String: (owner: Int, number: Int)] = [:]
    private var lockCount = 0

    /// One change of the names that is not durable.
    private struct NameChange {
        let path: String
        let file: MemoryFile?
    }

    /// An empty disk.
    package init(seed: UInt64 = 1) { random = Seed(seed) }

    // MARK: - Faults

    /// The machine stops and starts again: what was not durable is lost, wholly or in part.
    ///
    /// Files that are still open belong to the dead process and fail from here on.
    package func crash() {
        var survivors = durableNames
        for change in survivingChanges() { survivors[change.path] = change.file }
        var reopened: [String: MemoryFile] = [:]
        for (path, file) in survivors.sorted(by: { $0.key < $1.key }) {
            reopened[path] = file.afterCrash(using: &random, on: self)
        }
        for file in names.values { file.isDead = true }
        names = reopened
        durableNames = reopened
        changes = []
        // The removal of a directory comes undone if that of a file in it does.
        directories.formUnion(names.keys.map(Self.parent).filter(removedDirectories.contains))
        removedDirectories = []
        locks = [:]
        stopsAt = nil
    }

    /// Those up to some point, as journaling file systems do; or any, for a path in order, which is
    /// all that POSIX allows to rely on.
    private func survivingChanges() -> [NameChange] {
        if random.oneIn(2) {
            return Array(changes.prefix(Int.random(in: 0...changes.count, using: &random)))
        }
        var dropped: Set<String> = []
        return changes.filter { change in
            if random.oneIn(2) { dropped.insert(change.path) }
            return !dropped.contains(change.path)
        }
    }

    /// The process is killed and the machine goes on: nothing written is lost.
    package func kill() {
        var successors: [ObjectIdentifier: MemoryFile] = [:]
        for file in names.values {
            successors[ObjectIdentifier(file)] = file.afterKill(on: self)
            file.isDead = true
        }
        func successor(_ file: MemoryFile) -> MemoryFile {
            successors[ObjectIdentifier(file)] ?? file
        }
        names = names.mapValues(successor)
        durableNames = durableNames.mapValues(successor)
        changes = changes.map { NameChange(path: $0.path, file: $0.file.map(successor)) }
        locks = [:]
        stopsAt = nil
    }

    /// An independent disk with the same content, all of it durable.
    package func copy(seed: UInt64 = 1) -> MemoryDisk {
        let copy = MemoryDisk(seed: seed)
        for (path, file) in names {
            copy.names[path] = MemoryFile(path: path, content: file.content, on: copy)
        }
        copy.durableNames = copy.names
        copy.directories = directories
        return copy
    }

    /// An independent disk with what a crash leaves for certain: nothing that was not synced.
    package func durableCopy() -> MemoryDisk {
        let copy = MemoryDisk()
        for (path, file) in durableNames {
            copy.names[path] = MemoryFile(path: path, content: file.durable, on: copy)
        }
        copy.durableNames = copy.names
        copy.directories = directories
        return copy
    }

    // MARK: - Content, for tests

    /// Octets in all files.
    package var capacityUsed: Int { used }

    /// The paths of all files, sorted.
    package var paths: [String] { names.keys.sorted() }

    /// What a file holds; a file that does not exist is a slip in the test.
    package subscript(path: String) -> [UInt8] {
        get {
            guard let file = names[path] else { preconditionFailure("no file \(path)") }
            return file.content
        }
        set {
            let file = MemoryFile(path: path, content: newValue, on: self)
            names[path] = file
            durableNames[path] = file
        }
    }

    /// Removes a file behind the back of whoever uses it.
    package func lose(_ path: String) {
        names[path] = nil
        durableNames[path] = nil
        changes.removeAll { $0.path == path }
    }

    // MARK: - Disk

    package func list(_ directory: String) throws(StorageError) -> [String] {
        let prefix = directory.isEmpty ? "" : directory + "/"
        let inside = names.keys.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count) }
        let folders = directories.filter { $0.hasPrefix(prefix) && $0 != directory }
            .map { $0.dropFirst(prefix.count) }
        return (inside + folders).filter { !$0.contains("/") && !$0.isEmpty }.map(String.init)
            .sorted()
    }

    package func makeDirectory(_ directory: String) throws(StorageError) {
        if directories.contains(directory) { return }
        // Directories do not get lost here: whatever makes one syncs its parent.
        directories.insert(directory)
        try count("make directory", directory)
    }

    package func removeDirectory(_ directory: String) throws(StorageError) {
        guard directories.contains(directory) else { return }
        guard try list(directory).isEmpty else {
            throw .io(operation: "remove directory", path: directory, errno: 39)
        }
        directories.remove(directory)
        removedDirectories.insert(directory)
        try count("remove directory", directory)
    }

    package func create(_ path: String, size: Int) throws(StorageError) -> any DiskFile {
        guard directories.contains(Self.parent(of: path)) else {
            throw .io(operation: "create", path: path, errno: 2)
        }
        guard used - (names[path]?.content.count ?? 0) + size <= capacity else {
            throw .diskFull(path: path)
        }
        let file: MemoryFile
        if let existing = names[path] {
            file = existing
            file.resize(to: 0)
        } else {
            file = MemoryFile(path: path, content: [], on: self)
            names[path] = file
            changes.append(NameChange(path: path, file: file))
        }
        if size > 0 { file.resize(to: size) }
        try count("create", path)
        return file
    }

    package func open(_ path: String, for use: DiskFileUse) throws(StorageError) -> any DiskFile {
        guard let file = names[path] else {
            throw .io(operation: "open", path: path, errno: 2)
        }
        return file
    }

    package func remove(_ path: String) throws(StorageError) {
        guard names[path] != nil else { throw .io(operation: "remove", path: path, errno: 2) }
        names[path] = nil
        changes.append(NameChange(path: path, file: nil))
        try count("remove", path)
    }

    package func rename(_ path: String, to newPath: String) throws(StorageError) {
        guard let file = names[path] else {
            throw .io(operation: "rename", path: path, errno: 2)
        }
        names[path] = nil
        names[newPath] = file
        file.path = newPath
        changes.append(NameChange(path: newPath, file: file))
        changes.append(NameChange(path: path, file: nil))
        try count("rename", path)
    }

    package func syncDirectory(_ directory: String) throws(StorageError) {
        try countSync("sync", directory)
        for change in changes where Self.parent(of: change.path) == directory {
            durableNames[change.path] = change.file
        }
        changes.removeAll { Self.parent(of: $0.path) == directory }
        // With a directory goes what was in it.
        let gone = removedDirectories.filter { Self.parent(of: $0) == directory }
        guard !gone.isEmpty else { return }
        removedDirectories.subtract(gone)
        durableNames = durableNames.filter { !gone.contains(Self.parent(of: $0.key)) }
        changes.removeAll { gone.contains(Self.parent(of: $0.path)) }
    }

    package func freeSpace(_ directory: String) throws(StorageError) -> Int { capacity - used }

    package func lock(_ path: String, owner: Int) throws(StorageError) -> any DiskLock {
        if let lock = locks[path] {
            throw .locked(directory: self.path, processID: lock.owner)
        }
        lockCount += 1
        let number = lockCount
        locks[path] = (owner, number)
        return MemoryLock { [weak self] in
            if self?.locks[path]?.number == number { self?.locks[path] = nil }
        }
    }

    package func lockHolder(_ path: String) throws(StorageError) -> DiskLockHolder? {
        locks[path].map { DiskLockHolder(processID: $0.owner) }
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return String(path[..<slash])
    }

    // MARK: - Counting

    /// Octets in all files.
    package var usedSize: Int { used }

    var used: Int { names.values.reduce(0) { $0 + $1.content.count } }

    /// Counts an operation that was just done; throws if the machine stops here.
    func count(_ operation: String, _ path: String) throws(StorageError) {
        operationCount += 1
        if hasStopped {
            throw .io(operation: operation, path: path, errno: 5)
        }
    }

    /// Whether the machine has stopped.
    package var hasStopped: Bool { stopsAt.map { operationCount >= $0 } ?? false }

    /// Whether it was its fault that the last operation failed.
    package var isAtFault: Bool { hasStopped || syncCount == failingSync }

    /// Whether the next sync is the one that fails.
    var willFailSync: Bool { syncCount + 1 == failingSync }

    /// Counts a sync that is to be done; throws if it fails.
    func countSync(_ operation: String, _ path: String) throws(StorageError) {
        syncCount += 1
        try count(operation, path)
        if syncCount == failingSync { throw .io(operation: operation, path: path, errno: 5) }
    }
}

/// A lock of a `MemoryDisk`.
private final class MemoryLock: DiskLock {
    private var onRelease: (() -> Void)?

    init(onRelease: @escaping () -> Void) { self.onRelease = onRelease }

    deinit { release() }

    func release() {
        onRelease?()
        onRelease = nil
    }
}
