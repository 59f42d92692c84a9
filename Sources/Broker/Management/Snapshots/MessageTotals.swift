/// What has happened to messages at one object since it came to be, and how fast it happens now.
///
/// One shape for queues, channels and virtual hosts; each kind shows the members RabbitMQ shows
/// for it, and none of them while nothing has happened.
struct MessageTotals: Equatable, Sendable {
    /// A sum and its rate per second.
    struct Entry: Equatable, Sendable {
        var count: UInt64 = 0
        var rate = 0.0
    }

    var publish = Entry()
    var confirm = Entry()
    var returnUnroutable = Entry()
    var dropUnroutable = Entry()
    var deliver = Entry()
    var deliverNoAck = Entry()
    var get = Entry()
    var getNoAck = Entry()
    var getEmpty = Entry()
    var ack = Entry()
    var redeliver = Entry()

    /// Everything handed to clients: deliver, deliver_no_ack, get and get_no_ack together.
    var deliverGet: Entry {
        Entry(
            count: deliver.count &+ deliverNoAck.count &+ get.count &+ getNoAck.count,
            rate: deliver.rate + deliverNoAck.rate + get.rate + getNoAck.rate
        )
    }
}

extension MessageTotals {
    /// `message_stats` of a queue; `nil` while nothing has happened.
    var queueStats: JSONValue? {
        Self.stats([("publish", publish)] + consuming)
    }

    /// `message_stats` of a channel: what it published, what it was handed, or both.
    var channelStats: JSONValue? {
        let published = publishing.contains { $0.1.count > 0 } ? publishing : []
        let consumed = consuming.contains { $0.1.count > 0 } ? consuming : []
        return Self.stats(published + consumed)
    }

    /// `message_stats` of a virtual host, and of the whole broker.
    var virtualHostStats: JSONValue? {
        Self.stats(publishing + consuming)
    }

    private var publishing: [(String, Entry)] {
        [
            ("publish", publish), ("confirm", confirm), ("return_unroutable", returnUnroutable),
            ("drop_unroutable", dropUnroutable),
        ]
    }

    private var consuming: [(String, Entry)] {
        [
            ("deliver", deliver), ("deliver_no_ack", deliverNoAck), ("get", get),
            ("get_no_ack", getNoAck), ("get_empty", getEmpty), ("ack", ack),
            ("redeliver", redeliver), ("deliver_get", deliverGet),
        ]
    }

    private static func stats(_ entries: [(String, Entry)]) -> JSONValue? {
        guard entries.contains(where: { $0.1.count > 0 }) else { return nil }
        var object = JSONObject()
        for (name, entry) in entries { object.add(name, entry) }
        return .object(object)
    }
}

extension JSONObject {
    /// Adds a counter and, beside it, `NAME_details` with its rate per second.
    mutating func add(_ name: String, _ entry: MessageTotals.Entry) {
        add(name, .count(entry.count))
        addRate(name, entry.rate)
    }

    /// Adds `NAME_details` with a rate per second.
    mutating func addRate(_ name: String, _ rate: Double) {
        add(name + "_details", ["rate": .double(rate)])
    }
}
