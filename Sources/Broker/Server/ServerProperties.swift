import Glibc
import Wire

/// The broker's version, as `brokerd --version` and its clients see it.
package enum BrokerVersion {
    /// This program's own.
    package static let text = "0.1.0"
    /// The RabbitMQ release whose behaviour clients may expect.
    ///
    /// Libraries choose by it: kombu, for one, uses prefetch in RabbitMQ's meaning only from
    /// RabbitMQ 3.3 on.
    static let rabbitMQ = "3.13.0"
}

extension FieldTable {
    /// What connection.start says about the server (RabbitMQ: rabbit_reader, server_properties).
    static func serverProperties() -> FieldTable {
        [
            "capabilities": .table([
                "publisher_confirms": .bool(true),
                "exchange_exchange_bindings": .bool(true),
                "basic.nack": .bool(true),
                "consumer_cancel_notify": .bool(true),
                "connection.blocked": .bool(true),
                "consumer_priorities": .bool(true),
                "authentication_failure_close": .bool(true),
                "per_consumer_qos": .bool(true),
                "direct_reply_to": .bool(true),
            ]),
            "cluster_name": .string("brokerd@\(hostName())"),
            "copyright": .string("The brokerd authors"),
            "information": .string("Licensed under the Apache License, Version 2.0"),
            "platform": .string("brokerd \(BrokerVersion.text)"),
            "product": .string("RabbitMQ"),
            "version": .string(BrokerVersion.rabbitMQ),
        ]
    }

    private static func hostName() -> String {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { name in
            guard let start = name.baseAddress, unsafe gethostname(start, name.count - 1) == 0
            else { return "localhost" }
            unsafe name[name.count - 1] = 0
            return unsafe String(cString: start)
        }
    }
}
