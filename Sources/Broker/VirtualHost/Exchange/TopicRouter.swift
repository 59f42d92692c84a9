import Wire

/// Routes by patterns over the words of the routing key (AMQP 0-9-1 §3.1.3.3).
final class TopicRouter: Router {
    // Behind a handle, because each access to a class's own variable is checked when it happens.
    private let trie: Handle<TopicTrie>

    init(hash: ByteHash) { trie = Handle(TopicTrie(hash: hash)) }

    deinit { trie.destroy() }

    /// Number of nodes of the trie below its root, for tests of pruning.
    var nodeCount: Int { trie.state.nodeCount }

    func add(_ binding: Binding) {
        trie.state.add(binding.destination, under: binding.bindingKey)
    }

    func remove(_ binding: Binding) {
        trie.state.remove(binding.destination, under: binding.bindingKey)
    }

    func route(key: ByteView, headers: ByteView?, into destinations: inout [Destination]) {
        trie.state.route(key: key, into: &destinations)
    }
}
