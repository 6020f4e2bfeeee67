import Kernels

/// The pairs among texts whose vectors are near to each other: exactly, all with all.
///
/// The vectors lie in a temporary file, and so does where each text stands; two blocks of vectors and the products of these are in memory at a
/// time, however many texts there are.
///
/// - Complexity: O(*n*² *h*) in the number of texts and the width of a vector: a product for each pair. With blocks of *b*, the
///   file is read *n* / *b* / 2 times.
package struct SimilarPairs {
    /// A text: its number, from 0, and where it stands.
    package struct Member: Equatable {
        package let index: Int
        /// The number of its file.
        package let file: Int
        package let line: Int
    }

    /// Two texts, the first of which came first, and the cosine between their vectors.
    package struct Pair {
        package let first: Member
        package let second: Member
        package let similarity: Float
    }

    private var vectors: TemporaryRows<Float>
    private var places: TemporaryRows<Int>
    private let blockSize: Int
    private let workers: Workers

    /// Begins a collection of vectors.
    ///
    /// - Parameters:
    ///   - columns: the width of a vector
    ///   - blockSize: how many are in memory at a time, twice
    /// - Throws: ``TemporaryFileError`` if there is no room for temporary files.
    package init(columns: Int, blockSize: Int = 2048, on workers: Workers) throws {
        (self.blockSize, self.workers) = (blockSize, workers)
        (vectors, places) = (try TemporaryRows(columns: columns), try TemporaryRows(columns: 2))
    }

    /// Adds vectors of length 1, `[texts, hidden]`, and where their texts stand.
    ///
    /// - Throws: ``TemporaryFileError`` if the disk is full.
    package mutating func append(_ embeddings: Matrix, at places: [(file: Int, line: Int)]) throws {
        precondition(embeddings.columns == vectors.columns, "vectors of another width")
        precondition(embeddings.rows == places.count, "as many vectors as places")
        try vectors.append(embeddings.values)
        try self.places.append(places.flatMap { [$0.file, $0.line] })
    }

    /// Calls `body` with every pair that is at least so similar, in the order of their second texts' blocks, and in a block of the first texts' blocks.
    ///
    /// - Throws: ``TemporaryFileError`` if the temporary file cannot be read; what `body` throws.
    package func forEach(atLeast least: Float, _ body: (Pair) throws -> Void) throws {
        var similarities = Matrix()
        for start in stride(from: 0, to: vectors.count, by: blockSize) {
            let block = try Block(of: self, from: start)
            for earlier in stride(from: 0, through: start, by: blockSize) {
                let other = earlier == start ? block : try Block(of: self, from: earlier)
                linear(block.vectors, weight: other.vectors, into: &similarities, on: workers)
                for row in 0..<block.vectors.rows {
                    for (column, similarity) in similarities.row(row).enumerated()
                    where similarity >= least && earlier + column < start + row {
                        try body(Pair(first: other.member(column), second: block.member(row), similarity: similarity))
                    }
                }
            }
        }
    }

    /// What of the files is in memory at a time.
    private struct Block {
        let start: Int
        let vectors: Matrix
        /// File and line of each text, one after the other.
        let places: [Int]

        init(of pairs: SimilarPairs, from start: Int) throws {
            let range = start..<min(start + pairs.blockSize, pairs.vectors.count)
            vectors = Matrix(try pairs.vectors.read(range), columns: pairs.vectors.columns)
            (self.start, places) = (start, try pairs.places.read(range))
        }

        func member(_ row: Int) -> Member {
            Member(index: start + row, file: places[2 * row], line: places[2 * row + 1])
        }
    }
}
