/// What a confirm waits for: how much of what it promises a power failure may take back.
///
/// Whatever the policy, an orderly stop syncs everything, and a segment is synced when it is full.
package enum SyncPolicy: String, CaseIterable, Sendable {
    /// The disk: fdatasync before every confirm.
    case confirm
    /// The operating system; fdatasync follows within an interval.
    case interval
    /// The operating system, which writes back when it likes.
    case none
}
