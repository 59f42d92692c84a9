import TestSupport
import Wire

/// A method with an argument of each kind set, and its octets as another implementation has them.
///
/// The octets were made by the conformance suite's own encoder, which shares nothing with ours.
struct MethodExample: CustomStringConvertible {
    let method: Method
    /// Two hexadecimal digits for each octet of the method frame's payload.
    let hexadecimal: String

    init(_ method: Method, _ hexadecimal: String) {
        self.method = method
        self.hexadecimal = hexadecimal
    }

    var description: String { method.name }

    var bytes: [UInt8] { [UInt8](hexadecimal: hexadecimal) }

    static let all = connection + channel + access + exchange + queue + basic + confirm + tx
}

extension MethodExample {
    /// Every method of class connection.
    static let connection: [MethodExample] = [
        MethodExample(
            .connectionStart(
                ConnectionStart(
                    versionMajor: 200,
                    versionMinor: 201,
                    serverProperties: ["one": .int32(2)],
                    mechanisms: Array("two".utf8),
                    locales: Array("three".utf8)
                )
            ),
            "000a000ac8c900000009036f6e6549000000020000000374776f000000057468726565"
        ),
        MethodExample(
            .connectionStartOk(
                ConnectionStartOk(
                    clientProperties: ["four": .int32(3)],
                    mechanism: "five",
                    response: Array("six".utf8),
                    locale: "seven"
                )
            ),
            "000a000b0000000a04666f7572490000000304666976650000000373697805736576656e"
        ),
        MethodExample(
            .connectionSecure(ConnectionSecure(challenge: Array("eight".utf8))),
            "000a0014000000056569676874"
        ),
        MethodExample(
            .connectionSecureOk(ConnectionSecureOk(response: Array("nine".utf8))),
            "000a0015000000046e696e65"
        ),
        MethodExample(
            .connectionTune(
                ConnectionTune(channelMax: 0x0102, frameMax: 0x80010204, heartbeat: 0x2324)
            ),
            "000a001e0102800102042324"
        ),
        MethodExample(
            .connectionTuneOk(
                ConnectionTuneOk(channelMax: 0x0102, frameMax: 0x80010204, heartbeat: 0x2324)
            ),
            "000a001f0102800102042324"
        ),
        MethodExample(
            .connectionOpen(ConnectionOpen(virtualHost: "ten", capabilities: "one", insist: true)),
            "000a00280374656e036f6e6501"
        ),
        MethodExample(
            .connectionOpenOk(ConnectionOpenOk(knownHosts: "two")),
            "000a00290374776f"
        ),
        MethodExample(
            .connectionClose(
                ConnectionClose(
                    replyCode: 0x0102,
                    replyText: "three",
                    classID: 0x2324,
                    methodID: 0x3435
                )
            ),
            "000a0032010205746872656523243435"
        ),
        MethodExample(
            .connectionCloseOk(ConnectionCloseOk()),
            "000a0033"
        ),
        MethodExample(
            .connectionBlocked(ConnectionBlocked(reason: "four")),
            "000a003c04666f7572"
        ),
        MethodExample(
            .connectionUnblocked(ConnectionUnblocked()),
            "000a003d"
        ),
        MethodExample(
            .connectionUpdateSecret(
                ConnectionUpdateSecret(newSecret: Array("five".utf8), reason: "six")
            ),
            "000a0046000000046669766503736978"
        ),
        MethodExample(
            .connectionUpdateSecretOk(ConnectionUpdateSecretOk()),
            "000a0047"
        ),
    ]

    /// Every method of class channel.
    static let channel: [MethodExample] = [
        MethodExample(
            .channelOpen(ChannelOpen(outOfBand: "seven")),
            "0014000a05736576656e"
        ),
        MethodExample(
            .channelOpenOk(ChannelOpenOk(channelID: Array("eight".utf8))),
            "0014000b000000056569676874"
        ),
        MethodExample(
            .channelFlow(ChannelFlow(active: true)),
            "0014001401"
        ),
        MethodExample(
            .channelFlowOk(ChannelFlowOk(active: true)),
            "0014001501"
        ),
        MethodExample(
            .channelClose(
                ChannelClose(
                    replyCode: 0x0102,
                    replyText: "nine",
                    classID: 0x2324,
                    methodID: 0x3435
                )
            ),
            "001400280102046e696e6523243435"
        ),
        MethodExample(
            .channelCloseOk(ChannelCloseOk()),
            "00140029"
        ),
    ]

    /// Every method of class access.
    static let access: [MethodExample] = [
        MethodExample(
            .accessRequest(
                AccessRequest(
                    realm: "ten",
                    exclusive: false,
                    passive: true,
                    active: false,
                    write: true,
                    read: false
                )
            ),
            "001e000a0374656e0a"
        ),
        MethodExample(
            .accessRequestOk(AccessRequestOk(ticket: 0x0102)),
            "001e000b0102"
        ),
    ]

    /// Every method of class confirm.
    static let confirm: [MethodExample] = [
        MethodExample(
            .confirmSelect(ConfirmSelect(noWait: true)),
            "0055000a01"
        ),
        MethodExample(
            .confirmSelectOk(ConfirmSelectOk()),
            "0055000b"
        ),
    ]

    /// Every method of class tx.
    static let tx: [MethodExample] = [
        MethodExample(
            .txSelect(TxSelect()),
            "005a000a"
        ),
        MethodExample(
            .txSelectOk(TxSelectOk()),
            "005a000b"
        ),
        MethodExample(
            .txCommit(TxCommit()),
            "005a0014"
        ),
        MethodExample(
            .txCommitOk(TxCommitOk()),
            "005a0015"
        ),
        MethodExample(
            .txRollback(TxRollback()),
            "005a001e"
        ),
        MethodExample(
            .txRollbackOk(TxRollbackOk()),
            "005a001f"
        ),
    ]
}
