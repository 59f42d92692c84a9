import Wire

@testable import Broker

/// Lets everybody in.
struct OpenDoor: Authenticator {
    let mechanisms = ["PLAIN"]

    func authenticate(mechanism: String, response: [UInt8], peer: ConnectionPeer) -> LoginOutcome {
        response == [0]
            ? .refused(user: "", reason: "asked to be refused") : .accepted(user: "guest")
    }
}

/// Says nothing.
struct NoLog: ConnectionLog {
    func opened(peer: ConnectionPeer, user: String, virtualHost: String) {}
    func closed(peer: ConnectionPeer, user: String) {}
    func clientError(_ error: ProtocolError, peer: ConnectionPeer, user: String, channel: UInt16) {}
    func refusedLogin(user: String, reason: String, peer: ConnectionPeer, mechanism: String) {}
    func timedOut(_ wait: ConnectionWait, peer: ConnectionPeer, user: String) {}
}
