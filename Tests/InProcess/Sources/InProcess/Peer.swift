import Wire

@testable import Broker

/// A client of the core, seen from the shell: its connection, and what a socket would hold.
public final class Peer {
    let connection: Connection
    var hasEntered = false
    /// Octets the connection has not consumed yet.
    var leftover: [UInt8] = []
    /// What came out of the connection, when `records`.
    public var received: [UInt8] = []
    /// Whether to keep what comes out.
    public var records = false
    /// Octets the socket takes before it is full; used up by sending.
    public var socketRoom = Int.max
    /// The connection was given back; the peer must not be used any more.
    public internal(set) var isGone = false

    init(_ connection: Connection) { self.connection = connection }

    /// Whether the connection has said its last.
    public var hasEnded: Bool {
        isGone || connection.state.phase == .ended || connection.state.phase == .closed
    }
}
