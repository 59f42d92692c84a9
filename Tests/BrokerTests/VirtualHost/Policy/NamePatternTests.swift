import Testing

@testable import Broker

/// What Erlang's `re` answers, of which RabbitMQ makes use; asked of OTP 25.
@Suite("Patterns of names")
struct NamePatternTests {
    struct Example: Sendable, CustomTestStringConvertible {
        let pattern: String
        let name: String
        let isMatch: Bool

        init(_ pattern: String, _ name: String, _ isMatch: Bool) {
            self.pattern = pattern
            self.name = name
            self.isMatch = isMatch
        }

        var testDescription: String { "\(pattern) in \(name)" }
    }

    private static let examples: [Example] = [
        .init("^jobs\\.", "jobs.a", true),
        .init("^jobs\\.", "my jobs.a", false),
        .init("jobs", "my jobs.a", true),
        .init("", "anything", true),
        .init("^$", "", true),
        .init("^$", "a", false),
        .init(".*", "amq.gen-x", true),
        .init("^(?!amq\\.).*", "amq.topic", false),
        .init("^(?!amq\\.).*", "logs", true),
        .init("a|b$", "xb", true),
        .init("^(a|b)$", "ab", false),
        .init("^[a-c]+$", "abcab", true),
        .init("^[^a-c]+$", "xyz", true),
        .init("[]x]", "]", true),
        .init("[\\]x]", "]", true),
        .init("[a-]", "-", true),
        .init("^\\d{3}$", "123", true),
        .init("^\\d{3}$", "1234", false),
        .init("^a{2,}$", "a", false),
        .init("^a{,2}$", "a{,2}", true),
        .init("a{1", "a{1", true),
        .init("^x*?y", "xxy", true),
        .init("^(?:ab)+$", "abab", true),
        .init("^a++a", "aaa", false),
        .init("^(?>a+)a", "aaa", false),
        .init("^a?a?a?aaa$", "aaa", true),
        .init("^(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaa", true),
        .init("^(a*)*b", "aab", true),
        .init("(a|b|)+c", "abc", true),
        .init("(?i)ORDERS", "my-orders", true),
        .init("(?i:O)RDERS", "orders", false),
        .init("^(?i)é$", "É", false),
        .init("(?s)a.b", "a\nb", true),
        .init("a.b", "a\nb", false),
        .init("(?x) a b # comment", "ab", true),
        .init("(?m)^b", "a\nb", true),
        .init("b$", "ab\n", true),
        .init("b\\z", "ab\n", false),
        .init("b\\Z", "ab\n", true),
        .init("\\bfoo\\b", "a foo b", true),
        .init("\\Bfoo", "foo", false),
        .init("(\\w+)-\\1$", "ab-ab", true),
        .init("(\\w+)-\\1$", "ab-ac", false),
        .init("(?<n>a)\\k<n>", "aa", true),
        .init("(?P<n>a)(?P=n)", "ab", false),
        .init("(a)\\g{-1}", "aa", true),
        .init("(?<=x)y", "xy", true),
        .init("(?<=x)y", "zy", false),
        .init("(?<!x)y", "zy", true),
        .init("(?<=ab|c)d", "cd", true),
        .init("foo(?=bar)", "foobar", true),
        .init("foo(?=bar)", "foobaz", false),
        .init("\\x41\\x{42}", "AB", true),
        .init("\\101", "A", true),
        .init("\\Qa.b\\E", "a.b", true),
        .init("\\Qa.b\\E", "axb", false),
        .init("^[[:alpha:]]+$", "Ab", true),
        .init("[[:^digit:]]", "1", false),
        .init("[\\d.]+$", "1.2", true),
        .init("^\\h\\v$", " \n", true),
        .init("a(?#comment)b", "ab", true),
        .init("^\\R$", "\r\n", true),
        .init("é", "café", true),
        .init("^.$", "é", false),
        .init("^..$", "é", true),
        .init("\\w", "é", true),
        .init("^\\S+$", "a b", false),
        .init("^\\N+$", "ab", true),
        .init("^a\\Kb", "ab", true),
        .init("(?U)^a+?$", "aaa", true),
    ]

    @Test("match what Erlang's re matches", arguments: examples)
    func matches(_ example: Example) throws {
        let pattern = try NamePattern(Array(example.pattern.utf8))
        #expect(pattern.matches(Array(example.name.utf8)) == example.isMatch)
    }

    private static let mistakes: [(String, String, Int)] = [
        ("(", "missing )", 1),
        ("a)", "unmatched parentheses", 1),
        ("[a", "missing terminating ] for character class", 2),
        ("*", "nothing to repeat", 0),
        ("a**", "nothing to repeat", 2),
        ("a{2,1}", "numbers out of order in {} quantifier", 5),
        ("[b-a]", "range out of order in character class", 3),
        ("\\", "\\ at end of pattern", 1),
        ("(?<n>a)(?<n>b)", "two named subpatterns have the same name", 11),
        ("\\1", "reference to non-existent subpattern", 2),
        ("(?<=a+)b", "lookbehind assertion is not fixed length", 6),
        ("[[:foo:]]", "unknown POSIX class name", 3),
        ("(?z)", "unrecognized character after (? or (?-", 2),
        ("a\\x{100}", "character value in \\x{} or \\o{} is too large", 7),
        ("(?P=n)", "reference to non-existent subpattern", 5),
        ("[:alpha:]", "POSIX named classes are supported only within a class", 0),
        ("^*", "nothing to repeat", 1),
    ]

    @Test("are refused with PCRE's words and place", arguments: mistakes.indices)
    func mistake(index: Int) {
        let (text, reason, offset) = Self.mistakes[index]
        #expect(throws: PatternError(reason: reason, offset: offset)) {
            try NamePattern(Array(text.utf8))
        }
    }

    @Test(
        "are refused when they are too large or too deep",
        arguments: [
            "((a{1,100}){1,100}){1,100}", String(repeating: "(", count: 65),
            String(repeating: "a", count: 5_000), "(?:(?:a{0}|b){60000}){60000}",
        ]
    )
    func tooLarge(text: String) {
        #expect(throws: PatternError.self) { try NamePattern(Array(text.utf8)) }
    }

    @Test("do not match a name that would take too long")
    func bounded() throws {
        let pattern = try NamePattern(Array("^(a+)+$".utf8))
        #expect(pattern.matches(Array(repeating: UInt8(ascii: "a"), count: 255)))
        #expect(!pattern.matches(Array(repeating: UInt8(ascii: "a"), count: 254) + [0x62]))
    }

    @Test("that repeat nothing at all are read at once")
    func nothing() throws {
        let pattern = try NamePattern(Array("(?:(?:(?:){65535}){65535}){65535}a".utf8))
        #expect(pattern.matches([UInt8(ascii: "a")]))
    }
}
