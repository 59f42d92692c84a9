/// Randomness of the machine, for seeds.
extension RandomSource.Seed {
    /// A seed nobody can guess, from the kernel.
    static func fromSystem() -> Self {
        var seed = Self(words: (0, 0, 0, 0))
        unsafe withUnsafeMutableBytes(of: &seed.words) { bytes in
            unsafe Syscalls.fillRandom(bytes)
        }
        return seed
    }
}
