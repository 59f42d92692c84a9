/// Where the journal can have ended: behind `low`, before `high`.
struct JournalCut {
    var low: Int
    var lowName: String
    var high: Int
    var highName: String

    mutating func isBehind(_ sequence: Int, _ name: @autoclosure () -> String) {
        guard sequence > low else { return }
        low = sequence
        lowName = name()
    }

    mutating func isBefore(_ sequence: Int, _ name: @autoclosure () -> String) {
        guard sequence < high else { return }
        high = sequence
        highName = name()
    }
}
