/// A set of message priorities, one bit each.
struct PrioritySet: BitwiseCopyable, Equatable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    init() {}

    mutating func insert(_ priority: UInt8) {
        self[priority >> 6] |= 1 << UInt64(priority & 63)
    }

    mutating func remove(_ priority: UInt8) {
        self[priority >> 6] &= ~(1 << UInt64(priority & 63))
    }

    /// The highest priority in the set; 0 when it is empty.
    var highest: UInt8 {
        var index: UInt8 = 3
        while true {
            let word = self[index]
            if word != 0 { return index << 6 | UInt8(63 - word.leadingZeroBitCount) }
            if index == 0 { return 0 }
            index -= 1
        }
    }

    /// The highest priority in the set below another one; 0 when there is none.
    func highest(below priority: UInt8) -> UInt8 {
        var rest = self
        var index: UInt8 = 3
        while index > priority >> 6 {
            rest[index] = 0
            index -= 1
        }
        rest[index] &= (1 << UInt64(priority & 63)) - 1
        return rest.highest
    }

    static func == (left: Self, right: Self) -> Bool { left.words == right.words }

    private subscript(index: UInt8) -> UInt64 {
        get {
            switch index {
            case 0: words.0
            case 1: words.1
            case 2: words.2
            default: words.3
            }
        }
        set {
            switch index {
            case 0: words.0 = newValue
            case 1: words.1 = newValue
            case 2: words.2 = newValue
            default: words.3 = newValue
            }
        }
    }
}
