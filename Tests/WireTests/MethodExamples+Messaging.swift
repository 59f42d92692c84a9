import Wire

extension MethodExample {
    /// Every method of class exchange.
    static let exchange: [MethodExample] = [
        MethodExample(
            .exchangeDeclare(
                ExchangeDeclare(
                    ticket: 0x0102,
                    exchange: "one",
                    type: "two",
                    passive: false,
                    durable: true,
                    autoDelete: false,
                    internal: true,
                    noWait: false,
                    arguments: ["three": .int32(2)]
                )
            ),
            "0028000a0102036f6e650374776f0a0000000b0574687265654900000002"
        ),
        MethodExample(
            .exchangeDeclareOk(ExchangeDeclareOk()),
            "0028000b"
        ),
        MethodExample(
            .exchangeDelete(
                ExchangeDelete(ticket: 0x0102, exchange: "four", ifUnused: true, noWait: false)
            ),
            "00280014010204666f757201"
        ),
        MethodExample(
            .exchangeDeleteOk(ExchangeDeleteOk()),
            "00280015"
        ),
        MethodExample(
            .exchangeBind(
                ExchangeBind(
                    ticket: 0x0102,
                    destination: "five",
                    source: "six",
                    routingKey: "seven",
                    noWait: true,
                    arguments: ["eight": .int32(6)]
                )
            ),
            "0028001e010204666976650373697805736576656e010000000b05656967687449000000"
                + "06"
        ),
        MethodExample(
            .exchangeBindOk(ExchangeBindOk()),
            "0028001f"
        ),
        MethodExample(
            .exchangeUnbind(
                ExchangeUnbind(
                    ticket: 0x0102,
                    destination: "nine",
                    source: "ten",
                    routingKey: "one",
                    noWait: true,
                    arguments: ["two": .int32(8)]
                )
            ),
            "002800280102046e696e650374656e036f6e6501000000090374776f4900000008"
        ),
        MethodExample(
            .exchangeUnbindOk(ExchangeUnbindOk()),
            "00280033"
        ),
    ]

    /// Every method of class queue.
    static let queue: [MethodExample] = [
        MethodExample(
            .queueDeclare(
                QueueDeclare(
                    ticket: 0x0102,
                    queue: "three",
                    passive: true,
                    durable: false,
                    exclusive: true,
                    autoDelete: false,
                    noWait: true,
                    arguments: ["four": .int32(2)]
                )
            ),
            "0032000a0102057468726565150000000a04666f75724900000002"
        ),
        MethodExample(
            .queueDeclareOk(
                QueueDeclareOk(queue: "five", messageCount: 0x80010204, consumerCount: 0x80010205)
            ),
            "0032000b04666976658001020480010205"
        ),
        MethodExample(
            .queueBind(
                QueueBind(
                    ticket: 0x0102,
                    queue: "six",
                    exchange: "seven",
                    routingKey: "eight",
                    noWait: true,
                    arguments: ["nine": .int32(4)]
                )
            ),
            "0032001401020373697805736576656e056569676874010000000a046e696e6549000000"
                + "04"
        ),
        MethodExample(
            .queueBindOk(QueueBindOk()),
            "00320015"
        ),
        MethodExample(
            .queuePurge(QueuePurge(ticket: 0x0102, queue: "ten", noWait: true)),
            "0032001e01020374656e01"
        ),
        MethodExample(
            .queuePurgeOk(QueuePurgeOk(messageCount: 0x80010203)),
            "0032001f80010203"
        ),
        MethodExample(
            .queueDelete(
                QueueDelete(
                    ticket: 0x0102,
                    queue: "one",
                    ifUnused: true,
                    ifEmpty: false,
                    noWait: true
                )
            ),
            "003200280102036f6e6505"
        ),
        MethodExample(
            .queueDeleteOk(QueueDeleteOk(messageCount: 0x80010203)),
            "0032002980010203"
        ),
        MethodExample(
            .queueUnbind(
                QueueUnbind(
                    ticket: 0x0102,
                    queue: "two",
                    exchange: "three",
                    routingKey: "four",
                    arguments: ["five": .int32(10)]
                )
            ),
            "0032003201020374776f05746872656504666f75720000000a0466697665490000000a"
        ),
        MethodExample(
            .queueUnbindOk(QueueUnbindOk()),
            "00320033"
        ),
    ]

