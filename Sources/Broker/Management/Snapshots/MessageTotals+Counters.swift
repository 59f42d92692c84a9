extension MessageTotals {
    /// A queue's counters.
    init(_ counters: QueueCounters, _ rates: QueueRates) {
        publish = Entry(count: counters.published, rate: rates.published)
        deliver = Entry(count: counters.delivered, rate: rates.delivered)
        deliverNoAck = Entry(count: counters.deliveredNoAck, rate: rates.deliveredNoAck)
        get = Entry(count: counters.got, rate: rates.got)
        getNoAck = Entry(count: counters.gotNoAck, rate: rates.gotNoAck)
        getEmpty = Entry(count: counters.getEmpty, rate: rates.getEmpty)
        ack = Entry(count: counters.acked, rate: rates.acked)
        redeliver = Entry(count: counters.redelivered, rate: rates.redelivered)
    }

    /// A channel's counters.
    init(_ counters: ChannelCounters, _ rates: ChannelRates) {
        publish = Entry(count: counters.published, rate: rates.published)
        confirm = Entry(count: counters.confirmed, rate: rates.confirmed)
        returnUnroutable = Entry(count: counters.returned, rate: rates.returned)
        dropUnroutable = Entry(count: counters.unroutableDropped, rate: rates.unroutableDropped)
        deliver = Entry(count: counters.delivered, rate: rates.delivered)
        deliverNoAck = Entry(count: counters.deliveredNoAck, rate: rates.deliveredNoAck)
        get = Entry(count: counters.got, rate: rates.got)
        getNoAck = Entry(count: counters.gotNoAck, rate: rates.gotNoAck)
        getEmpty = Entry(count: counters.getEmpty, rate: rates.getEmpty)
        ack = Entry(count: counters.acked, rate: rates.acked)
        redeliver = Entry(count: counters.redelivered, rate: rates.redelivered)
    }

    /// A virtual host's counters.
    init(_ counters: VirtualHostCounters, _ rates: VirtualHostRates) {
        publish = Entry(count: counters.published, rate: rates.published)
        confirm = Entry(count: counters.confirmed, rate: rates.confirmed)
        returnUnroutable = Entry(
            count: counters.unroutableReturned,
            rate: rates.unroutableReturned
        )
        dropUnroutable = Entry(count: counters.unroutableDropped, rate: rates.unroutableDropped)
        deliver = Entry(count: counters.delivered, rate: rates.delivered)
        deliverNoAck = Entry(count: counters.deliveredNoAck, rate: rates.deliveredNoAck)
        get = Entry(count: counters.got, rate: rates.got)
        getNoAck = Entry(count: counters.gotNoAck, rate: rates.gotNoAck)
        getEmpty = Entry(count: counters.getEmpty, rate: rates.getEmpty)
        ack = Entry(count: counters.acked, rate: rates.acked)
        redeliver = Entry(count: counters.redelivered, rate: rates.redelivered)
    }
}
