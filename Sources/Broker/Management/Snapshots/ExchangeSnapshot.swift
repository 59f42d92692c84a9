import Wire

/// An exchange as inspection shows it, copied out of the core.
struct ExchangeSnapshot {
    let virtualHost: [UInt8]
    let name: [UInt8]
    /// The type's name as in exchange.declare.
    let type: String
    let isDurable: Bool
    let isAutoDelete: Bool
    let isInternal: Bool
    let arguments: FieldTable
    /// Messages that wait in it for their time; `nil` where none ever does.
    let delayedCount: Int?
    let policies: AppliedPolicies
    /// Values it remembers; `nil` where it remembers none ever.
    let rememberedCount: Int?
    /// Messages clients published to it.
    let publishIn: MessageTotals.Entry
    /// Copies of them that reached queues.
    let publishOut: MessageTotals.Entry
}

extension ExchangeSnapshot: ListedSnapshot {
    var listName: [UInt8] { name }
    var listOrder: [[UInt8]] { [virtualHost, name] }

    var json: JSONValue {
        var object = JSONObject([
            ("name", .text(name)), ("vhost", .text(virtualHost)), ("type", .string(type)),
            ("durable", .bool(isDurable)), ("auto_delete", .bool(isAutoDelete)),
            ("internal", .bool(isInternal)), ("arguments", arguments.json),
            ("policy", policies.policy.nameJSON),
        ])
        if let delayedCount { object.add("messages_delayed", .integer(Int64(delayedCount))) }
        if let rememberedCount {
            object.add("cache_info", ["entries": .integer(Int64(rememberedCount))])
        }
        if publishIn.count > 0 || publishOut.count > 0 {
            var stats = JSONObject()
            stats.add("publish_in", publishIn)
            stats.add("publish_out", publishOut)
            object.add("message_stats", .object(stats))
        }
        return .object(object)
    }
}
