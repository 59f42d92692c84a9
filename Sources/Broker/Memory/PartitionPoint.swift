extension Range<Int> {
    /// Where those that lie before end, by halving.
    ///
    /// - Parameter isBefore: True of the first so many indexes, and of none behind them.
    /// - Returns: The first index of which it is not true; `upperBound` if there is none.
    @inline(__always)
    func partitionPoint(_ isBefore: (Int) -> Bool) -> Int {
        var low = lowerBound
        var high = upperBound
        while low < high {
            let middle = low + (high - low) / 2
            if isBefore(middle) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
