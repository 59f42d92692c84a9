/// Numbers by position in a queue, for the positions that have one.
///
/// Positions mostly follow each other, so they stand in pages of 64: about 5 octets for each where
/// most have a number, and one page, 320 octets, for one that is alone. Growing copies no numbers.
struct PositionTable: ~Copyable {
    private static let pageCount: UInt64 = 64

    private final class Page {
        var numbers = InlineArray<64, UInt32>(repeating: 0)
        var count = 0
    }

    private var pages: [UInt64: Page] = [:]
    private(set) var count = 0

    init() {}

    /// The number of a position; 0 without one.
    subscript(position: UInt64) -> UInt32 {
        guard count > 0, let page = pages[position / Self.pageCount] else { return 0 }
        return page.numbers[Int(position % Self.pageCount)]
    }

    /// Gives a position a number above 0; it has none so far.
    mutating func set(_ number: UInt32, at position: UInt64) {
        precondition(number > 0, "0 is no number")
        let key = position / Self.pageCount
        let page: Page
        if let known = pages[key] {
            page = known
        } else {
            page = Page()
            pages[key] = page
        }
        precondition(page.numbers[Int(position % Self.pageCount)] == 0, "a position used twice")
        page.numbers[Int(position % Self.pageCount)] = number
        page.count += 1
        count += 1
    }

    /// Takes the number of a position away.
    ///
    /// - Returns: The number; 0 if it had none.
    @discardableResult
    mutating func remove(_ position: UInt64) -> UInt32 {
        let key = position / Self.pageCount
        guard count > 0, let page = pages[key] else { return 0 }
        let number = page.numbers[Int(position % Self.pageCount)]
        guard number > 0 else { return 0 }
        page.numbers[Int(position % Self.pageCount)] = 0
        page.count -= 1
        count -= 1
        if page.count == 0 { pages[key] = nil }
        return number
    }
}
