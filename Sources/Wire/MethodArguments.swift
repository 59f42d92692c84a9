/// The arguments of one method; each generated method structure is one.
public protocol MethodArguments: Hashable, Sendable {
    /// The method these are the arguments of.
    static var id: MethodID { get }

    /// Decodes the arguments, without the four octets of ids before them.
    ///
    /// - Throws: `.truncated`, `.malformedUTF8` or what a field table throws. Octets after the
    ///   last argument are left to the caller (`ByteReader.finish`).
    init(from reader: inout ByteReader) throws(WireError)

    /// Appends class id, method id and arguments: the payload of a method frame.
    func encode(into writer: inout ByteWriter)
}
