extension MessageTotals {
    /// What an object has counted, and its rates.
    init(_ counters: MessageCounters, _ rates: MessageRates) {
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
}
