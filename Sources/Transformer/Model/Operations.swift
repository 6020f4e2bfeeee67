extension Configuration {
    /// The floating-point operations that the matrix products of a batch need: a multiplication and an addition count as two.
    ///
    /// What the pooling does not read is not counted, nor is what is only moved, added or normalised. A layer costs
    /// 2 n (4 h² + 2 h i) + 4 n m h for a text of n tokens of which each sees m, hidden size h and intermediate size i, with 3 h i if the sublayer is gated;
    /// the last one under `cls` pooling 4 n h² for keys and values, and the rest for one token.
    ///
    /// - Parameters:
    ///   - lengths: the number of tokens of each text
    ///   - training: forward and back, which takes three times the forward pass
    package func operations(lengths: some Sequence<Int>, training: Bool) -> Double {
        let (h, i) = (Double(hiddenSize), Double(intermediateSize))
        var sum = 0.0
        for length in lengths {
            let n = Double(length)
            let feedForward = (isGated ? 3 : 2) * h * i
            let seen = (0..<layers).map { layer in
                guard positions == .rotary, let reach = alternation.reach(ofLayer: layer) else { return n }
                return min(n, Double(2 * reach + 1))
            }
            let below = pooling == .mean ? layers : layers - 1
            sum += seen[..<below].reduce(0) { $0 + n * 2 * (4 * h * h + feedForward) + 4 * n * $1 * h }
            if pooling == .cls {
                sum += n * 4 * h * h + 2 * (2 * h * h + feedForward) + 4 * seen[below] * h
            }
            if hasPooler { sum += 2 * h * h }
            sum += embeddingSize.map { 2 * n * Double($0) * h } ?? 0
            sum += 2 * h * Double(labels.count)
        }
        return training ? 3 * sum : sum
    }
}
