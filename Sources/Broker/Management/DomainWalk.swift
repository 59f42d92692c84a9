/// Goes through the objects of a virtual host in slices, so that the lock is never held for long.
///
/// What is there from the start of a walk to its end is met exactly once; what comes or goes
/// meanwhile may be met or not. One thread at a time may walk through connections.
struct DomainWalk {
    let domain: VirtualHostDomain
    /// Objects looked at before the lock is let go.
    var sliceCountMax = 1_000
    /// What to do between two slices; the lock is not fair, and others have to get it.
    var pause: () -> Void = {}

    /// Calls `body` with every queue, under the lock.
    ///
    /// - Parameter body: Says how many objects the queue counted for.
    func forEachQueue(_ body: (Queue) -> Int) {
        var cursor = ByteKeyTable<Queue>.Cursor()
        inSlices { virtualHost in
            guard let (_, queue) = virtualHost.state.queues.next(&cursor) else { return nil }
            return body(queue)
        }
    }

    /// Calls `body` with every exchange, under the lock.
    ///
    /// - Parameter body: Says how many objects the exchange counted for.
    func forEachExchange(_ body: (Exchange) -> Int) {
        var cursor = ByteKeyTable<Exchange>.Cursor()
        inSlices { virtualHost in
            guard let (_, exchange) = virtualHost.state.exchanges.next(&cursor) else { return nil }
            return body(exchange)
        }
    }

    /// Calls `body` with every connection, newest first, under the lock.
    ///
    /// - Parameter body: Says how many objects the connection counted for; it may close it.
    func forEachConnection(_ body: (Connection) -> Int) {
        var hasStarted = false
        inSlices { virtualHost in
            if !hasStarted {
                hasStarted = true
                virtualHost.state.inspectionCursor = virtualHost.state.firstConnection
            }
            guard let connection = virtualHost.state.inspectionCursor else { return nil }
            virtualHost.state.inspectionCursor = connection.state.nextConnection
            return body(connection)
        }
    }

    /// Calls `body` with one piece after the other of a list that may be long, under the lock.
    ///
    /// From the end to the start: when an element is removed, the last one takes its place, so
    /// that reading backwards may meet an element twice but never misses one.
    ///
    /// - Parameter body: Looks the list up afresh, takes the elements from the index it is given
    ///   down, at most so many, and returns the index to go on below; `nil` when it is gone.
    ///   The first index is `Int.max`.
    func forEachPiece(_ body: (VirtualHost, _ below: Int, _ countMax: Int) -> Int?) {
        var below = Int.max
        inSlices { virtualHost in
            guard let next = body(virtualHost, below, sliceCountMax), next > 0 else { return nil }
            below = next
            return sliceCountMax
        }
    }

    /// Calls `step` under the lock until it returns `nil`, and lets go when a slice is full.
    private func inSlices(_ step: (VirtualHost) -> Int?) {
        var isDone = false
        while true {
            domain.lock.withLock {
                var room = sliceCountMax
                while room > 0 {
                    guard let count = step(domain.virtualHost) else {
                        isDone = true
                        return
                    }
                    room -= max(1, count)
                }
            }
            if isDone { return }
            pause()
        }
    }
}
