import Wire

/// Who may connect: so far one user from this machine only, as in a fresh RabbitMQ.
///
/// RabbitMQ: default_user guest, default_pass guest, loopback_users.guest = true.
struct Authentication: Authenticator {
    let mechanisms = ["PLAIN", "AMQPLAIN"]
    private let user = Array("guest".utf8)
    private let password = Array("guest".utf8)

    func authenticate(
        mechanism: String,
        response: [UInt8],
        peer: ConnectionPeer
    )
        -> LoginOutcome
    {
        let credentials: Credentials?
        switch mechanism {
        case "PLAIN": credentials = Credentials(plain: response)
        case "AMQPLAIN": credentials = Credentials(amqPlain: response)
        default: return .refused(user: "", reason: "unknown mechanism")
        }
        guard let credentials else { return .refused(user: "", reason: "malformed response") }
        let name = String(decoding: credentials.user, as: UTF8.self)
        let isUser = isEqual(credentials.user, user)
        let isPassword = isEqual(credentials.password, password)
        guard isUser && isPassword else {
            return .refused(user: name, reason: isUser ? "wrong password" : "unknown user")
        }
        guard peer.isLoopback else {
            return .refused(user: name, reason: "user may only connect from this machine")
        }
        return .accepted(user: name)
    }

    /// Compares in a time that depends on the presented octets only, not on where they differ.
    private func isEqual(_ presented: [UInt8], _ expected: [UInt8]) -> Bool {
        var difference = presented.count ^ expected.count
        for index in presented.indices {
            difference |= Int(presented[index] ^ expected[index % expected.count])
        }
        return difference == 0
    }
}

/// A user name and a password as they came.
private struct Credentials {
    let user: [UInt8]
    let password: [UInt8]

    /// Reads `authzid NUL authcid NUL passwd` (RFC 4616); acting for somebody else is not
    /// possible, so the first is empty or repeats the second.
    init?(plain response: [UInt8]) {
        let parts = response.split(
            separator: 0,
            maxSplits: 3,
            omittingEmptySubsequences: false
        )
        guard parts.count == 3, parts[0].isEmpty || parts[0] == parts[1] else { return nil }
        user = Array(parts[1])
        password = Array(parts[2])
    }

    /// Reads a field table without its length, with LOGIN and PASSWORD as long strings
    /// (RabbitMQ: rabbit_auth_mechanism_amqplain).
    init?(amqPlain response: [UInt8]) {
        var writer = ByteWriter()
        writer.writeLongString(response)
        do throws(WireError) {
            let table = try ByteView.with(writer.bytes) { view throws(WireError) in
                try FieldTable(decoding: view)
            }
            guard case .longString(let user)? = table["LOGIN"],
                case .longString(let password)? = table["PASSWORD"]
            else { return nil }
            self.user = user
            self.password = password
        } catch {
            return nil
        }
    }
}
