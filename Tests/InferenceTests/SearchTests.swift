import Foundation
import Inference
import Kernels
import Testing

/// Texts that are near to each other, by vectors that are made up.
@Suite struct SearchTests {
    static let vectors: [[Float]] = (0..<60).map { text in
        (0..<8).map { column in
            let angle = text * text + 3 * column * text + column
            return Float(sin(Double(angle)))
        }
    }

    static func matrix(_ vectors: some Sequence<[Float]>) -> Matrix {
        Matrix(vectors.flatMap { $0 }, columns: 8).withRowsOfLengthOne
    }

    /// By the definition, in double.
    static func cosine(_ a: Int, _ b: Int) -> Double {
        func product(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
        let (a, b) = (vectors[a], vectors[b])
        return product(a, b) / (product(a, a) * product(b, b)).squareRoot()
    }

    /// However the texts come, those that are found are those of a comparison of all.
    @Test(arguments: [1, 7, 60])
    func theNearestAreFound(_ batchSize: Int) {
        var nearest = NearestTexts<Int>(
            to: Self.matrix([Self.vectors[3], Self.vectors[40]]), count: 5, on: Workers(count: 2))
        for start in stride(from: 0, to: 60, by: batchSize) {
            let batch = Array(start..<min(start + batchSize, 60))
            nearest.look(at: batch, Self.matrix(batch.map { Self.vectors[$0] }))
        }
        for (query, matches) in zip([3, 40], nearest.matches) {
            let similarities = (0..<60).map { Self.cosine(query, $0) }
            let expected = (0..<60).sorted { similarities[$0] > similarities[$1] }.prefix(5)
            #expect(matches.map(\.text) == Array(expected))
            for match in matches {
                #expect(abs(Double(match.similarity) - Self.cosine(query, match.text)) < 1e-6)
            }
        }
    }

    /// Of texts that are equally near, those that came first stay, in their order.
    @Test func tiesGoByPosition() {
        var nearest = NearestTexts<Int>(to: Self.matrix([Self.vectors[3]]), count: 3, on: Workers(count: 1))
        for batch in [[9, 3], [3, 9, 3], [3]] {
            let first = batch.count * 10
            nearest.look(
                at: batch.indices.map { first + $0 }, Self.matrix(batch.map { Self.vectors[$0] }))
        }
        #expect(nearest.matches[0].map(\.text) == [21, 30, 32])
    }

    @Test func whatIsNotNearEnoughIsLeftOut() {
        var nearest = NearestTexts<Int>(
            to: Self.matrix([Self.vectors[3]]), count: 60, atLeast: 0.5, on: Workers(count: 1))
        nearest.look(at: Array(0..<60), Self.matrix(Self.vectors))
        let expected = (0..<60).filter { Self.cosine(3, $0) >= 0.5 }
        #expect(nearest.matches[0].map(\.text).sorted() == expected)
    }

    @Test(arguments: [1, 7, 64])
    func allSimilarPairsAreFound(_ blockSize: Int) throws {
        var pairs = try SimilarPairs(columns: 8, blockSize: blockSize, on: Workers(count: 2))
        // As if they stood on every other line of two files.
        let places = (0..<60).map { (file: $0 / 30, line: 2 * $0 + 1) }
        try pairs.append(Self.matrix(Self.vectors[..<25]), at: Array(places[..<25]))
        try pairs.append(Self.matrix(Self.vectors[25...]), at: Array(places[25...]))
        var found: Set<[Int]> = []
        try pairs.forEach(atLeast: 0.8) { pair in
            #expect(found.insert([pair.first.index, pair.second.index]).inserted)
            #expect(abs(Double(pair.similarity) - Self.cosine(pair.first.index, pair.second.index)) < 1e-6)
            for member in [pair.first, pair.second] {
                #expect(member.file == places[member.index].file && member.line == places[member.index].line)
            }
        }
        var expected: Set<[Int]> = []
        for b in 0..<60 { for a in 0..<b where Self.cosine(a, b) >= 0.8 { expected.insert([a, b]) } }
        #expect(!expected.isEmpty && found == expected)
    }
}
