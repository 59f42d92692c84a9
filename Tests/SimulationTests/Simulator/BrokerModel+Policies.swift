import Wire

@testable import Broker

/// Policies: exchanges follow at once, queues one after another.
extension BrokerModel {
    /// A policy is set, or cleared where `record` is `nil`; queues do not know of it yet.
    func set(_ id: ModelPolicies.ID, _ record: PolicyRecord?) {
        topology.set(id, record)
        noteTopology()
    }

    /// Some queues have taken on what applies to them now; which, the broker says.
    ///
    /// - Parameters:
    ///   - virtualHost: Where they are.
    ///   - isDone: Whether all must have.
    /// - Throws: When one follows others than apply.
    func followPolicies(_ virtualHost: VirtualHost, isDone: Bool) throws(Violation) {
        for queue in liveQueues {
            guard let known = topology.queues[queue.name],
                let handle = virtualHost.queue(named: queue.name)
            else { continue }
            let found = ModelPolicies.Applied(
                user: handle.state.policies.policy?.record,
                operator: handle.state.policies.operatorPolicy?.record
            )
            let expected = topology.policies.applied(to: known.declare)
            if found == expected {
                guard queue.policies != expected else { continue }
                queue.policies = expected
                queue.adopt(topology.policies.arguments(of: known.declare), moment)
            } else {
                try insist(
                    !isDone && found == queue.policies,
                    "\(queue.name.string) has other policies than apply: \(found), not "
                        + "\(expected)"
                )
            }
        }
    }
}

extension ModelQueue {
    /// Takes on other settings, for what is in it as well.
    ///
    /// Messages keep their ends; what is too much is dropped at once unless the queue refused
    /// and goes on refusing.
    func adopt(_ arguments: FieldTable, _ moment: ModelMoment) {
        let (time, couldDrop) = (unusedTimeMax, overflow == "drop-head")
        read(arguments)
        if time != unusedTimeMax { unusedSince = moment.now }
        if couldDrop || overflow == "drop-head" { cutBy = moment.operation }
    }

    /// Whether what is in it had to be cut to other limits by an operation.
    func isCut(by operation: Int) -> Bool { cutBy == operation }
}
