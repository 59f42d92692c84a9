import Synchronization

/// What a benchmark found.
struct BenchReport {
    let published: Int
    let confirmed: Int
    let refused: Int
    let consumed: Int
    let publishSeconds: Double
    let consumeSeconds: Double
    let deliveryLatency: LatencyHistogram
    let confirmLatency: LatencyHistogram
    let plan: BenchPlan

    private static let shares: [(name: String, json: String, share: Double)] = [
        ("p50", "p50", 0.5), ("p90", "p90", 0.9), ("p99", "p99", 0.99),
        ("p99.9", "p99_9", 0.999),
    ]

    private func perSecond(_ count: Int, _ seconds: Double) -> Double {
        seconds > 0 ? Double(count) / seconds : 0
    }

    /// For people.
    var text: String {
        var throughput = Table([
            .text("MESSAGES"), .number("COUNT"), .number("RATE"), .number("BYTES"),
        ])
        func add(_ name: String, _ count: Int, _ seconds: Double) {
            let rate = perSecond(count, seconds)
            throughput.add([
                name, HumanNumber.count(count), HumanNumber.rate(rate),
                HumanNumber.bytes(Int(rate) * plan.size) + "/s",
            ])
        }
        if plan.publishers > 0 { add("published", published, publishSeconds) }
        if plan.confirmWindow != nil { add("confirmed", confirmed, publishSeconds) }
        if refused > 0 { add("refused", refused, publishSeconds) }
        if plan.consumers > 0 { add("consumed", consumed, consumeSeconds) }
        var latency = Table(
            [.text("LATENCY")] + Self.shares.map { .number($0.name.uppercased()) }
                + [.number("MAX")]
        )
        for (name, histogram) in [("delivery", deliveryLatency), ("confirm", confirmLatency)]
        where histogram.sampleCount > 0 {
            latency.add(
                [name]
                    + Self.shares.map {
                        DurationText.short(nanoseconds: histogram.percentile($0.share))
                    }
                    + [DurationText.short(nanoseconds: histogram.max)]
            )
        }
        return latency.rows.isEmpty ? throughput.text : throughput.text + "\n" + latency.text
    }

    /// For programs; latencies in microseconds.
    var json: JSON {
        .object([
            ("publishers", .integer(Int64(plan.publishers))),
            ("consumers", .integer(Int64(plan.consumers))),
            ("size_bytes", .integer(Int64(plan.size))),
            ("published", .integer(Int64(published))),
            ("confirmed", .integer(Int64(confirmed))),
            ("refused", .integer(Int64(refused))),
            ("consumed", .integer(Int64(consumed))),
            ("publish_seconds", .number(publishSeconds)),
            ("consume_seconds", .number(consumeSeconds)),
            ("published_per_second", .number(perSecond(published, publishSeconds))),
            ("consumed_per_second", .number(perSecond(consumed, consumeSeconds))),
            ("delivery_latency_us", Self.json(deliveryLatency)),
            ("confirm_latency_us", Self.json(confirmLatency)),
        ])
    }

    private static func json(_ histogram: LatencyHistogram) -> JSON {
        guard histogram.sampleCount > 0 else { return .null }
        return .object(
            shares.map { ($0.json, .number(Double(histogram.percentile($0.share)) / 1000)) }
                + [
                    ("max", .number(Double(histogram.max) / 1000)),
                    ("samples", .unsigned(histogram.sampleCount)),
                ]
        )
    }
}
