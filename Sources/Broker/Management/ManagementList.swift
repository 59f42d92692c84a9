/// An object that comes in lists: what a list needs to know of it before it is written out.
protocol ListedSnapshot {
    /// What `name=` is looked for in.
    var listName: [UInt8] { get }
    /// Names a list is sorted by unless asked otherwise, the most important one first.
    var listOrder: [[UInt8]] { get }
    /// The object with all its members.
    var json: JSONValue { get }
}

/// Filters, sorts, cuts and writes a list (RabbitMQ: rabbit_mgmt_util, reply_list).
///
/// Objects become JSON one at a time, so that a list of 100,000 queues costs its text and its
/// snapshots and no tree of both.
enum ManagementList {
    /// Answers with a list as the query wants it.
    ///
    /// - Throws: `.pageOutOfRange`; `.tooLarge` when the body passes `bodySizeMax`.
    static func respond(
        _ snapshots: [some ListedSnapshot],
        query: ManagementQuery,
        bodySizeMax: Int = ManagementResponse.bodySizeMax
    ) throws(ManagementError) -> ManagementResponse {
        let filtered = sort(filter(snapshots, by: query.name), by: query)
        guard let page = query.page else {
            var body: [UInt8] = []
            try write(filtered[...], columns: query.columns, to: &body, sizeMax: bodySizeMax)
            return ManagementResponse(status: 200, body: body)
        }
        let pageCount = max(1, (filtered.count + page.size - 1) / page.size)
        guard page.number <= pageCount else {
            throw .pageOutOfRange(
                "Page out of range, page: \(page.number) page size: \(page.size), "
                    + "len: \(filtered.count)"
            )
        }
        let start = (page.number - 1) * page.size
        let items = filtered[start..<min(start + page.size, filtered.count)]
        var body = Array(#"{"filtered_count":\#(filtered.count),"item_count":\#(items.count)"#.utf8)
        body.append(contentsOf: #","items":"#.utf8)
        try write(items, columns: query.columns, to: &body, sizeMax: bodySizeMax)
        body.append(contentsOf: #","page":\#(page.number),"page_count":\#(pageCount)"#.utf8)
        body.append(contentsOf: #","page_size":\#(page.size)"#.utf8)
        body.append(contentsOf: #","total_count":\#(snapshots.count)}"#.utf8)
        return ManagementResponse(status: 200, body: body)
    }

    /// Keeps the members at `columns` of an object; all of them when there are no columns.
    static func select(_ columns: [[String]], of value: JSONValue) -> JSONValue {
        guard !columns.isEmpty, case .object(let object) = value else { return value }
        var selected = JSONObject()
        for member in object.members {
            let deeper = columns.filter { $0.first == member.name }.map { Array($0.dropFirst()) }
            guard !deeper.isEmpty else { continue }
            if deeper.contains([]) {
                selected.add(member.name, member.value)
            } else if case .object = member.value {
                selected.add(member.name, select(deeper, of: member.value))
            }
        }
        return .object(selected)
    }

    private static func filter<Snapshot: ListedSnapshot>(
        _ snapshots: [Snapshot],
        by name: String?
    ) -> [Snapshot] {
        guard let name else { return snapshots }
        return snapshots.filter { String(decoding: $0.listName, as: UTF8.self).contains(name) }
    }

    private static func sort<Snapshot: ListedSnapshot>(
        _ snapshots: [Snapshot],
        by query: ManagementQuery
    ) -> [Snapshot] {
        var sorted = snapshots.sorted { precedes($0.listOrder, $1.listOrder) }
        if let path = query.sort {
            // The sort is stable: equals stay in the order of their names.
            sorted = sorted.map { (key: $0.json.value(at: path), snapshot: $0) }
                .sorted { SortKey($0.key) < SortKey($1.key) }
                .map(\.snapshot)
        }
        return query.isSortReversed ? sorted.reversed() : sorted
    }

    private static func precedes(_ left: [[UInt8]], _ right: [[UInt8]]) -> Bool {
        for (left, right) in zip(left, right) where left != right {
            return left.lexicographicallyPrecedes(right)
        }
        return left.count < right.count
    }

    private static func write(
        _ snapshots: ArraySlice<some ListedSnapshot>,
        columns: [[String]],
        to body: inout [UInt8],
        sizeMax: Int
    ) throws(ManagementError) {
        body.append(UInt8(ascii: "["))
        var isFirst = true
        for snapshot in snapshots {
            if !isFirst { body.append(UInt8(ascii: ",")) }
            isFirst = false
            select(columns, of: snapshot.json).write(to: &body)
            guard body.count <= sizeMax else { throw .tooLarge }
        }
        body.append(UInt8(ascii: "]"))
    }
}

/// Orders members of any kind: nothing, then false and true, then numbers, then text, then the
/// rest.
private struct SortKey: Comparable {
    private let rank: Int
    private let number: Double
    private let text: String

    init(_ value: JSONValue?) {
        (rank, number, text) =
            switch value {
            case nil, .null?: (0, 0, "")
            case .bool(let flag)?: (1, flag ? 1 : 0, "")
            case .integer(let value)?: (2, Double(value), "")
            case .double(let value)?: (2, value, "")
            case .string(let value)?: (3, 0, value)
            case .array(let values)?: (4, Double(values.count), "")
            case .object(let object)?: (4, Double(object.members.count), "")
            }
    }

    static func < (left: Self, right: Self) -> Bool {
        (left.rank, left.number, left.text) < (right.rank, right.number, right.text)
    }
}
