import Wire

/// How RabbitMQ compares one argument of two declarations.
enum ArgumentComparison {
    static func isSame(_ left: FieldValue?, _ right: FieldValue?) -> Bool {
        if left == right { return true }
        guard let left = left?.integer, let right = right?.integer else { return false }
        return left == right
    }

    /// Two values that are not the same, in RabbitMQ's words: with their types where one is
    /// missing (rabbit_misc:assert_args_equivalence).
    static func describe(_ received: FieldValue?, _ current: FieldValue?) -> (String, String) {
        guard let received, let current else { return (alone(received), alone(current)) }
        return ("'\(text(received))'", "'\(text(current))'")
    }

    private static func alone(_ value: FieldValue?) -> String {
        guard let value else { return "none" }
        return "the value '\(text(value))' of type '\(value.type.errorName)'"
    }

    private static func text(_ value: FieldValue) -> String {
        if let number = value.integer { return String(number) }
        if let flag = value.boolean { return String(flag) }
        return value.text ?? value.type.errorName
    }
}

extension FieldType {
    /// What RabbitMQ calls the type in reply texts.
    var errorName: String {
        switch self {
        case .bool: "bool"
        case .int8: "byte"
        case .uint8: "unsignedbyte"
        case .int16: "short"
        case .uint16: "unsignedshort"
        case .int32: "signedint"
        case .uint32: "unsignedint"
        case .int64, .int64Alternative: "long"
        case .float: "float"
        case .double: "double"
        case .decimal: "decimal"
        case .longString: "longstr"
        case .byteArray: "binary"
        case .timestamp: "timestamp"
        case .table: "table"
        case .array: "array"
        case .void: "void"
        }
    }
}
