import BrokerClient
import Testing
import Wire

@testable import brokerctl

@Suite("Command failure")
struct CommandFailureTests {
    @Test(
        "each reply code has its exit code",
        arguments: [
            (404, ExitCode.notFound), (405, .notFound), (406, .notFound), (403, .denied),
            (530, .denied), (320, .unreachable), (541, .failure), (999, .failure),
        ] as [(UInt16, ExitCode)]
    )
    func replyCodes(_ code: UInt16, _ expected: ExitCode) {
        let reason = CloseReason(code: code, text: "X")
        #expect(ExitCode(.channelClosed(reason)) == expected)
        #expect(ExitCode(.connectionClosed(reason)) == expected)
    }

    @Test("a sentence says what was attempted and what the broker answered")
    func sentence() {
        let reason = CloseReason(code: 404, text: "NOT_FOUND - no queue 'q' in vhost '/'")
        let failure = CommandFailure(.channelClosed(reason), doing: "purge queue 'q'")
        #expect(failure.code == .notFound)
        #expect(failure.message == "cannot purge queue 'q': NOT_FOUND - no queue 'q' in vhost '/'")
    }
}
