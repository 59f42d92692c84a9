import CLinux

/// The one owner of an open descriptor: closes it when it goes.
struct FileDescriptor: ~Copyable, Sendable {
    /// The number, for calls while the owner lives.
    let number: Int32

    /// Takes over an open descriptor.
    ///
    /// - Parameter number: As the kernel gave it; closed by nobody else from here on.
    init(owning number: Int32) {
        precondition(number >= 0, "not an open descriptor")
        self.number = number
    }

    deinit { Syscalls.close(number) }

    /// Gives the number away without closing it.
    consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }
}
