import Glibc

/// Closes removed files, large ones on a thread of its own.
///
/// The kernel gives a file's pages and blocks back when the last descriptor goes, which takes
/// milliseconds for a large one: too long for a thread that confirms wait for.
final class FileCloser {
    /// Below so many octets closing takes no longer than beginning a thread.
    private static let largeSize = 4 << 20
    /// Closes the file before; at most one at a time.
    private var thread: Thread?

    init() {}

    deinit { thread?.join() }

    /// Closes the descriptor of a file, some time.
    func close(_ descriptor: consuming FileDescriptor) {
        var information = stat()
        guard unsafe fstat(descriptor.number, &information) == 0,
            information.st_size >= Self.largeSize
        else { return }
        let number = descriptor.release()
        thread?.join()
        do throws(SystemError) {
            thread = try Thread(name: "brokerd-close") { Syscalls.close(number) }
        } catch {
            // Without a thread it only takes longer.
            thread = nil
            Syscalls.close(number)
        }
    }
}
