import Wire

/// Where to connect, as whom, and with which limits.
public struct ConnectionOptions: Hashable, Sendable {
    /// Name or address of the broker's machine.
    public var host = "127.0.0.1"
    public var port: UInt16 = 5672
    public var user = "guest"
    public var password = "guest"
    /// The virtual host to open.
    public var virtualHost: ShortString = "/"
    /// Proposed heartbeat in seconds; the broker's proposal wins when it is smaller, 0 is none.
    public var heartbeatSeconds: UInt16 = 60
    /// Proposed largest frame in octets, at least `Frame.minMax`.
    public var frameMax: UInt32 = 131_072
    /// Proposed number of channels.
    public var channelMax: UInt16 = 2047
    /// Bound on connecting and on the handshake, each.
    public var timeout: Duration = .seconds(10)
    /// Bound on waiting for the broker's answer when closing.
    public var closeTimeout: Duration = .seconds(10)
    /// What the broker shows as the connection's name; `nil` sends none.
    public var connectionName: String?
    /// Further client properties, shown by the broker as they are.
    public var clientProperties = FieldTable()
    /// Octets that may wait to be sent before publishing suspends.
    public var outboundBytesMax = 1 << 20
    /// Deliveries a consumer may leave unread before the connection stops reading.
    public var unreadDeliveriesMax = 2048
    /// Octets of bodies a consumer may leave unread before the connection stops reading.
    public var unreadBytesMax = 8 << 20

    /// The broker on this machine, as guest.
    public init() {}

    /// Host and port, as shown to people.
    public var address: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
