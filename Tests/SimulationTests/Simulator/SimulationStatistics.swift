/// What happened, in numbers: a simulation that does little proves little.
struct SimulationStatistics: Equatable, CustomStringConvertible {
    var operations = 0
    var channelErrors = 0
    var journalSteps = 0
    var crashes = 0
    var crashesInRecovery = 0
    var fullDisks = 0
    var recoveredMessages = 0
    var removedSegments = 0
    var pages = 0
    /// Messages on disk only, seen after a turn: handed out, or come back.
    var pagedDeliveries = 0
    var pagedReturns = 0
    /// Transactions that waited for what died with them.
    var waitingCommits = 0
    var compactions = 0

    var description: String {
        """
        \(operations) operations, \(channelErrors) channel errors, \(journalSteps) journal steps, \
        \(removedSegments) segments removed, \(pages) pager steps, \
        \(pagedDeliveries) paged deliveries and \(pagedReturns) paged returns seen, \
        \(waitingCommits) commits that waited, \
        \(compactions) compactor steps, \(fullDisks) full disks, \
        \(crashes) crashes, \(crashesInRecovery) in recovery, \
        \(recoveredMessages) messages recovered
        """
    }

    static func += (left: inout SimulationStatistics, right: SimulationStatistics) {
        left.operations += right.operations
        left.channelErrors += right.channelErrors
        left.journalSteps += right.journalSteps
        left.crashes += right.crashes
        left.crashesInRecovery += right.crashesInRecovery
        left.fullDisks += right.fullDisks
        left.recoveredMessages += right.recoveredMessages
        left.removedSegments += right.removedSegments
        left.pages += right.pages
        left.pagedDeliveries += right.pagedDeliveries
        left.pagedReturns += right.pagedReturns
        left.waitingCommits += right.waitingCommits
        left.compactions += right.compactions
    }
}
