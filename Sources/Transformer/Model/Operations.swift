extension Configuration {
    /// The floating-point operations that the matrix products of a batch need: a multiplication and an addition count as two.
    ///
    /// What the pooling does not read is not counted, nor is what is only moved, added or normalised. A layer costs
    /// 2 n (4 h² + 2 h i) + 4 n² h for a text of n tokens, hidden size h and intermediate size i; the last one under `cls`
    /// pooling 4 n h² for keys and values, and the rest for one token.
    ///
    /// - Parameters:
    ///   - lengths: the number of tokens of each text
    ///   - training: forward and back, which takes three times the forward pass
    package func operations(lengths: some Sequence<Int>, training: Bool) -> Double {
        let (h, i) = (Double(hiddenSize), Double(intermediateSize))
        var sum = 0.0
        for length in lengths {
            let n = Double(length)
            let layer = n * 2 * (4 * h * h + 2 * h * i) + 4 * n * n * h
            switch pooling {
            case .mean: sum += Double(layers) * layer
            case .cls:
                sum += Double(layers - 1) * layer
                sum += n * 4 * h * h + 2 * (2 * h * h + 2 * h * i) + 4 * n * h + 2 * h * h
            }
            sum += 2 * h * Double(labels.count)
        }
        return training ? 3 * sum : sum
    }
}
