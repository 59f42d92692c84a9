import Testing

@testable import brokerctl

@Suite("Suggestion")
struct SuggestionTests {
    @Test(
        "finds the word that was probably meant",
        arguments: [
            ("queu", "queue"), ("qeuue", "queue"), ("exchnage", "exchange"), ("pub", "publish"),
            ("bindng", "binding"),
        ]
    )
    func closest(_ word: String, _ meant: String) {
        let names = CommandTree.root.subcommands.map(\.name)
        #expect(Suggestion.closest(to: word, among: names) == meant)
    }

    @Test("offers nothing when no word is near")
    func nothingNear() {
        #expect(Suggestion.closest(to: "frobnicate", among: ["queue", "publish"]) == nil)
    }

    @Test(
        "counts a swap of neighbours as one slip",
        arguments: [("ab", "ba", 1), ("", "abc", 3), ("kitten", "sitting", 3), ("a", "a", 0)]
    )
    func distance(_ left: String, _ right: String, _ expected: Int) {
        #expect(Suggestion.distance(left, right) == expected)
        #expect(Suggestion.distance(right, left) == expected)
    }
}
