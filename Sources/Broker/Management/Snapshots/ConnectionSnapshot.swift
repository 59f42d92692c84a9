import Wire

/// A connection as inspection shows it, copied out of the core.
struct ConnectionSnapshot {
    /// What a connection is doing, in RabbitMQ's words.
    enum State: String {
        case running
        /// Told to stop publishing: the broker is short of something.
        case blocked
        /// Not read from until it takes what waits for it.
        case flow
        case closing
    }

    let peer: ConnectionPeer
    let node: String
    let user: String
    let virtualHost: [UInt8]
    let state: State
    let channelCount: Int
    let channelMax: Int
    let frameMax: Int
    /// Heartbeat interval in seconds.
    let timeout: Int
    let clientProperties: FieldTable
    let connectedAt: WallTime
    let authMechanism: String
    let received: MessageTotals.Entry
    let sent: MessageTotals.Entry
    /// Octets that wait to be sent.
    let sendPending: Int
}

extension ConnectionSnapshot: ListedSnapshot {
    var listName: [UInt8] { Array(peer.connectionName.utf8) }
    var listOrder: [[UInt8]] { [virtualHost, listName] }

    var json: JSONValue {
        var object = JSONObject([
            ("name", .string(peer.connectionName)), ("vhost", .text(virtualHost)),
            ("user", .string(user)), ("user_who_performed_action", .string(user)),
            ("node", .string(node)), ("state", .string(state.rawValue)), ("type", "network"),
            ("protocol", "AMQP 0-9-1"), ("auth_mechanism", .string(authMechanism)),
            ("host", .string(peer.localHost)), ("port", .integer(Int64(peer.localPort))),
            ("peer_host", .string(peer.host)), ("peer_port", .integer(Int64(peer.port))),
            ("ssl", false), ("ssl_protocol", .null), ("ssl_cipher", .null), ("ssl_hash", .null),
            ("ssl_key_exchange", .null), ("peer_cert_subject", .null), ("peer_cert_issuer", .null),
            ("peer_cert_validity", .null), ("channels", .count(channelCount)),
            ("channel_max", .count(channelMax)), ("frame_max", .count(frameMax)),
            ("timeout", .count(timeout)), ("client_properties", clientProperties.json),
            ("connected_at", .integer(connectedAt.milliseconds)),
        ])
        object.add("recv_oct", received)
        object.add("send_oct", sent)
        object.add("send_pend", .count(sendPending))
        return .object(object)
    }
}

extension ConnectionPeer {
    /// `connection_details` and `owner_pid_details`.
    var details: JSONValue {
        [
            "name": .string(connectionName), "peer_host": .string(host),
            "peer_port": .integer(Int64(port)),
        ]
    }
}
