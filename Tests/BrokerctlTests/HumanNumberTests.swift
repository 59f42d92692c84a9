import Testing

@testable import brokerctl

@Suite("Human number")
struct HumanNumberTests {
    @Test(
        "counts have their thousands separated",
        arguments: [
            (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1000, "-1,000"),
            (Int.min, "-9,223,372,036,854,775,808"),
        ]
    )
    func counts(_ value: Int, _ text: String) {
        #expect(HumanNumber.count(value) == text)
    }

    @Test(
        "sizes have three digits and a binary unit",
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (15_872, "15.5 KiB"),
            (734_003_200, "700 MiB"), (Int.max, "8192 PiB"),
        ]
    )
    func bytes(_ value: Int, _ text: String) {
        #expect(HumanNumber.bytes(value) == text)
    }

    @Test(
        "rates lose digits as they grow",
        arguments: [
            (0, "0/s"), (0.256, "0.26/s"), (12.34, "12.3/s"), (999, "999/s"), (1240.4, "1,240/s"),
        ]
    )
    func rates(_ value: Double, _ text: String) {
        #expect(HumanNumber.rate(value) == text)
        #expect(HumanNumber.rate(.nan) == "0/s")
    }

    @Test(
        "fractions are rounded, zeros kept",
        arguments: [(1.005, 1, "1.0"), (2.5, 0, "3"), (-0.004, 2, "0.00"), (-1.25, 2, "-1.25")]
    )
    func fixed(_ value: Double, _ places: Int, _ text: String) {
        #expect(HumanNumber.fixed(value, places: places) == text)
    }
}
