import Wire

/// The patterns of a topic exchange, and where they lead.
///
/// Words are what lies between dots: `a.` has two words, the second empty; the empty key has
/// none. In a binding key the word `*` stands for exactly one word and `#` for any number of
/// them; every other word, `a*` and `##` included, stands for itself.
///
/// The patterns form a trie. All its literal edges are in one table, from (node, word) to node,
/// which costs about 100 bytes a binding. Routing walks every path that fits, which could visit
/// the same node with the same rest of the key again and again where a path holds several `#`;
/// each `#` node therefore remembers from which word on it was already entered.
struct TopicTrie: ~Copyable {
    private struct Node {
        var parent: UInt32
        var star: UInt32 = 0
        var hash: UInt32 = 0
        /// Literal edges that leave this node.
        var literalCount: UInt32 = 0
        /// For a `#` node, the routing call that last came here...
        var visit: UInt32 = 0
        /// ...and the lowest word it came here with.
        var visitedFrom: UInt16 = 0
        var destinations = DestinationSet()

        var isLeaf: Bool { star == 0 && hash == 0 && literalCount == 0 }
    }

    /// A place to go on from: a node, and the first word its children have to match.
    private struct Step: BitwiseCopyable {
        let node: UInt32
        let word: UInt16
    }

    private struct Word: BitwiseCopyable {
        let start: UInt16
        let count: UInt16
    }

    private enum Edge {
        case literal
        case star
        case hash

        init(_ word: ByteView) {
            self =
                switch word.count == 1 ? word[0] : 0 {
                case UInt8(ascii: "*"): .star
                case UInt8(ascii: "#"): .hash
                default: .literal
                }
        }
    }

    /// Nodes by number; node 0 is the root, and as the target of an edge 0 means "none".
    private var nodes: [Node] = [Node(parent: 0)]
    private var freeNodes: [UInt32] = []
    private var literals: ByteKeyTable<UInt32>
    private var visit: UInt32 = 0
    // Kept between calls for their memory only.
    private var edgeKey = ByteScratch()
    private var words: [Word] = []
    private var steps: [Step] = []

    init(hash: ByteHash) { literals = ByteKeyTable(hash: hash) }

    /// Number of nodes below the root, for tests of pruning.
    var nodeCount: Int { nodes.count - 1 - freeNodes.count }

    mutating func add(_ destination: Destination, under pattern: [UInt8]) {
        ByteView.with(pattern) { key in
            split(key)
            var node: UInt32 = 0
            for word in words {
                let text = text(of: word, in: key)
                node = child(of: node, text) ?? addChild(of: node, text)
            }
            nodes[Int(node)].destinations.add(destination)
        }
    }

    mutating func remove(_ destination: Destination, under pattern: [UInt8]) {
        ByteView.with(pattern) { key in
            split(key)
            var node: UInt32 = 0
            for word in words {
                guard let next = child(of: node, text(of: word, in: key)) else { return }
                node = next
            }
            nodes[Int(node)].destinations.remove(destination)
            while let word = words.popLast() {
                guard nodes[Int(node)].isLeaf, nodes[Int(node)].destinations.isEmpty else { return }
                node = removeNode(node, text(of: word, in: key))
            }
        }
    }

    /// Appends the destinations of every pattern that `key` fits.
    mutating func route(key: ByteView, into destinations: inout [Destination]) {
        split(key)
        let wordCount = UInt16(words.count)
        beginVisit()
        steps.append(Step(node: 0, word: 0))
        while let step = steps.popLast() {
            let node = Int(step.node)
            let hash = nodes[node].hash
            if hash != 0 { enterHash(hash, from: step.word, wordCount: wordCount) }
            if step.word == wordCount {
                nodes[node].destinations.append(to: &destinations)
                continue
            }
            let star = nodes[node].star
            if star != 0 { steps.append(Step(node: star, word: step.word + 1)) }
            if nodes[node].literalCount > 0 {
                let word = text(of: words[Int(step.word)], in: key)
                if let next = literalChild(of: step.node, word) {
                    steps.append(Step(node: next, word: step.word + 1))
                }
            }
        }
    }

