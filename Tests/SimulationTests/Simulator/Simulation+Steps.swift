@testable import TestSupport
import Wire

@testable import Broker

/// Following the broker step by step where it does several things in one turn, so that the model
/// knows in which order they were.
extension Simulation: TurnObserver {
    func took(_ step: TurnStep) {
        guard failure == nil else { return }
        hasStepped = true
        do {
            try follow(step)
            try listen()
        } catch {
            failure = error
        }
        model.beginOperation()
    }

    private func follow(_ step: TurnStep) throws {
        switch step {
        case .timerFired(let event): model.noteTimer(event)
        case .published(let channel): try notePublished(on: channel)
        case .settled(let channel): model.settleNext(on: known(channel))
        case .committed(let channel): noteCommitted(on: channel, isRefused: false)
        case .commitFailed(let channel): noteCommitted(on: channel, isRefused: true)
        case .fetched: model.isFetching = true
        case .delayedRouted, .burying, .buried: break
        }
    }

    /// A message has gone into its queues, and what died of it is dealt with before the rest.
    private func notePublished(on channel: Channel) throws {
        let known = known(channel)
        guard known.transaction == nil else { return model.publishNext(on: known) }
        guard let operation = peers[known.connection]?.next, case .publish = operation else {
            throw Violation("\(known.name): a message was published that nobody sent")
        }
        isApplied = true
        model.apply(operation, on: known)
    }

    /// A commit is over; one that is refused at once is known by what became of its channel.
    private func noteCommitted(on channel: Channel, isRefused: Bool) {
        let known = known(channel)
        if let waiting = waitingCommits.firstIndex(where: {
            $0 == (known.connection, known.number)
        }) {
            note("\(known.connection)/\(known.number): the commit goes on")
            count(\.waitingCommits)
            waitingCommits.remove(at: waiting)
        } else {
            isApplied = true
        }
        known.isCommitRefused = isRefused
        model.apply(.method(.txCommit(TxCommit())), on: known)
    }

    private func known(_ channel: Channel) -> ModelChannel {
        model.channel(Int(channel.state.connection.state.id), channel.state.number)
    }
}
