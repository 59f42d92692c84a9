/// What the last start brought back, and what it could not.
struct RecoverySummary: Sendable {
    let report: RecoveryReport
    let losses: [RestoreLoss]
    let queueCount: Int
    let messageCount: Int
    /// Whether the journal ended within a transaction, none of which counts.
    let endedInTransaction: Bool
    let milliseconds: Int64
}
