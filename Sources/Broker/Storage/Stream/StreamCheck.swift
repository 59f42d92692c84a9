import Wire

/// What a journal says of streams, for the offline check.
final class KnownStreams {
    private var names: [UInt32: String] = [:]
    private var ends: [UInt32: UInt64] = [:]

    /// Takes in a record of the journal; those that say nothing of streams are passed over.
    func take(_ payload: ByteView) {
        let kinds = [
            JournalRecord.Kind.queueDeclared.rawValue, JournalRecord.Kind.appended.rawValue,
        ]
        guard payload.count > 0, kinds.contains(payload[0]) else { return }
        do throws(WireError) {
            switch try JournalRecord(decoding: payload) {
            case .queueDeclared(let queue):
                names[queue.id] = queue.name.string
                let isStream = queue.arguments["x-queue-type"]?.text == QueueType.stream.rawValue
                if isStream { raise(queue.id, to: queue.nextPosition) }
            case .appended(let stream, let end): raise(stream, to: end)
            default: break
            }
        } catch {
            // The dump shows a record that makes no sense; here it promises nothing.
        }
    }

    private func raise(_ stream: UInt32, to end: UInt64) {
        ends[stream] = max(ends[stream] ?? 0, end)
    }

    /// The name of a stream's queue, or its number, and how far the stream goes.
    func promise(_ stream: UInt32) -> (queue: String, end: UInt64) {
        (names[stream] ?? "#\(stream)", ends[stream] ?? 0)
    }
}

/// Counts the messages of a stream.
final class StreamMessages {
    private(set) var finding: JournalCheck.StreamFinding

    init(_ queue: String, promisedOffset: UInt64) {
        finding = JournalCheck.StreamFinding(queue: queue)
        finding.promisedOffset = promisedOffset
    }

    /// Takes in a record of the stream.
    func take(_ payload: ByteView) {
        guard let chunk = StreamChunk(payload),
            StreamChunk.forEachEntry(of: payload, { _, _ in })
        else {
            finding.unreadableCount += 1
            return
        }
        finding.messageCount += Int(chunk.count)
        finding.firstOffset = finding.firstOffset ?? chunk.firstOffset
        finding.endOffset = chunk.endOffset
    }
}

extension JournalDump {
    /// Says what a record of a stream holds: a line for each message.
    ///
    /// - Parameters:
    ///   - payload: Whole.
    ///   - lsn: Its log sequence number, which they share.
    ///   - queue: Of the stream.
    /// - Returns: One line of kind `unreadable` when the record makes no sense.
    package static func lines(ofChunk payload: ByteView, lsn: UInt64, queue: String) -> [Line] {
        guard let chunk = StreamChunk(payload) else {
            return [unreadable(lsn, "it is no chunk of a stream")]
        }
        var lines: [Line] = []
        let isWhole = StreamChunk.forEachEntry(of: payload) { offset, entry in
            do throws(WireError) {
                var route = ByteReader(entry.route)
                let content = Content(
                    exchange: try route.readShortString(),
                    routingKey: try route.readShortString(),
                    properties: try BasicProperties(decoding: entry.properties),
                    body: entry.body.bytes
                )
                let facts = [
                    Fact(name: "stream", value: .text(queue)),
                    Fact(name: "offset", value: .number(offset)),
                    Fact(name: "time", value: .text(chunk.time.text)),
                ]
                lines.append(Line(lsn: lsn, kind: "stream_message", facts: facts, content: content))
            } catch {
                lines.append(unreadable(lsn, "\(error)"))
            }
        }
        if !isWhole { lines.append(unreadable(lsn, "it does not hold what it says")) }
        return lines
    }

    private static func unreadable(_ lsn: UInt64, _ reason: String) -> Line {
        Line(lsn: lsn, kind: "unreadable", facts: [Fact(name: "reason", value: .text(reason))])
    }
}
