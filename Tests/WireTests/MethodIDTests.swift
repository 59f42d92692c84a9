import Testing
import Wire

@Suite("Method id")
struct MethodIDTests {
    @Test("Every method has its own id and name")
    func unique() {
        #expect(MethodID.all.count == 66)
        #expect(Set(MethodID.all).count == MethodID.all.count)
        #expect(Set(MethodID.all.map(\.name)).count == MethodID.all.count)
    }

    @Test("Both numbers go into one and back")
    func packed() {
        #expect(QueueDeclare.id.packed == 0x0032_000A)
        #expect(MethodID.all.allSatisfy { MethodID(packed: $0.packed) == $0 })
    }

    @Test("Four methods carry content")
    func content() {
        let names = MethodID.all.filter(\.carriesContent).map(\.name)
        #expect(names == ["basic.publish", "basic.return", "basic.deliver", "basic.get-ok"])
    }

    @Test("Every method has a sender, and those of both sides are known")
    func senders() {
        #expect(MethodID.all.allSatisfy { $0.isSentByClient || $0.isSentByServer })
        let both = MethodID.all.filter { $0.isSentByClient && $0.isSentByServer }.map(\.name)
        #expect(
            both == [
                "connection.close", "connection.close-ok", "channel.flow", "channel.flow-ok",
                "channel.close", "channel.close-ok", "basic.cancel", "basic.cancel-ok",
                "basic.ack", "basic.nack",
            ]
        )
    }

    @Test("A client sends requests and a server answers them")
    func directions() {
        let requests = [
            ConnectionStartOk.id, ConnectionTuneOk.id, ConnectionOpen.id, ConnectionUpdateSecret.id,
            ChannelOpen.id, QueueDeclare.id, BasicPublish.id, ConfirmSelect.id, AccessRequest.id,
        ]
        #expect(requests.allSatisfy { $0.isSentByClient && !$0.isSentByServer })
        let answers = [
            ConnectionStart.id, ConnectionTune.id, ConnectionOpenOk.id, ConnectionBlocked.id,
            ChannelOpenOk.id, QueueDeclareOk.id, BasicDeliver.id, BasicGetEmpty.id, BasicReturn.id,
        ]
        #expect(answers.allSatisfy { $0.isSentByServer && !$0.isSentByClient })
    }

    @Test("A method nobody knows has numbers for a name and no sender")
    func unknown() {
        let id = MethodID(classID: 99, methodID: 7)
        #expect(id.name == "99.7")
        #expect(!id.isSentByClient && !id.isSentByServer && !id.carriesContent)
    }

    @Test("Requests await an answer, and what streams does not")
    func synchronous() {
        #expect(QueueDeclare.id.isSynchronous)
        #expect(!QueueDeclareOk.id.isSynchronous)
        #expect(!BasicPublish.id.isSynchronous)
        #expect(!BasicAck.id.isSynchronous)
    }
}
