import CLinux
import Glibc

/// An error number of the operating system.
struct ErrorNumber: Equatable, Sendable, CustomStringConvertible {
    let rawValue: Int32

    /// What the calling thread's last failed call left behind.
    static var last: Self { Self(rawValue: errno) }

    /// The system's sentence for it, such as "Address already in use".
    var description: String {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            guard let start = buffer.baseAddress,
                unsafe clinux_error_text(rawValue, start, buffer.count) == 0
            else { return "error \(rawValue)" }
            return unsafe String(cString: start)
        }
    }
}

/// A system call that failed for a reason outside this process.
package struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was attempted, for people: "cannot listen on 127.0.0.1:5672".
    let attempt: String
    /// Why it failed, for people.
    let reason: String
    /// Why it failed, for programs; `nil` when the resolver said no.
    let number: ErrorNumber?

    /// Attempt and reason as one clause.
    package var description: String { "\(attempt): \(reason)" }

    init(_ attempt: String, _ number: ErrorNumber) {
        self.attempt = attempt
        self.number = number
        reason = number.description
    }

    init(_ attempt: String, reason: String) {
        self.attempt = attempt
        self.reason = reason
        number = nil
    }
}
