import Wire

/// Reading connections, channels and consumers.
extension ManagementHandler {
    func listConnections(
        in name: [UInt8]?,
        _ call: Call
    ) throws(ManagementError)
        -> ManagementResponse
    {
        var snapshots: [ConnectionSnapshot] = []
        for domain in try domains(name) {
            walk(domain).forEachConnection { connection in
                snapshots.append(call.inspection.snapshot(connection))
                return 1
            }
        }
        return try ManagementList.respond(snapshots, query: call.query)
    }

    func readConnection(
        _ name: [UInt8],
        _ call: Call
    ) throws(ManagementError)
        -> ManagementResponse
    {
        var snapshot: ConnectionSnapshot?
        forConnection(named: name) { connection in
            snapshot = call.inspection.snapshot(connection)
        }
        guard let snapshot else { throw .notFound }
        return ManagementResponse(snapshot.json, query: call.query)
    }

    func listChannels(
        in name: [UInt8]?,
        _ call: Call
    ) throws(ManagementError)
        -> ManagementResponse
    {
        var snapshots: [ChannelSnapshot] = []
        for domain in try domains(name) {
            walk(domain).forEachConnection { connection in
                connection.state.channels.forEach {
                    snapshots.append(call.inspection.snapshot($0))
                }
                return 1 + connection.state.channelCount
            }
        }
        return try ManagementList.respond(snapshots, query: call.query)
    }

    func listChannels(
        ofConnection name: [UInt8],
        _ call: Call
    ) throws(ManagementError)
        -> ManagementResponse
    {
        var snapshots: [ChannelSnapshot]?
        forConnection(named: name) { connection in
            var channels: [ChannelSnapshot] = []
            connection.state.channels.forEach { channels.append(call.inspection.snapshot($0)) }
            snapshots = channels
        }
        guard let snapshots else { throw .notFound }
        return try ManagementList.respond(snapshots, query: call.query)
    }

    func readChannel(_ name: [UInt8], _ call: Call) throws(ManagementError) -> ManagementResponse {
        let text = String(decoding: name, as: UTF8.self)
        guard let space = text.lastIndex(of: " ") else { throw .notFound }
        var snapshot: ChannelSnapshot?
        forConnection(named: Array(text[..<space].utf8)) { connection in
            connection.state.channels.forEach { channel in
                guard "(\(channel.state.number))" == text[text.index(after: space)...] else {
                    return
                }
                var found = call.inspection.snapshot(channel)
                found.consumers = channel.state.consumers.map { call.inspection.snapshot($0) }
                snapshot = found
            }
        }
        guard let snapshot else { throw .notFound }
        return ManagementResponse(snapshot.json, query: call.query)
    }

    func listConsumers(
        in name: [UInt8]?,
        _ call: Call
    ) throws(ManagementError)
        -> ManagementResponse
    {
        var snapshots: [ConsumerSnapshot] = []
        for domain in try domains(name) {
            walk(domain).forEachQueue { queue in
                for consumer in queue.state.consumers {
                    snapshots.append(call.inspection.snapshot(consumer))
                }
                return 1 + queue.state.consumers.count
            }
        }
        return try ManagementList.respond(snapshots, query: call.query)
    }

    /// Calls `body` with the connection of that name, if there is one, under its lock.
    private func forConnection(named name: [UInt8], _ body: (Connection) -> Void) {
        let wanted = String(decoding: name, as: UTF8.self)
        for domain in registry.all {
            walk(domain).forEachConnection { connection in
                if connection.state.peer.connectionName == wanted { body(connection) }
                return 1
            }
        }
    }
}
