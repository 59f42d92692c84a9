/// Every bound of the broker in one place: tables, buffers, names, depths, times.
///
/// A value that is passed in, never a global. Sizes are in octets unless they say otherwise.
struct Limits: Sendable, Equatable {
    /// Channels a client may open on one connection (connection.tune).
    var channelMax = 2047
    /// Largest frame, its head and end included (connection.tune).
    var frameMax = 131_072
    /// Smallest `frame_max` a client may ask for (AMQP 0-9-1 §4.2.3).
    static let frameMaxMin = 4096
    /// Largest frame payload before tuning.
    var handshakeFrameMax = 4096
    /// Proposed heartbeat interval in seconds; 0 is off.
    var heartbeatSeconds = 60
    /// How long a delivery may stay unacknowledged before its channel is closed; zero for ever.
    var consumerTimeout = Duration.seconds(1800)
    /// From the first octet to connection.open.
    var handshakeTimeout = Duration.seconds(10)
    /// How long an answer to connection.close is awaited.
    var closeTimeout = Duration.seconds(30)
    /// Largest message body (RabbitMQ: max_message_size).
    var messageSizeMax = 134_217_728
    /// From this many octets waiting for a connection on, its consumers get nothing more.
    var outboundSizeHigh = 256 * 1024
    /// From this many on, nothing more is read from it either.
    var outboundSizeMax = 4 * 1024 * 1024
    /// Octets of messages kept in memory in each virtual host; beyond it they are paged out.
    var messageMemoryMax = 128 << 20
    /// Policies and operator policies in a virtual host.
    var policyCountMax = 1024
    /// Answers to management requests that wait for the disk; beyond that they are dropped.
    var waitingAnswerCountMax = 1024
    /// Connections at once; `nil` leaves it to the limit on open files.
    var connectionMax: Int?
    /// Connections the kernel keeps waiting per listener.
    var listenBacklog = 1024
    /// Connections accepted per turn and listener, so that a storm does not hold up a signal.
    static let acceptCountPerTurn = 64
    /// Size of a journal segment's file; a larger record gets one of its own size.
    var journalSegmentSize = 64 << 20
    /// Size of a file of a stream that does not say another one.
    var streamSegmentSize = 64 << 20
    /// Live messages are counted by stretches of the journal of 2 to this power.
    var journalStretchShift: UInt64 = 20
    /// The topology is described anew when this much of the journal is kept for it alone.
    var journalDescriptionInterval: UInt64 = 64 << 20
    /// From this much that the journal has not taken on, who publishes is read no more.
    ///
    /// What one turn adds still fits into a buffer of 16 MiB.
    var journalBacklogMax = 12 << 20
    /// What confirms wait for.
    var sync = SyncPolicy.confirm
    /// How long records may lie unsynced with the policy `interval`.
    var syncInterval = Duration.seconds(1)
    /// With fewer octets free on the disk of the data directory publishers are held back.
    ///
    /// Not less than a segment, so that it is noticed before a segment cannot be made.
    var diskFreeLimit = 64 << 20
    /// How long a stop waits for answers to connection.close and for the last octets to leave.
    var shutdownTimeout = Duration.seconds(5)
}
