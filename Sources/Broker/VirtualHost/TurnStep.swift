/// One of several things that happen, in an order of their own, while the core is called once.
enum TurnStep {
    /// A timer has been dealt with. Its queue, stream, exchange or channel may be gone.
    case timerFired(TimerEvent)
    /// A message that was delayed has been routed.
    case delayedRouted
    /// A message was published on the channel: in a commit, or one that made others die which are
    /// dealt with before it is confirmed.
    case published(Channel)
    /// A commit has settled its next delivery.
    case settled(Channel)
    /// A commit is carried out, and about to be answered.
    case committed(Channel)
    /// A commit that had waited for the disk has cost its channel.
    case commitFailed(Channel)
    /// A basic.get that waited for the disk has been answered.
    case fetched
    /// Messages that died are about to be dealt with.
    case burying
    /// One of them has been.
    case buried
}

/// Follows the core step by step where one call does several things.
///
/// Steps that every message takes are not among them: nobody pays for being followed.
protocol TurnObserver: AnyObject {
    /// A step has been taken; what is seen of the core now is as it left it.
    ///
    /// It may look at the core, and not call into it.
    func took(_ step: TurnStep)
}

extension Handle where State == VirtualHostState {
    /// Tells whoever follows.
    @inline(__always)
    func noteStep(_ step: @autoclosure () -> TurnStep) {
        if let observer = state.observer { observer.took(step()) }
    }
}
