/// Finds what somebody meant to write.
enum Spelling {
    /// The nearest of `known`, at most two typing mistakes away and less than half the word.
    static func nearest(to word: String, among known: [String]) -> String? {
        let best = known.map { ($0, distance(word, $0)) }.min { $0.1 < $1.1 }
        guard let (candidate, distance) = best else { return nil }
        return distance <= 2 && distance * 2 < word.count ? candidate : nil
    }

    /// Letters to insert, delete or replace to make one word of the other.
    private static func distance(_ first: String, _ second: String) -> Int {
        let second = Array(second.prefix(64))
        var row = Array(0...second.count)
        for (index, letter) in first.prefix(64).enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in second.indices {
                let replaced = diagonal + (letter == second[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
            }
        }
        return row[second.count]
    }
}
