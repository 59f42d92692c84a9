import Testing
import Wire

@testable import Broker

extension PolicyRecord {
    /// A policy for all names that begin with its pattern.
    init(
        _ name: ShortString,
        _ pattern: String,
        _ definition: FieldTable,
        priority: Double = 0,
        target: Policy.Target = .all,
        kind: Policy.Kind = .user
    ) {
        self.init(
            kind: kind,
            name: name,
            pattern: Array(pattern.utf8),
            definition: definition,
            priority: priority,
            target: target
        )
    }
}

extension DialogueBroker {
    /// Sets a policy as management does, with every queue following at once.
    func set(_ record: PolicyRecord) throws {
        let policy = try Policy(record)
        var failure: PolicyError?
        batch {
            do throws(PolicyError) {
                try virtualHost.set(policy)
            } catch {
                failure = error
            }
            applyPolicies()
        }
        if let failure { throw failure }
    }

    func clearPolicy(_ name: ShortString, _ kind: Policy.Kind = .user) {
        batch {
            virtualHost.clearPolicy(kind, named: name)
            applyPolicies()
        }
    }

    private func applyPolicies() {
        var cursor = ByteKeyTable<Queue>.Cursor()
        while virtualHost.applyPolicies(from: &cursor, countMax: 2) {}
    }
}
