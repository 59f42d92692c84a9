import CLinux
import Glibc

/// A thread of the operating system with a name; joined once.
final class Thread: Sendable {
    private let handle: pthread_t

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: Shown by top and debuggers, cut to 15 octets: `brokerd-io-0`.
    ///   - body: Runs once on the new thread.
    /// - Throws: When the system has no room for another thread.
    init(name: String, body: @escaping @Sendable () -> Void) throws(SystemError) {
        let start = Start(name: String(decoding: name.utf8.prefix(15), as: UTF8.self), body: body)
        let opaque = unsafe Unmanaged.passRetained(start)
        var handle = pthread_t()
        let error = unsafe pthread_create(
            &handle,
            nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                unsafe clinux_name_thread(start.name)
                start.body()
                return nil
            },
            opaque.toOpaque()
        )
        if error != 0 {
            unsafe opaque.release()
            throw SystemError("cannot start thread \(name)", ErrorNumber(rawValue: error))
        }
        self.handle = handle
    }

    /// Waits until the thread has ended; not to be called again.
    func join() {
        let error = pthread_join(handle, nil)
        precondition(error == 0, "cannot join: \(ErrorNumber(rawValue: error))")
    }

    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}
