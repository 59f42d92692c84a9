import Wire

/// A connection's socket, and what was read from it and not yet understood.
///
/// Belongs to one reactor and is touched by no other thread.
final class ConnectionDriver {
    let connection: Connection
    let descriptor: Int32
    let token: PollToken
    /// The virtual host it has entered, with the lock; `nil` during the handshake.
    var domain: VirtualHostDomain?
    /// Octets received and not consumed: usually less than a frame.
    var leftover: [UInt8] = []
    /// The socket may have more to read.
    var mayHaveInput = true
    /// It is on its reactor's list of connections to read from.
    var isListed = false
    /// The poller has said since the last look that the socket takes octets.
    var isWritableNoted = false
    /// Reading was held when last looked at under the lock.
    var isReadingHeld = false
    /// The connection had nothing more to say when last looked at under the lock.
    var hasEnded = false
    /// The peer has closed its side, after what is still to be read.
    var hasPeerClosed = false
    var stage = Stage.serving

    /// How far the socket's life has come.
    enum Stage {
        case serving
        /// All has been said and sent; what still comes is discarded until the peer closes.
        case lingering(until: Instant)
        /// The connection has left; its last flusher still holds it.
        case leaving
    }

    init(connection: Connection, descriptor: Int32, token: PollToken) {
        self.connection = connection
        self.descriptor = descriptor
        self.token = token
    }
}
