import Broker

/// A file of a `MemoryDisk`: what is durable, and what was done to it since.
final class MemoryFile: DiskFile {
    /// As a reader sees it.
    private(set) var content: [UInt8]
    /// Whether the process that opened it is gone.
    var isDead = false
    var path: String
    private unowned let disk: MemoryDisk
    private(set) var durable: [UInt8]
    private var changes: [Change] = []

    /// One change that is not durable.
    private enum Change {
        case write([UInt8], at: Int)
        case resize(to: Int)
    }

    init(path: String, content: [UInt8], on disk: MemoryDisk) {
        self.path = path
        self.disk = disk
        self.content = content
        durable = content
    }

    func size() throws(StorageError) -> Int { content.count }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StorageError) {
        try checkAlive("write")
        let growth = max(0, offset + bytes.count - content.count)
        guard disk.used + growth <= disk.capacity else { throw .diskFull(path: path) }
        let change = Change.write([UInt8](bytes), at: offset)
        Self.apply(change, to: &content)
        changes.append(change)
        try disk.count("write", path)
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(StorageError)
        -> Int
    {
        try checkAlive("read")
        let end = min(content.count, offset + buffer.count)
        guard offset < end else { return 0 }
        if let bad = disk.unreadable[path], bad.overlaps(offset..<end) {
            throw .io(operation: "read", path: path, errno: 5)
        }
        content[offset..<end].withUnsafeBytes { buffer.copyMemory(from: $0) }
        disk.readCount += end - offset
        return end - offset
    }

    func sync() throws(StorageError) {
        try checkAlive("sync")
        // The kernel takes pages it could not write for clean.
        if disk.willFailSync { changes = [] }
        try disk.countSync("sync", path)
        durable = content
        changes = []
    }

    func truncate(to size: Int) throws(StorageError) {
        try checkAlive("resize")
        resize(to: size)
        try disk.count("resize", path)
    }

    func reserve(_ size: Int) throws(StorageError) {
        try checkAlive("reserve")
        guard disk.used + size - content.count <= disk.capacity else {
            throw .diskFull(path: path)
        }
        if size > content.count { resize(to: size) }
        try disk.count("reserve", path)
    }

    func resize(to size: Int) {
        Self.apply(.resize(to: size), to: &content)
        changes.append(.resize(to: size))
    }

    /// What a crash leaves of it: of each change nothing, all, or some sectors.
    func afterCrash(using random: inout Seed, on disk: MemoryDisk) -> MemoryFile {
        var survived = durable
        for change in changes {
            switch (Int.random(in: 0..<3, using: &random), change) {
            case (0, _): continue
            case (1, .write(let bytes, let offset)):
                var start = 0
                while start < bytes.count {
                    let sectorEnd = (offset + start) / MemoryDisk.sectorSize + 1
                    let end = min(bytes.count, sectorEnd * MemoryDisk.sectorSize - offset)
                    if random.oneIn(2) {
                        let sector = Change.write(Array(bytes[start..<end]), at: offset + start)
                        Self.apply(sector, to: &survived)
                    }
                    start = end
                }
            default: Self.apply(change, to: &survived)
            }
        }
        return MemoryFile(path: path, content: survived, on: disk)
    }

    /// The same file for the next process; what is not durable still is not.
    func afterKill(on disk: MemoryDisk) -> MemoryFile {
        let file = MemoryFile(path: path, content: content, on: disk)
        file.durable = durable
        file.changes = changes
        return file
    }

    private func checkAlive(_ operation: String) throws(StorageError) {
        if isDead { throw .io(operation: operation, path: path, errno: 9) }
    }

    private static func apply(_ change: Change, to content: inout [UInt8]) {
        switch change {
        case .write(let bytes, let offset):
            if content.count < offset + bytes.count {
                content += [UInt8](repeating: 0, count: offset + bytes.count - content.count)
            }
            content.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        case .resize(let size):
            if size < content.count {
                content.removeSubrange(size...)
            } else {
                content += [UInt8](repeating: 0, count: size - content.count)
            }
        }
    }
}
