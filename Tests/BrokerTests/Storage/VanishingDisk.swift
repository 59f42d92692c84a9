@testable import Broker

/// A disk on which one file goes between listing and opening, as a running broker makes it go.
final class VanishingDisk: Disk {
    private let disk: any Disk
    private let vanished: String
    private var openCount = 0
    private let openCountMax: Int

    /// - Parameters:
    ///   - disk: Has the file.
    ///   - vanished: The file.
    ///   - openCountMax: How often it can be opened before it is gone.
    init(_ disk: any Disk, vanished: String, after openCountMax: Int = 0) {
        self.disk = disk
        self.vanished = vanished
        self.openCountMax = openCountMax
    }

    var path: String { disk.path }

    func list(_ directory: String) throws(StorageError) -> [String] { try disk.list(directory) }

    func makeDirectory(_ directory: String) throws(StorageError) {
        try disk.makeDirectory(directory)
    }

    func create(_ path: String, size: Int) throws(StorageError) -> any DiskFile {
        try disk.create(path, size: size)
    }

    func open(_ path: String, for use: DiskFileUse) throws(StorageError) -> any DiskFile {
        if path == vanished { openCount += 1 }
        if path == vanished, openCount > openCountMax {
            throw .io(operation: "open", path: path, errno: StorageError.noEntry)
        }
        return try disk.open(path, for: use)
    }

    func remove(_ path: String) throws(StorageError) { try disk.remove(path) }

    func removeDirectory(_ directory: String) throws(StorageError) {
        try disk.removeDirectory(directory)
    }

    func rename(_ path: String, to newPath: String) throws(StorageError) {
        try disk.rename(path, to: newPath)
    }

    func syncDirectory(_ directory: String) throws(StorageError) {
        try disk.syncDirectory(directory)
    }

    func freeSpace(_ directory: String) throws(StorageError) -> Int {
        try disk.freeSpace(directory)
    }

    func lock(_ path: String, owner: Int) throws(StorageError) -> any DiskLock {
        try disk.lock(path, owner: owner)
    }

    func lockHolder(_ path: String) throws(StorageError) -> DiskLockHolder? {
        try disk.lockHolder(path)
    }
}
