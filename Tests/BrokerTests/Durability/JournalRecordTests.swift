import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Journal records")
struct JournalRecordTests {
    static let examples: [JournalRecord] = [
        .queueDeclared(
            QueueRecord(
                id: 7,
                name: "jobs",
                isAutoDelete: true,
                arguments: ["x-max-length": .int32(5)],
                nextPosition: 1 << 40,
                deliveredThrough: 9
            )
        ),
        .queueDeleted(7),
        .exchangeDeclared(
            ExchangeDeclare(
                exchange: "logs",
                type: "topic",
                durable: true,
                arguments: ["alternate-exchange": .string("spill")]
            )
        ),
        .exchangeDeleted("logs"),
        .bound(
            BindingRecord(
                source: "logs",
                isToQueue: true,
                destination: "jobs",
                key: "a.*",
                arguments: [:]
            )
        ),
        .unbound(
            BindingRecord(
                source: "logs",
                isToQueue: false,
                destination: "more",
                key: "",
                arguments: ["n": .int64(1)]
            )
        ),
        .settled(queue: 7, first: 3, last: UInt64.max),
        .delivered(queue: 7, through: 12),
        .returned(queue: 7, position: 4, deliveryCount: 2),
        .policySet(
            PolicyRecord(
                kind: .operator,
                name: "bounds",
                pattern: Array("^jobs\\.".utf8),
                definition: ["max-length": .int64(1_000)],
                priority: -2.5,
                target: .quorumQueues
            )
        ),
        .policyCleared(.user, "old"),
        .topologyBegins, .topologyEnds, .transaction(octets: 1 << 40),
        .appended(stream: 7, end: 1 << 40),
        .died(DeathRecord(queue: 7, position: 1 << 40, reason: .expired, reached: [])),
        .died(
            DeathRecord(queue: 7, position: 4, reason: .deliveryLimit, reached: ["dead", "more"])
        ),
        .delaysDeclared(DelaysRecord(id: 9, exchange: "later", nextPosition: 1 << 50)),
        .valuesRemembered(
            ValuesRecord(
                exchange: "once",
                time: WallTime(milliseconds: 1_800_000_000_123),
                values: [
                    .init(digest: .init(high: 1, low: .max), end: nil),
                    .init(
                        digest: .init(high: .max, low: 2),
                        end: WallTime(milliseconds: 1_800_000_000_999)
                    ),
                ]
            )
        ),
        .message(
            MessageRecord(
                places: [
                    .init(queue: 7, position: 3, terms: .init(keys: .init(group: 1 << 63))),
                    .init(
                        queue: 8,
                        position: 4,
                        deliveryCount: 5,
                        terms: .init(
                            priority: 6,
                            end: WallTime(milliseconds: 1_800_000_000_123),
                            keys: .init(value: .init(high: 7, low: 8))
                        )
                    ),
                    .init(queue: 9, position: 5),
                ],
                form: .keyed,
                routeSize: 9,
                propertiesSize: 4,
                bodySize: 70_000
            )
        ),
        .message(
            MessageRecord(
                places: [.init(queue: 7, position: 1 << 40, deliveryCount: 3)],
                form: .moved,
                routeSize: 9,
                propertiesSize: 4,
                bodySize: 70_000
            )
        ),
        .message(
            MessageRecord(
                places: [
                    .init(queue: 7, position: 3), .init(queue: 8, position: 4, deliveryCount: 1),
                    .init(queue: 9, position: 5, terms: .init(priority: 255)),
                    .init(
                        queue: 10,
                        position: 6,
                        terms: .init(end: WallTime(milliseconds: 1_800_000_000_123))
                    ),
                ],
                form: .onTerms,
                routeSize: 9,
                propertiesSize: 4,
                bodySize: 70_000
            )
        ),
    ]

    @Test("come back as they were written", arguments: examples)
    func roundTrip(_ record: JournalRecord) throws {
        let decoded = try ByteView.with(record.payload) { view in
            try JournalRecord(decoding: view)
        }
        #expect(decoded == record)
    }

    @Test("are refused when they end early", arguments: examples)
    func truncated(_ record: JournalRecord) {
        for count in 0..<record.payload.count {
            #expect(throws: WireError.self) {
                try ByteView.with(Array(record.payload.prefix(count))) { view in
                    _ = try JournalRecord(decoding: view)
                }
            }
        }
    }

    @Test("of a message are the same written in place and by the encoder", arguments: [1, 2, 40])
    func message(placeCount: Int) throws {
        let places = (0..<placeCount).map { index in
            MessageRecord.Place(queue: UInt32(index + 1), position: UInt64(index) << 33)
        }
        let record = MessageRecord(places: places, routeSize: 12, propertiesSize: 3, bodySize: 900)
        var writer = ByteWriter()
        record.encodePrefix(into: &writer)
        var written = [UInt8](repeating: 0, count: record.prefixSize)
        written.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            MessageRecord.writeSizes(
                placeCount: placeCount,
                routeSize: 12,
                propertiesSize: 3,
                bodySize: 900,
                to: base
            )
            for index in places.indices {
                MessageRecord.write(places[index], number: index, to: base)
            }
        }
        #expect(written == writer.bytes)
        let decoded = try ByteView.with(written) { view in
            try JournalRecord(decoding: view)
        }
        #expect(decoded == .message(record))
    }
}
