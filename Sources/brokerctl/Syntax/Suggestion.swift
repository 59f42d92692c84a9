/// Finds what somebody probably meant to type.
enum Suggestion {
    /// The candidate nearest to `word`, if one is near enough to be a slip of the finger.
    static func closest(to word: String, among candidates: [String]) -> String? {
        let reach = max(1, word.count / 3)
        return
            candidates
            .map { (candidate: $0, distance: distance(word, $0)) }
            .filter { $0.distance <= reach || isPrefix(word, of: $0.candidate) }
            .min { $0.distance < $1.distance }?
            .candidate
    }

    private static func isPrefix(_ word: String, of candidate: String) -> Bool {
        word.count >= 2 && candidate.hasPrefix(word)
    }

    /// Fewest insertions, deletions, replacements and swaps of neighbours between two words.
    static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        guard !left.isEmpty else { return right.count }
        guard !right.isEmpty else { return left.count }
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for i in 1...left.count {
            var row = [Int](repeating: i, count: right.count + 1)
            for j in 1...right.count {
                let replaced = last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1)
                row[j] = min(last[j] + 1, row[j - 1] + 1, replaced)
                if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
                    row[j] = min(row[j], beforeLast[j - 2] + 1)
                }
            }
            beforeLast = last
            last = row
        }
        return last[right.count]
    }
}
