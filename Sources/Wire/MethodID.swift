/// The two numbers that name a method on the wire, such as 50, 10 for queue.declare.
@frozen
public struct MethodID: Hashable, Sendable {
    /// The class, such as 50 for queue.
    public let classID: UInt16
    /// The method within its class.
    public let methodID: UInt16

    /// Pairs a class with one of its methods.
    @inlinable
    public init(classID: UInt16, methodID: UInt16) {
        self.classID = classID
        self.methodID = methodID
    }

    /// Both numbers in one, the class in the upper half: the first four octets of a method frame.
    @inlinable
    public var packed: UInt32 { UInt32(classID) << 16 | UInt32(methodID) }

    /// Unpacks the first four octets of a method frame.
    @inlinable
    public init(packed: UInt32) {
        self.init(
            classID: UInt16(truncatingIfNeeded: packed >> 16),
            methodID: UInt16(truncatingIfNeeded: packed)
        )
    }

    /// The name as in "queue.declare", or the numbers as in "99.1" for a method that is unknown.
    public var name: String { info?.name ?? "\(classID).\(methodID)" }

    /// Whether a content header and body follow the method.
    public var carriesContent: Bool { info?.carriesContent ?? false }

    /// Whether a client may send the method; one it may not send is answered with 503.
    public var isSentByClient: Bool { info?.senders.contains(.client) ?? false }

    /// Whether a server may send the method.
    public var isSentByServer: Bool { info?.senders.contains(.server) ?? false }

    /// Whether the sender awaits an answer, unless it sets the method's `noWait`.
    public var isSynchronous: Bool { info?.isSynchronous ?? false }
}

extension MethodID: CustomStringConvertible {
    /// The name, as in `name`.
    public var description: String { name }
}

/// What the specification says about one method, beside its arguments.
struct MethodInfo {
    /// Who may send a method.
    struct Senders: OptionSet {
        let rawValue: UInt8
        static let client = Senders(rawValue: 1)
        static let server = Senders(rawValue: 2)
    }

    let name: String
    let senders: Senders
    let carriesContent: Bool
    let isSynchronous: Bool
}
