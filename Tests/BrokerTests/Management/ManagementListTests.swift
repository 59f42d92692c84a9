import Testing

@testable import Broker

@Suite("Management list")
struct ManagementListTests {
    private struct Fruit: ListedSnapshot {
        let name: String
        let weight: Int?
        var listName: [UInt8] { Array(name.utf8) }
        var listOrder: [[UInt8]] { [listName] }
        var json: JSONValue {
            guard let weight else { return ["name": .string(name)] }
            return ["name": .string(name), "stats": ["weight": .count(weight), "unit": "g"]]
        }
    }

    private let fruits = [
        Fruit(name: "plum", weight: 30), Fruit(name: "apple", weight: 150),
        Fruit(name: "grape", weight: 5), Fruit(name: "quince", weight: nil),
        Fruit(name: "pear", weight: 150),
    ]

    private func list(_ query: String) throws -> String {
        let query = try ManagementQuery(Array(query.utf8))
        return String(
            decoding: try ManagementList.respond(fruits, query: query).body,
            as: UTF8.self
        )
    }

    @Test("is sorted by name unless asked otherwise")
    func defaultOrder() throws {
        #expect(
            try list("columns=name")
                == #"[{"name":"apple"},{"name":"grape"},{"name":"pear"},{"name":"plum"},"#
                + #"{"name":"quince"}]"#
        )
    }

    @Test("is sorted by any member, objects without it first, equals by name")
    func sorted() throws {
        #expect(
            try list("columns=name&sort=stats.weight")
                == #"[{"name":"quince"},{"name":"grape"},{"name":"plum"},{"name":"apple"},"#
                + #"{"name":"pear"}]"#
        )
        #expect(
            try list("columns=name&sort=stats.weight&sort_reverse=true&page=1&page_size=2")
                .contains(#""items":[{"name":"pear"},{"name":"apple"}]"#)
        )
    }

    @Test("keeps only the columns asked for, at any depth")
    func columns() throws {
        #expect(
            try list("name=gr&columns=stats.weight,nope,name.deeper")
                == #"[{"stats":{"weight":5}}]"#
        )
        #expect(try list("name=gr&columns=stats") == #"[{"stats":{"weight":5,"unit":"g"}}]"#)
    }

    @Test("gives a page with RabbitMQ's members around it")
    func page() throws {
        #expect(
            try list("page=2&page_size=2&name=p&columns=name")
                == #"{"filtered_count":4,"item_count":2,"items":[{"name":"pear"},{"name":"plum"}],"#
                + #""page":2,"page_count":2,"page_size":2,"total_count":5}"#
        )
    }

    @Test("has one page even when it is empty, and none beyond the last")
    func pageBounds() throws {
        #expect(
            try list("page=1&name=none")
                == #"{"filtered_count":0,"item_count":0,"items":[],"page":1,"page_count":1,"#
                + #""page_size":100,"total_count":5}"#
        )
        #expect(
            throws: ManagementError.pageOutOfRange(
                "Page out of range, page: 3 page size: 4, len: 5"
            )
        ) {
            try list("page=3&page_size=4")
        }
    }

    @Test("refuses to grow beyond its bound")
    func tooLarge() throws {
        let query = ManagementQuery()
        let size = try ManagementList.respond(fruits, query: query).body.count
        #expect(throws: ManagementError.tooLarge) {
            try ManagementList.respond(fruits, query: query, bodySizeMax: size / 2)
        }
    }
}
