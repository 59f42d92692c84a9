/// The cursors of stream consumers that hold blocks they cannot use now.
///
/// Their consumers have no credit, or do not read. The one that stalled first comes first.
///
/// When all cursors together hold too much, these give up their blocks, and have them read again
/// when their consumers go on. A few that stall between two acknowledgements keep theirs.
struct StalledCursors {
    private var first: StreamCursor?
    private weak var last: StreamCursor?
    /// Octets of the blocks of all cursors, stalled or not.
    private(set) var heldSize = 0

    /// Counts what a cursor holds now.
    mutating func account(for cursor: StreamCursor) {
        let size = cursor.blocksSize
        heldSize += size - cursor.countedSize
        cursor.countedSize = size
    }

    /// A consumer cannot go on.
    mutating func add(_ cursor: StreamCursor) {
        guard !cursor.isStalled, cursor.blocksSize > 0 else { return }
        cursor.isStalled = true
        cursor.previousStalled = last
        if let last { last.nextStalled = cursor } else { first = cursor }
        last = cursor
    }

    /// A consumer goes on, or has left.
    mutating func remove(_ cursor: StreamCursor) {
        guard cursor.isStalled else { return }
        cursor.isStalled = false
        let before = cursor.previousStalled
        let after = cursor.nextStalled
        if let before { before.nextStalled = after } else { first = after }
        if let after { after.previousStalled = before } else { last = before }
        cursor.previousStalled = nil
        cursor.nextStalled = nil
    }

    /// Has those that stalled first give up their blocks until all hold no more than `sizeMax`
    /// octets, or nobody who is stalled holds any.
    mutating func release(downTo sizeMax: Int) {
        while heldSize > sizeMax, let cursor = first {
            remove(cursor)
            cursor.releaseBlocks()
            account(for: cursor)
        }
    }
}

extension Handle where State == VirtualHostState {
    /// A cursor has got blocks, or has come as far as it can.
    ///
    /// - Parameters:
    ///   - cursor: Of a consumer, or of one that has left.
    ///   - isStalled: Whether its consumer can take nothing.
    func noteBlocks(of cursor: StreamCursor, isStalled: Bool) {
        state.streams.stalled.account(for: cursor)
        if isStalled { state.streams.stalled.add(cursor) }
        state.streams.stalled.release(downTo: StreamsState.allBlocksSizeMax)
    }

    /// Lets go of what a cursor holds: its consumer has left.
    func forget(_ cursor: StreamCursor) {
        cursor.consumer = nil
        state.streams.cursorCount -= 1
        state.streams.stalled.remove(cursor)
        cursor.releaseBlocks()
        state.streams.stalled.account(for: cursor)
    }
}
