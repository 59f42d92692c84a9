import TestSupport

/// Ways to spoil a run of frames.
enum Mutation {
    static func apply(to frames: inout [[UInt8]], _ seed: inout Seed) {
        guard !frames.isEmpty else { return }
        let index = Int.random(in: 0..<frames.count, using: &seed)
        switch Int.random(in: 0..<10, using: &seed) {
        case 0: frames.remove(at: index)
        case 1: frames.insert(frames[index], at: Int.random(in: 0...frames.count, using: &seed))
        case 2: frames.swapAt(index, Int.random(in: 0..<frames.count, using: &seed))
        case 3: frames[index].removeLast(Int.random(in: 0...frames[index].count, using: &seed))
        case 4: frames.insert(seed.octets(upTo: 40), at: index)
        case 5: frames[index].insert(contentsOf: seed.octets(upTo: 4), at: 0)
        case 6: moveToAnotherChannel(&frames[index], &seed)
        default: flip(&frames[index], &seed)
        }
    }

    /// Changes one to three octets behind the frame's head, where it stays a frame.
    private static func flip(_ frame: inout [UInt8], _ seed: inout Seed) {
        let start = seed.oneIn(4) ? 0 : 7
        guard frame.count > start + 1 else { return }
        for _ in 0..<Int.random(in: 1...3, using: &seed) {
            let offset = Int.random(in: start..<frame.count - 1, using: &seed)
            frame[offset] =
                seed.oneIn(2)
                ? frame[offset] ^ (1 << UInt8.random(in: 0...7, using: &seed))
                : UInt8.random(in: 0...255, using: &seed)
        }
    }

    private static func moveToAnotherChannel(_ frame: inout [UInt8], _ seed: inout Seed) {
        guard frame.count > 3 else { return }
        frame[1] = seed.oneIn(8) ? UInt8.random(in: 0...255, using: &seed) : 0
        frame[2] = UInt8.random(in: 0...5, using: &seed)
    }
}
