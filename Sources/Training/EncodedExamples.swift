import Datasets
import Kernels
import Tokenization
import Transformer

/// Labelled examples as the model reads them: token ids and label ids.
package struct EncodedExamples: Sendable {
    /// The ids of each text, special tokens included.
    package let sequences: [[Int]]
    /// The id of each text's label.
    package let targets: [Int]

    /// How many of the texts were cut off.
    package let truncated: Int

    /// The number of tokens in all sequences.
    package var tokens: Int { sequences.reduce(0) { $0 + $1.count } }

    /// Encodes a labelled data set.
    ///
    /// - Parameters:
    ///   - labels: the names of the labels, by id
    ///   - maximumLength: longer texts are cut off
    ///   - workers: share the texts
    /// - Throws: `DatasetError` at the first example whose label is not among `labels`.
    package init(
        _ dataset: Dataset, labels: [String], tokenizer: Tokenizer, maximumLength: Int, on workers: Workers
    ) throws {
        let ids = Dictionary(uniqueKeysWithValues: zip(labels, 0...))
        targets = try dataset.examples.map { example in
            let label = example.label ?? ""
            guard let id = ids[label] else {
                let known = labels.prefix(20).map { "'\($0)'" }.joined(separator: ", ")
                throw DatasetError(
                    dataset.path, line: example.line,
                    "the label '\(label)' is unknown; the model was trained with \(known)\(labels.count > 20 ? ", …" : "")"
                )
            }
            return id
        }
        let encodings = tokenizer.encode(dataset.examples.map(\.text), maximumLength: maximumLength, on: workers)
        sequences = encodings.map(\.ids)
        truncated = encodings.count(where: \.isTruncated)
    }

    /// A sentence about the texts that were cut off; nil if none was.
    package func truncationNotice(path: String, maximumLength: Int) -> String? {
        if truncated == 0 { return nil }
        return "\(path): \(truncated) of \(targets.count) texts have more than \(maximumLength) tokens and are cut off"
            + " (--max-length)"
    }

    private init(sequences: [[Int]], targets: [Int], truncated: Int) {
        (self.sequences, self.targets, self.truncated) = (sequences, targets, truncated)
    }

    /// Splits the examples in two, with the same share of every label in both.
    ///
    /// - Parameter fraction: the share that is held out, at least one example of every label that has two
    package func split(holdingOut fraction: Double, seed: UInt64) -> (
        training: EncodedExamples, heldOut: EncodedExamples
    ) {
        var heldOut: Set<Int> = []
        for (label, indices) in Dictionary(grouping: targets.indices, by: { targets[$0] }) {
            var random = RandomNumbers(seed: seed, site: RandomSite.heldOut, step: UInt64(label))
            let count = min(max(1, Int((fraction * Double(indices.count)).rounded())), indices.count - 1)
            heldOut.formUnion(indices.shuffled(using: &random).prefix(count))
        }
        func part(_ isIn: (Int) -> Bool) -> EncodedExamples {
            let indices = targets.indices.filter(isIn)
            return EncodedExamples(
                sequences: indices.map { sequences[$0] }, targets: indices.map { targets[$0] }, truncated: 0)
        }
        return (part { !heldOut.contains($0) }, part(heldOut.contains))
    }
}

extension Tokenizer {
    /// Encodes many texts, in their order.
    ///
    /// - Parameters:
    ///   - maximumLength: as for one text
    ///   - workers: share the texts
    package func encode(_ texts: [String], maximumLength: Int, on workers: Workers) -> [Encoding] {
        workers.map(texts.count) { encode(texts[$0], maximumLength: maximumLength) }
    }
}