    /// Every method of class basic.
    static let basic: [MethodExample] = [
        MethodExample(
            .basicQos(BasicQos(prefetchSize: 0x80010203, prefetchCount: 0x1213, global: true)),
            "003c000a80010203121301"
        ),
        MethodExample(
            .basicQosOk(BasicQosOk()),
            "003c000b"
        ),
        MethodExample(
            .basicConsume(
                BasicConsume(
                    ticket: 0x0102,
                    queue: "six",
                    consumerTag: "seven",
                    noLocal: false,
                    noAck: true,
                    exclusive: false,
                    noWait: true,
                    arguments: ["eight": .int32(4)]
                )
            ),
            "003c001401020373697805736576656e0a0000000b0565696768744900000004"
        ),
        MethodExample(
            .basicConsumeOk(BasicConsumeOk(consumerTag: "nine")),
            "003c0015046e696e65"
        ),
        MethodExample(
            .basicCancel(BasicCancel(consumerTag: "ten", noWait: false)),
            "003c001e0374656e00"
        ),
        MethodExample(
            .basicCancelOk(BasicCancelOk(consumerTag: "one")),
            "003c001f036f6e65"
        ),
        MethodExample(
            .basicPublish(
                BasicPublish(
                    ticket: 0x0102,
                    exchange: "two",
                    routingKey: "three",
                    mandatory: false,
                    immediate: true
                )
            ),
            "003c002801020374776f05746872656502"
        ),
        MethodExample(
            .basicReturn(
                BasicReturn(
                    replyCode: 0x0102,
                    replyText: "four",
                    exchange: "five",
                    routingKey: "six"
                )
            ),
            "003c0032010204666f7572046669766503736978"
        ),
        MethodExample(
            .basicDeliver(
                BasicDeliver(
                    consumerTag: "seven",
                    deliveryTag: 0x8001020304050608,
                    redelivered: true,
                    exchange: "eight",
                    routingKey: "nine"
                )
            ),
            "003c003c05736576656e800102030405060801056569676874046e696e65"
        ),
        MethodExample(
            .basicGet(BasicGet(ticket: 0x0102, queue: "ten", noAck: true)),
            "003c004601020374656e01"
        ),
        MethodExample(
            .basicGetOk(
                BasicGetOk(
                    deliveryTag: 0x8001020304050607,
                    redelivered: false,
                    exchange: "one",
                    routingKey: "two",
                    messageCount: 0x80010207
                )
            ),
            "003c0047800102030405060700036f6e650374776f80010207"
        ),
        MethodExample(
            .basicGetEmpty(BasicGetEmpty(clusterID: "three")),
            "003c0048057468726565"
        ),
        MethodExample(
            .basicAck(BasicAck(deliveryTag: 0x8001020304050607, multiple: false)),
            "003c0050800102030405060700"
        ),
        MethodExample(
            .basicReject(BasicReject(deliveryTag: 0x8001020304050607, requeue: false)),
            "003c005a800102030405060700"
        ),
        MethodExample(
            .basicRecoverAsync(BasicRecoverAsync(requeue: true)),
            "003c006401"
        ),
        MethodExample(
            .basicRecover(BasicRecover(requeue: true)),
            "003c006e01"
        ),
        MethodExample(
            .basicRecoverOk(BasicRecoverOk()),
            "003c006f"
        ),
        MethodExample(
            .basicNack(BasicNack(deliveryTag: 0x8001020304050607, multiple: false, requeue: true)),
            "003c0078800102030405060702"
        ),
    ]
}
