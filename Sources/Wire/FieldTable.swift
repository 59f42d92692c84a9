/// A field table (AMQP 0-9-1 §4.2.5.5), in the order of its entries on the wire.
public struct FieldTable: Hashable, Sendable {
}
