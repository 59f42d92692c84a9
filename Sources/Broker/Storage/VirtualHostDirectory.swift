import Wire

/// Where the data of a virtual host lies: a directory named after it.
enum VirtualHostDirectory {
    /// Below the data directory, the parent of all of them.
    static let parent = "vhosts"
    /// The same for what lasts only as long as the process.
    static let spillParent = "spill"
    /// Longer names are cut, and told apart by a hash; file systems take 255 octets.
    private static let nameSizeMax = 200

    /// The directory of a virtual host, below the data directory.
    ///
    /// Letters, digits, `-` and `_` stand for themselves, other octets as `%` and two digits.
    ///
    /// - Parameter name: The virtual host's name, at most 255 octets.
    /// - Returns: `vhosts/%2F` for `/`.
    static func path(_ name: [UInt8]) -> String {
        let encoded = name.flatMap(encode)
        guard encoded.count > nameSizeMax else {
            return parent + "/" + String(decoding: encoded, as: UTF8.self)
        }
        let start = String(decoding: encoded.prefix(nameSizeMax), as: UTF8.self)
        return parent + "/" + start + "~" + String(hash(name), radix: 16)
    }

    /// The directory of its messages that are on disk only until the process ends.
    static func spillPath(_ name: [UInt8]) -> String {
        spillParent + path(name).dropFirst(parent.count)
    }

    /// FNV-1a of 64 bits: the same in every process and version.
    static func hash(_ name: [UInt8]) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for octet in name { hash = (hash ^ UInt64(octet)) &* 0x0100_0000_01b3 }
        return hash
    }

    private static func encode(_ octet: UInt8) -> [UInt8] {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            return [octet]
        default:
            let digits = Array("0123456789ABCDEF".utf8)
            return [UInt8(ascii: "%"), digits[Int(octet >> 4)], digits[Int(octet & 15)]]
        }
    }
}
