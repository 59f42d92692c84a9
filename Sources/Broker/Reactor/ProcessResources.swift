import CLinux
import Glibc

/// What the operating system grants this process.
package enum ProcessResources {
    /// Raises the soft limit on open descriptors to the hard one.
    ///
    /// - Returns: The limit now in force.
    /// - Throws: When the kernel refuses.
    package static func raiseDescriptorLimit() throws(SystemError) -> Int {
        var limit: UInt64 = 0
        if unsafe clinux_raise_descriptor_limit(&limit) != 0 {
            throw SystemError("cannot raise the limit on open files", .last)
        }
        return Int(clamping: limit)
    }

    /// Bounds the allocator's arenas; call before the first thread is started.
    ///
    /// - Parameter count: Threads share this many; each arena keeps memory of its own.
    package static func limitAllocatorArenas(to count: Int) {
        _ = clinux_set_arena_max(Int32(clamping: count))
    }

    /// Processors this process may run on, at least one.
    package static var processorCount: Int { max(1, Int(clinux_processor_count())) }

    /// Resident memory of this process in octets, or `nil` without a /proc.
    package static var residentBytes: Int? {
        let number = unsafe clinux_open_read("/proc/self/statm")
        if number < 0 { return nil }
        let file = FileDescriptor(owning: number)
        let text = unsafe withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
            guard case .done(let count) = unsafe Syscalls.read(file.number, into: buffer) else {
                return ""
            }
            return unsafe String(decoding: buffer[..<count], as: UTF8.self)
        }
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
        return pages * Int(getpagesize())
    }
}
