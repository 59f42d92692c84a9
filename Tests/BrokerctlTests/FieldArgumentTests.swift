import Testing
import Wire

@testable import brokerctl

@Suite("Field argument")
struct FieldArgumentTests {
    struct Example: CustomTestStringConvertible {
        let text: String
        let name: ShortString
        let value: FieldValue
        var testDescription: String { text }

        init(_ text: String, _ name: ShortString, _ value: FieldValue) {
            self.text = text
            self.name = name
            self.value = value
        }
    }

    @Test(
        "the type stands between name and value",
        arguments: [
            Example("a=5", "a", .string("5")),
            Example("a=", "a", .string("")),
            Example("a=b=c", "a", .string("b=c")),
            Example("a:int=-5", "a", .int64(-5)),
            Example("a:uint=7", "a", .uint32(7)),
            Example("a:float=1.5", "a", .double(1.5)),
            Example("a:bool=true", "a", .bool(true)),
            Example("a:time=1700000000", "a", .timestamp(1_700_000_000)),
            Example("a:bytes=00ff", "a", .byteArray([0, 255])),
            Example("a:null=", "a", .void),
            Example("a:b:int=1", "a:b", .int64(1)),
            Example(
                "a:json=[1,2.5,true,null]",
                "a",
                .array([.int64(1), .double(2.5), .bool(true), .void])
            ),
            Example(
                "a:json={\"y\":\"z\",\"x\":{}}",
                "a",
                .table(["x": .table([:]), "y": .string("z")])
            ),
        ]
    )
    func typed(_ example: Example) throws {
        let (name, value) = try FieldArgument.parse(example.text)
        #expect(name == example.name)
        #expect(value == example.value)
    }

    @Test(
        "arguments RabbitMQ defines as numbers need no type, unless text is asked for",
        arguments: [
            Example("x-max-length=10", "x-max-length", .int64(10)),
            Example("x-message-ttl=1000", "x-message-ttl", .int64(1000)),
            Example("x-single-active-consumer=true", "x-single-active-consumer", .bool(true)),
            Example("x-max-length:text=10", "x-max-length", .string("10")),
            Example("x-match=any", "x-match", .string("any")),
        ]
    )
    func implied(_ example: Example) throws {
        #expect(try FieldArgument.parse(example.text).value == example.value)
    }

    @Test(
        "what does not fit its type is refused",
        arguments: [
            "a", "=b", ":int=5", "a:int=x", "a:int=1.5", "a:uint=-1", "a:bool=yes", "a:bytes=0",
            "a:bytes=zz", "a:json={", "a:null=x", "a:colour=red", "x-max-length=many",
        ]
    )
    func refused(_ text: String) {
        #expect(throws: FieldArgument.Malformed.self) { try FieldArgument.parse(text) }
    }
}
