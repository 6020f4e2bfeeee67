import Foundation
import Kernels

/// The pairs among texts whose vectors are near to each other: exactly, all with all.
///
/// The vectors lie in a temporary file, which has no name; two blocks of them are in memory at a time. The work is quadratic in the number of texts: a product of
/// vectors for each pair.
package struct SimilarPairs {
    /// Two texts, by their numbers from 0, the first of which came first, and the cosine between their vectors.
    package struct Pair {
        package let first: Int
        package let second: Int
        package let similarity: Float
    }

    private let file: FileHandle
    private let columns: Int
    private let blockSize: Int
    private let workers: Workers
    private var count = 0

    /// Begins a collection of vectors.
    ///
    /// - Parameters:
    ///   - columns: the width of a vector
    ///   - blockSize: how many are in memory at a time, twice
    /// - Throws: an error if there is no room for temporary files.
    package init(columns: Int, blockSize: Int = 2048, on workers: Workers) throws {
        (self.columns, self.blockSize, self.workers) = (columns, blockSize, workers)
        file = FileHandle(fileDescriptor: try openNamelessFile(), closeOnDealloc: true)
    }

    /// Adds vectors of length 1, `[texts, hidden]`.
    ///
    /// - Throws: an error if the disk is full.
    package mutating func append(_ embeddings: Matrix) throws {
        precondition(embeddings.columns == columns, "vectors of another width")
        try file.write(contentsOf: embeddings.values.withUnsafeBytes { Data($0) })
        count += embeddings.rows
    }

    /// Calls `body` with every pair that is at least so similar, in the order of their second texts' blocks.
    package func forEach(atLeast least: Float, _ body: (Pair) throws -> Void) throws {
        var similarities = Matrix()
        for start in stride(from: 0, to: count, by: blockSize) {
            let block = try read(from: start)
            for earlier in stride(from: 0, through: start, by: blockSize) {
                linear(
                    block, weight: earlier == start ? block : try read(from: earlier), into: &similarities,
                    on: workers)
                for row in 0..<block.rows {
                    let second = start + row
                    for (column, similarity) in similarities.row(row).enumerated()
                    where similarity >= least && earlier + column < second {
                        try body(Pair(first: earlier + column, second: second, similarity: similarity))
                    }
                }
            }
        }
    }

    private func read(from first: Int) throws -> Matrix {
        let bytes = min(blockSize, count - first) * columns * 4
        try file.seek(toOffset: UInt64(first * columns * 4))
        var data = Data()
        while data.count < bytes, let part = try file.read(upToCount: bytes - data.count), !part.isEmpty {
            data += part
        }
        guard data.count == bytes else { throw CocoaError(.fileReadCorruptFile) }
        return Matrix(
            data.withUnsafeBytes { bytes in
                (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }, columns: columns)
    }
}
