import Wire

/// A binding as inspection shows it, copied out of the core.
struct BindingSnapshot {
    let virtualHost: [UInt8]
    let source: [UInt8]
    let destination: [UInt8]
    let isToExchange: Bool
    let bindingKey: [UInt8]
    let arguments: FieldTable
}

extension BindingSnapshot {
    /// Tells the bindings between the same two ends apart, in a form that fits a path.
    ///
    /// The binding key, percent-encoded; `~` alone when it is empty; with arguments `~` and a
    /// digest of them behind the key. RabbitMQ's form, but not its digest: opaque in both.
    var propertiesKey: [UInt8] {
        let key = PercentEncoding.encode(bindingKey)
        guard !arguments.isEmpty else { return key.isEmpty ? Array("~".utf8) : key }
        return key + Array("~".utf8) + Self.digest(arguments)
    }

    /// Whether a path segment, its own percent-encoding taken off, names this binding.
    ///
    /// Callers that forget to encode the key a second time are understood, as RabbitMQ does.
    func isNamed(_ segment: [UInt8]) -> Bool {
        let key = propertiesKey
        return segment == key || segment == PercentEncoding.decode(key, plusIsSpace: true)
    }

    /// FNV-1a of the table as on the wire, as eight hexadecimal digits.
    private static func digest(_ arguments: FieldTable) -> [UInt8] {
        var writer = ByteWriter()
        arguments.encode(into: &writer)
        var hash: UInt32 = 0x811C_9DC5
        for byte in writer.bytes { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        let digits = Array("0123456789abcdef".utf8)
        return (0..<8).map { digits[Int(hash >> (28 - 4 * $0) & 15)] }
    }
}

extension BindingSnapshot: ListedSnapshot {
    var listName: [UInt8] { source }

    var listOrder: [[UInt8]] { [virtualHost, source, destination, bindingKey] }

    var json: JSONValue {
        [
            "source": .text(source), "vhost": .text(virtualHost),
            "destination": .text(destination),
            "destination_type": isToExchange ? "exchange" : "queue",
            "routing_key": .text(bindingKey), "arguments": arguments.json,
            "properties_key": .text(propertiesKey),
        ]
    }
}
