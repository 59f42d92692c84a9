import Wire

/// The one buffer a reactor receives into, with room in front for what was left over.
@safe
struct ReceiveBuffer: ~Copyable {
    /// Octets asked for in one go.
    static let receiveSize = 256 * 1024
    /// Most octets kept from before: a partial frame (`frame_max` is at most 512 KiB), and a whole
    /// buffer while reading is held.
    static let leftoverSizeMax = 768 * 1024 + 64
    /// With more left over nothing is received: there would not be room to keep all of it.
    static let fullLeftoverSizeMax = leftoverSizeMax - receiveSize

    private let base: UnsafeMutableRawPointer

    init() {
        unsafe base = .allocate(
            byteCount: ReceiveBuffer.leftoverSizeMax + ReceiveBuffer.receiveSize,
            alignment: 64
        )
    }

    deinit { unsafe base.deallocate() }

    /// Receives from a socket behind `leftover`.
    ///
    /// - Returns: How it went, and everything there is now.
    func receive(_ socket: Int32, after leftover: [UInt8]) -> (IOResult, ByteView) {
        let start = unsafe base + ReceiveBuffer.leftoverSizeMax
        let result = unsafe Syscalls.receive(
            socket,
            into: UnsafeMutableRawBufferPointer(start: start, count: ReceiveBuffer.receiveSize)
        )
        var count = 0
        if case .done(let received) = result { count = received }
        return (result, view(after: leftover, count: count))
    }

    /// Everything there is: what was left over, then what was received.
    func view(after leftover: [UInt8], count: Int) -> ByteView {
        precondition(leftover.count <= ReceiveBuffer.leftoverSizeMax, "too much left over")
        let start = unsafe base + ReceiveBuffer.leftoverSizeMax - leftover.count
        ByteView.with(leftover) { view in
            if view.count > 0 {
                unsafe start.copyMemory(from: view.base, byteCount: view.count)
            }
        }
        return unsafe ByteView(base: UnsafeRawPointer(start), count: leftover.count + count)
    }
}
