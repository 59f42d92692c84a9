import CLinux
import Glibc

/// A directory of the operating system's file system.
package final class PosixDisk: Disk {
    package let path: String
    private let closer = FileCloser()

    /// - Parameter path: Of an existing directory, absolute or relative to the working directory.
    package init(path: String) { self.path = path }

    package func list(_ directory: String) throws(StorageError) -> [String] {
        guard let stream = unsafe opendir(full(directory)) else {
            if errno == ENOENT { return [] }
            throw failure("list", directory)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { octets in
                unsafe String(decoding: octets.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        if errno != 0 { throw failure("list", directory) }
        return names.sorted()
    }

    package func makeDirectory(_ directory: String) throws(StorageError) {
        if unsafe mkdir(full(directory), 0o750) != 0, errno != EEXIST {
            throw failure("make directory", directory)
        }
    }

    package func create(_ path: String, size: Int) throws(StorageError) -> any DiskFile {
        let flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC
        let file = try open(path, flags, "create")
        guard size > 0 else { return file }
        do throws(StorageError) {
            try file.reserve(size)
        } catch {
            if unsafe unlink(full(path)) != 0 { throw failure("remove", path) }
            throw error
        }
        return file
    }

    package func open(_ path: String, for use: DiskFileUse) throws(StorageError) -> any DiskFile {
        let mode = use == .reading ? O_RDONLY : O_RDWR
        return try open(path, mode | O_CLOEXEC, "open")
    }

    package func remove(_ path: String) throws(StorageError) {
        // Open, the file keeps its pages and blocks when its name goes.
        let number = unsafe Glibc.open(full(path), O_RDONLY | O_CLOEXEC)
        if unsafe unlink(full(path)) != 0 {
            let failure = failure("remove", path)
            if number >= 0 { Syscalls.close(number) }
            throw failure
        }
        if number >= 0 { closer.close(FileDescriptor(owning: number)) }
    }

    package func removeDirectory(_ directory: String) throws(StorageError) {
        if unsafe rmdir(full(directory)) != 0, errno != ENOENT {
            throw failure("remove directory", directory)
        }
    }

    package func rename(_ path: String, to newPath: String) throws(StorageError) {
        if unsafe Glibc.rename(full(path), full(newPath)) != 0 { throw failure("rename", path) }
    }

    package func syncDirectory(_ directory: String) throws(StorageError) {
        let descriptor = unsafe Glibc.open(
            full(directory),
            O_RDONLY | Glibc.O_DIRECTORY | O_CLOEXEC
        )
        guard descriptor >= 0 else { throw failure("open", directory) }
        let file = FileDescriptor(owning: descriptor)
        if fsync(file.number) != 0 { throw failure("sync", directory) }
    }

    package func freeSpace(_ directory: String) throws(StorageError) -> Int {
        var information = statvfs()
        guard unsafe statvfs(full(directory), &information) == 0 else {
            throw failure("inspect", directory)
        }
        return Int(clamping: information.f_bavail) * Int(clamping: information.f_frsize)
    }

    package func lock(_ path: String, owner: Int) throws(StorageError) -> any DiskLock {
        let file = try open(path, O_RDWR | O_CREAT | O_CLOEXEC, "open")
        var tries = 1
        while clinux_lock_file(file.number) != 0 {
            guard errno == EWOULDBLOCK else { throw failure("lock", path) }
            // Somebody may only be looking who holds it, which takes microseconds.
            if tries == PosixDisk.lockTryCount {
                throw .locked(directory: self.path, processID: try processID(in: file))
            }
            tries += 1
            usleep(10_000)
        }
        try file.truncate(to: 0)
        try file.write(Array("\(owner)\n".utf8), at: 0)
        return PosixLock(file)
    }

    package func lockHolder(_ path: String) throws(StorageError) -> DiskLockHolder? {
        let file: PosixFile
        do throws(StorageError) {
            file = try open(path, O_RDONLY | O_CLOEXEC, "open")
        } catch {
            if error.isNoEntry { return nil }
            throw error
        }
        if clinux_share_file(file.number) == 0 { return nil }
        guard errno == EWOULDBLOCK else { throw failure("lock", path) }
        return DiskLockHolder(processID: try processID(in: file))
    }

    private static let lockTryCount = 10

    private func processID(in file: PosixFile) throws(StorageError) -> Int? {
        let text = String(decoding: try file.readStart(countMax: 20), as: UTF8.self)
        return text.split(separator: "\n").first.flatMap { Int($0) }
    }

    private func open(
        _ path: String,
        _ flags: Int32,
        _ operation: String
    )
        throws(StorageError) -> PosixFile
    {
        let descriptor = unsafe Glibc.open(full(path), flags, 0o640)
        guard descriptor >= 0 else { throw failure(operation, path) }
        return PosixFile(FileDescriptor(owning: descriptor), path: full(path))
    }

    private func full(_ relative: String) -> String {
        relative.isEmpty ? path : "\(path)/\(relative)"
    }

    private func failure(_ operation: String, _ relative: String) -> StorageError {
        StorageError(operation, full(relative), errno)
    }
}

/// A file of the operating system.
private final class PosixFile: DiskFile {
    private let descriptor: FileDescriptor
    private let path: String

    init(_ descriptor: consuming FileDescriptor, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    var number: Int32 { descriptor.number }

    func size() throws(StorageError) -> Int {
        var information = stat()
        if unsafe fstat(number, &information) != 0 { throw StorageError("inspect", path, errno) }
        return Int(information.st_size)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StorageError) {
        var written = 0
        while written < bytes.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = Syscalls.retrying {
                unsafe pwrite(number, rest.baseAddress, rest.count, offset + written)
            }
            guard count > 0 else {
                throw StorageError("write", path, count == 0 ? ENOSPC : errno)
            }
            written += count
        }
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(StorageError)
        -> Int
    {
        var filled = 0
        while filled < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = Syscalls.retrying {
                unsafe pread(number, rest.baseAddress, rest.count, offset + filled)
            }
            if count < 0 { throw StorageError("read", path, errno) }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    func sync() throws(StorageError) {
        if Syscalls.retrying({ fdatasync(number) }) != 0 { throw StorageError("sync", path, errno) }
    }

    func truncate(to size: Int) throws(StorageError) {
        if Syscalls.retrying({ ftruncate(number, size) }) != 0 {
            throw StorageError("resize", path, errno)
        }
    }

    func reserve(_ size: Int) throws(StorageError) {
        while true {
            let error = posix_fallocate(number, 0, size)
            if error == 0 { return }
            if error != EINTR { throw StorageError("reserve space for", path, error) }
        }
    }
}

/// A lock on a file, which closing it gives up.
private final class PosixLock: DiskLock {
    private var file: PosixFile?

    init(_ file: PosixFile) { self.file = file }

    func release() { file = nil }
}

extension StorageError {
    /// Tells a full disk from everything else.
    fileprivate init(_ operation: String, _ path: String, _ number: Int32) {
        self =
            number == ENOSPC || number == EDQUOT
            ? .diskFull(path: path) : .io(operation: operation, path: path, errno: number)
    }
}
