import CLinux
import Glibc

/// The signals brokerd answers, read like any other input instead of interrupting a thread.
///
/// Opened on the main thread before any other starts: the others inherit the blocked mask.
package struct SignalDescriptor: ~Copyable, Sendable {
    /// A signal with a meaning here.
    package enum Signal: Equatable, Sendable {
        /// SIGTERM or SIGINT: stop.
        case stop
        /// SIGHUP: reserved.
        case hangUp
    }

    private let descriptor: FileDescriptor

    /// Blocks SIGTERM, SIGINT and SIGHUP in this thread and opens the descriptor; SIGPIPE and
    /// SIGXFSZ are ignored from here on: writing to a gone peer, or beyond the limit on the size of
    /// files, has a result and needs no signal.
    package init() throws(SystemError) {
        for signal in [SIGPIPE, SIGXFSZ] { clinux_ignore_signal(signal) }
        let signals = [SIGTERM, SIGINT, SIGHUP]
        let number = unsafe signals.withUnsafeBufferPointer { signals in
            unsafe clinux_signal_descriptor(signals.baseAddress, Int32(signals.count))
        }
        if number < 0 { throw SystemError("cannot open a signalfd", .last) }
        descriptor = FileDescriptor(owning: number)
    }

    var number: Int32 { descriptor.number }

    /// Takes the next signal that has arrived, or `nil`.
    func next() -> Signal? {
        var information = signalfd_siginfo()
        let result = unsafe withUnsafeMutableBytes(of: &information) { bytes in
            unsafe Syscalls.read(number, into: bytes)
        }
        guard case .done = result else { return nil }
        return Int32(information.ssi_signo) == SIGHUP ? .hangUp : .stop
    }
}
