/// A mebibyte of the allocator's memory, from which runs are taken.
///
/// All areas are equally large and are asked for without an alignment, so the allocator can use the
/// place of one that was returned for the next one. Asked for one by one, runs would leave holes
/// between them that no run fits into.
typealias BlockArea = Handle<BlockAreaState>

/// The state behind a `BlockArea` handle.
@safe
struct BlockAreaState: ~Copyable {
    /// Runs of an area.
    static let runCount = 16

    private let base: UnsafeMutableRawPointer
    /// Runs that were given back.
    fileprivate var free: BlockRun?
    /// Runs that were taken from `base` so far.
    fileprivate var cutCount = 0
    /// Runs that are out.
    fileprivate(set) var usedCount = 0
    /// Its place among those that have runs to give.
    fileprivate var next: BlockArea?
    fileprivate var previous: BlockArea?

    init() {
        unsafe base = .allocate(
            byteCount: (Self.runCount + 1) * BlockRun.byteCount,
            alignment: 16
        )
    }

    deinit { unsafe base.deallocate() }

    /// The first run behind `base`.
    fileprivate var start: UnsafeMutableRawPointer {
        unsafe base.alignedUp(toMultipleOf: BlockRun.byteCount)
    }
}

extension Handle where State == BlockAreaState {
    /// Whether all runs are out.
    var isFull: Bool { state.usedCount == BlockAreaState.runCount }

    /// Whether none is.
    var isUnused: Bool { state.usedCount == 0 }

    /// The one behind it among those that have runs to give.
    var next: BlockArea? { state.next }

    /// Takes a run from an area that is not full.
    func take() -> BlockRun {
        precondition(!isFull, "all runs of the area are out")
        state.usedCount += 1
        if let run = state.free {
            run.remove(from: &state.free)
            return run
        }
        state.cutCount += 1
        return unsafe BlockRun(
            base: state.start + (state.cutCount - 1) * BlockRun.byteCount
        )
    }

    /// Takes a run of this area back.
    func put(_ run: BlockRun) {
        run.add(to: &state.free)
        state.usedCount -= 1
    }

    /// Puts it in front of those that have runs to give.
    func prepend(to first: inout BlockArea?) {
        state.next = first
        state.previous = nil
        first?.state.previous = self
        first = self
    }

    /// Takes it out of them.
    func remove(from first: inout BlockArea?) {
        let (before, after) = (state.previous, state.next)
        if let before { before.state.next = after } else { first = after }
        after?.state.previous = before
    }
}
