import Broker
import Wire

/// A record of a journal as text or as JSON.
enum DumpFormat {
    /// Most octets of a body in a line of text.
    private static let bodyCountMax = 60

    /// One line for people; a long body is cut.
    static func text(_ line: JournalDump.Line) -> String {
        var parts = ["\(line.lsn)", line.kind]
        if let content = line.content {
            parts.append("exchange='\(content.exchange.string)'")
            parts.append("key='\(content.routingKey.string)'")
        }
        parts += line.facts.map { "\($0.name)=\(text($0.value))" }
        if let content = line.content {
            let start = PrintableText.escaped(Array(content.body.prefix(bodyCountMax)))
            let isCut = content.body.count > bodyCountMax
            parts.append("body(\(content.body.count))=\(start)\(isCut ? "..." : "")")
        }
        return PrintableText.oneLine(parts.joined(separator: " "))
    }

    private static func text(_ value: JournalDump.Value) -> String {
        switch value {
        case .text(let text): "'\(text)'"
        case .number(let number): "\(number)"
        case .flag(let flag): "\(flag)"
        case .places(let places):
            places.map { place in
                let count = place.deliveryCount.map { "+\($0)" } ?? ""
                return "'\(place.queue)':\(place.position)\(count)"
            }.joined(separator: ",")
        }
    }

    /// One object; a message has the fields that `get` prints.
    static func json(_ line: JournalDump.Line, virtualHost: String) -> JSON {
        var members: [(String, JSON)] = [
            ("virtual_host", .string(virtualHost)), ("lsn", .unsigned(line.lsn)),
            ("kind", .string(line.kind)),
        ]
        members += line.facts.map { ($0.name, json($0.value)) }
        if let content = line.content {
            let text = String(validating: content.body, as: UTF8.self)
            members += [
                ("exchange", .string(content.exchange.string)),
                ("routing_key", .string(content.routingKey.string)),
                ("properties", .object(PropertiesJSON.members(of: content.properties))),
                ("payload_bytes", .integer(Int64(content.body.count))),
                ("payload_encoding", .string(text == nil ? "base64" : "string")),
                ("payload", .string(text ?? Base64.encode(content.body))),
            ]
        }
        return .object(members)
    }

    private static func json(_ value: JournalDump.Value) -> JSON {
        switch value {
        case .text(let text): .string(text)
        case .number(let number): .unsigned(number)
        case .flag(let flag): .bool(flag)
        case .places(let places):
            .array(
                places.map { place in
                    var members: [(String, JSON)] = [
                        ("queue", .string(place.queue)), ("position", .unsigned(place.position)),
                    ]
                    if let count = place.deliveryCount {
                        members.append(("delivery_count", .unsigned(UInt64(count))))
                    }
                    return .object(members)
                }
            )
        }
    }
}
