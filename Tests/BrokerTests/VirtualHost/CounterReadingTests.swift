import Testing

@testable import Broker

@Suite("Counter reading")
struct CounterReadingTests {
    @Test("is nothing at first, and then what was read last")
    func remembersTheLast() {
        var reading = CounterReading()
        #expect(reading.counters == MessageCounters())
        #expect(reading.rates == MessageRates())
        var counters = MessageCounters()
        var rates = MessageRates()
        for number in 1...2 as ClosedRange<UInt64> {
            counters.published = number * 10
            rates.published = Double(number)
            reading.note(counters, rates)
            #expect(reading.counters == counters)
            #expect(reading.rates == rates)
        }
        reading.note(counters, MessageRates())
        #expect(reading.counters == counters)
        #expect(reading.rates == MessageRates())
    }
}