    /// Goes on from a `#` that stands for any number of words from `first` on.
    private mutating func enterHash(_ node: UInt32, from first: UInt16, wordCount: UInt16) {
        let index = Int(node)
        // Whoever came here before went on from every later word as well.
        let end = nodes[index].visit == visit ? nodes[index].visitedFrom : wordCount + 1
        guard first < end else { return }
        nodes[index].visit = visit
        nodes[index].visitedFrom = first
        if nodes[index].isLeaf {
            if end > wordCount { steps.append(Step(node: node, word: wordCount)) }
            return
        }
        for word in first..<end { steps.append(Step(node: node, word: word)) }
    }

    private mutating func beginVisit() {
        visit &+= 1
        if visit == 0 {
            for index in nodes.indices { nodes[index].visit = 0 }
            visit = 1
        }
    }

    /// Fills `words` with the words of `key`.
    private mutating func split(_ key: ByteView) {
        precondition(key.count < Int(UInt16.max), "routing keys are short strings")
        words.removeAll(keepingCapacity: true)
        guard !key.isEmpty else { return }
        var start = 0
        for offset in 0..<key.count where key[offset] == UInt8(ascii: ".") {
            words.append(Word(start: UInt16(start), count: UInt16(offset - start)))
            start = offset + 1
        }
        words.append(Word(start: UInt16(start), count: UInt16(key.count - start)))
    }

    private func text(of word: Word, in key: ByteView) -> ByteView {
        key.slice(from: Int(word.start), count: Int(word.count))
    }
}

// MARK: - The trie

extension TopicTrie {
    private mutating func child(of node: UInt32, _ word: ByteView) -> UInt32? {
        switch Edge(word) {
        case .star: nodes[Int(node)].star == 0 ? nil : nodes[Int(node)].star
        case .hash: nodes[Int(node)].hash == 0 ? nil : nodes[Int(node)].hash
        case .literal: literalChild(of: node, word)
        }
    }

    private mutating func literalChild(of node: UInt32, _ word: ByteView) -> UInt32? {
        fillEdgeKey(node, word)
        return literals.value(for: edgeKey.view)
    }

    private mutating func fillEdgeKey(_ node: UInt32, _ word: ByteView) {
        edgeKey.truncate(to: 0)
        edgeKey.append(node)
        edgeKey.append(word)
    }

    private mutating func addChild(of parent: UInt32, _ word: ByteView) -> UInt32 {
        let node: UInt32
        if let free = freeNodes.popLast() {
            node = free
            nodes[Int(free)] = Node(parent: parent)
        } else {
            node = UInt32(nodes.count)
            nodes.append(Node(parent: parent))
        }
        switch Edge(word) {
        case .star: nodes[Int(parent)].star = node
        case .hash: nodes[Int(parent)].hash = node
        case .literal:
            fillEdgeKey(parent, word)
            literals.insert(node, for: edgeKey.view)
            nodes[Int(parent)].literalCount += 1
        }
        return node
    }

    /// Takes out a leaf that `word` leads to, and returns its parent.
    private mutating func removeNode(_ node: UInt32, _ word: ByteView) -> UInt32 {
        let parent = nodes[Int(node)].parent
        switch Edge(word) {
        case .star: nodes[Int(parent)].star = 0
        case .hash: nodes[Int(parent)].hash = 0
        case .literal:
            fillEdgeKey(parent, word)
            literals.remove(edgeKey.view)
            nodes[Int(parent)].literalCount -= 1
        }
        freeNodes.append(node)
        if nodeCount == 0 {
            nodes = [nodes[0]]
            freeNodes = []
        }
        return parent
    }
}
