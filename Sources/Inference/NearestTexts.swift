import Kernels

/// The texts that are nearest to some queries, out of as many as are looked at: exactly, by the cosine of their vectors.
///
/// Memory is bounded: of all texts, those that are nearest so far are kept.
///
/// - Complexity: O(*t* *q* *h*) in the number of texts, that of queries, and the width of a vector: a product for each text and query.
package struct NearestTexts<Text> {
    /// A text and the cosine between its vector and the query's.
    package struct Match {
        package let text: Text
        package let similarity: Float
    }

    /// For each query the nearest texts so far, the nearest first; of equally near ones the first.
    package private(set) var matches: [[Match]]
    private let queries: Matrix
    private let count: Int
    private let least: Float
    private let workers: Workers
    private var similarities = Matrix()
    private var some = Matrix()

    /// Begins to look for texts.
    ///
    /// - Parameters:
    ///   - queries: vectors of length 1, `[queries, hidden]`
    ///   - count: how many texts are kept for each
    ///   - least: the cosine that they have at least
    package init(to queries: Matrix, count: Int, atLeast least: Float = -1, on workers: Workers) {
        (self.queries, self.count, self.least, self.workers) = (queries, count, least, workers)
        matches = Array(repeating: [], count: queries.rows)
    }

    /// Behind all that are as near.
    private func place(of similarity: Float, in matches: [Match]) -> Int {
        var (low, high) = (0, matches.count)
        while low < high {
            let middle = (low + high) / 2
            if matches[middle].similarity < similarity { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Looks at further texts.
    ///
    /// - Parameter embeddings: their vectors, of length 1, `[texts, hidden]`
    package mutating func look(at texts: [Text], _ embeddings: Matrix) {
        precondition(texts.count == embeddings.rows, "as many vectors as texts")
        guard !texts.isEmpty, count > 0, queries.rows > 0 else { return }
        // The products of many queries with many texts would need more memory than both.
        let textsAtATime = max(1, Self.productsAtATime / queries.rows)
        for start in stride(from: 0, to: texts.count, by: textsAtATime) {
            let rows = start..<min(start + textsAtATime, texts.count)
            if rows.count < texts.count { gatherRows(embeddings, rows, into: &some) }
            let vectors = rows.count < texts.count ? some : embeddings
            linear(queries, weight: vectors, into: &similarities, on: workers)
            keepNearest(of: texts[rows])
        }
    }

    private static var productsAtATime: Int { 1 << 22 }

    private mutating func keepNearest(of texts: ArraySlice<Text>) {
        for query in matches.indices {
            for (index, similarity) in zip(texts.indices, similarities.row(query)) where similarity >= least {
                if matches[query].count == count, similarity <= matches[query][count - 1].similarity { continue }
                let place = place(of: similarity, in: matches[query])
                matches[query].insert(Match(text: texts[index], similarity: similarity), at: place)
                if matches[query].count > count { matches[query].removeLast() }
            }
        }
    }
}

extension Matrix {
    /// Each row divided by its length, as PyTorch's `normalize` does: a row of zeros stays one.
    package var withRowsOfLengthOne: Matrix {
        let rows = (0..<rows).flatMap { index in
            let row = row(index)
            let length = Float(max(row.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot(), 1e-12))
            return row.map { $0 / length }
        }
        return Matrix(rows, columns: columns)
    }
}
