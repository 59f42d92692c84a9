import Testing

@Suite("The simulator")
struct SimulationTests {
    @Test("nothing confirmed is lost, whatever happens", arguments: 0..<10)
    func seeds(_ part: Int) {
        for seed in UInt64(part) * 20..<UInt64(part + 1) * 20 {
            if let report = SimulationReport(seed: seed).failure { Issue.record("\(report)") }
        }
    }

    @Test("a seed does the same every time")
    func replay() throws {
        for seed: UInt64 in 0..<5 {
            var first: [String] = []
            var second: [String] = []
            let statistics = try Simulation(seed: seed) { first.append($0) }.run()
            #expect(try Simulation(seed: seed) { second.append($0) }.run() == statistics)
            #expect(first == second)
        }
    }
}
