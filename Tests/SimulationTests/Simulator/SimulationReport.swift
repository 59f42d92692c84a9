/// How the run of one seed went.
struct SimulationReport {
    /// Lines of the trace that a failure shows.
    private static let traceLength = 60

    let statistics: SimulationStatistics
    /// What was wrong, what happened before, and how to see it again.
    let failure: String?

    /// Runs a seed; a second time, with a trace, when it fails.
    init(seed: UInt64) {
        do {
            statistics = try Simulation(seed: seed).run()
            failure = nil
        } catch {
            statistics = SimulationStatistics()
            failure = SimulationReport.explain(seed: seed, "\(error)")
        }
    }

    private static func explain(seed: UInt64, _ first: String) -> String {
        var trace: [String] = []
        var second = "nothing"
        do {
            _ = try Simulation(seed: seed) { trace.append($0) }.run()
        } catch {
            second = "\(error)"
        }
        let differs = second == first ? "" : "\n(and the second time: \(second))"
        return """
            seed \(seed): \(first)\(differs)
            \(trace.suffix(traceLength).map { "    " + $0 }.joined(separator: "\n"))
            replay: scripts/simulate --seeds 1 --from \(seed) --trace
            """
    }
}
