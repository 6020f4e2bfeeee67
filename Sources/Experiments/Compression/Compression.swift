import Foundation
import Inference
import Kernels
import Tokenization
import Transformer

/// A classifier whose weights became numbers of 8 bits, but for parts that lose too much by it.
package struct Compression {
    /// A part of the model: the embeddings, or a layer.
    package struct CompressedPart: Sendable {
        package let part: Part
        /// What the answers lose if only this part is of 8 bits; nil if that was not measured.
        package let loss: Double?
        /// Whether it stays in Float32.
        package internal(set) var isKept: Bool
        /// The bytes of its weights, and of those in 8 bits.
        package let bytes, narrowBytes: Int

        /// What it is stored as, for people.
        package var form: String { isKept ? "fp32" : "int8" }
    }

    /// The model with narrow weights.
    package var model: ModelFolder
    /// All parts, from the embeddings up.
    package private(set) var parts: [CompressedPart]
    /// What the answers lose by all parts that are of 8 bits; nil if that was not measured.
    package private(set) var loss: Double?

    /// The mean loss of a text's answer that is allowed where nobody says otherwise, in nats.
    package static let usualMaxLoss = 0.002
    /// So many texts tell enough.
    private static let mostTexts = 512

    /// Compresses all parts, by rounding that the texts' activations decide, and then takes back those that lose most, until the loss is small enough.
    ///
    /// The loss is the mean over the texts of the Kullback–Leibler divergence of the compressed model's answer from the answer in Float32, in nats: how
    /// much the cross-entropy rises if those were the truth. Of numbers it is the mean squared difference, as a part of their variance.
    ///
    /// - Parameters:
    ///   - classifier: in Float32
    ///   - texts: for which the loss is measured; of many, some; nil: it is not, and all parts are compressed
    ///   - maxLoss: that is allowed
    /// - Throws: ``ModelError`` if the model's numbers have overflowed.
    package init(of classifier: Classifier, calibratedOn texts: [Text]?, maxLoss: Double) throws {
        var classifier = classifier
        let places = Dictionary(grouping: classifier.model.classifier.narrowPlaces, by: \.part.description)
        let layers = (0..<classifier.configuration.layers).map { Part.layer($0) }
        let names = [Part.embeddings] + layers.filter { places[$0.description] != nil }
        let texts = try texts.map { try classifier.encode(Self.some(of: $0)) }
        let reference = try texts.map { try classifier.logits(of: $0) }
        let inputs = try texts.map { try RecordedInputs(of: $0, by: classifier) }
        let weights = classifier.model.classifier.int8Weights(for: inputs)
        /// What is lost if some parts are of 8 bits.
        func measured(_ isNarrow: (Part) -> Bool) throws -> Double? {
            classifier.model.classifier.narrow(to: weights, where: isNarrow)
            guard let texts, let reference else { return nil }
            return try classifier.configuration.divergence(of: classifier.logits(of: texts), from: reference)
        }
        var parts = try names.map { part in
            let blocks = (places[part.description] ?? []).map(\.block)
            return CompressedPart(
                part: part, loss: texts == nil ? nil : try measured { $0 == part }, isKept: false,
                bytes: blocks.reduce(0) { $0 + 4 * $1.count },
                narrowBytes: blocks.reduce(0) { $0 + $1.count + 4 * $1.rows })
        }
        var loss = try measured { _ in true }
        // The worst first.
        for worst in parts.indices.sorted(by: { (parts[$1].loss ?? 0) < (parts[$0].loss ?? 0) }) {
            guard let all = loss, !(all <= maxLoss) else { break }
            parts[worst].isKept = true
            let kept = parts.filter(\.isKept).map(\.part)
            loss = try measured { !kept.contains($0) }
        }
        (self.parts, self.loss) = (parts, loss)
        model = classifier.model
    }

    /// Some texts, evenly chosen.
    private static func some(of texts: [Text]) -> [Text] {
        guard texts.count > mostTexts else { return texts }
        return (0..<mostTexts).map { texts[$0 * texts.count / mostTexts] }
    }
}

extension RecordedInputs {
    /// What texts make of the inputs of a classifier's layers.
    fileprivate convenience init(of texts: EncodedTexts, by classifier: Classifier) throws {
        self.init()
        let model = classifier.model.classifier
        var predictor = Predictor(for: model, .calibration(self), batchSize: 32, workers: classifier.workers)
        _ = predictor.logits(model, texts)
    }
}

extension Configuration {
    /// The mean Kullback–Leibler divergence Σ p ln(p / q) of answers from others, of which q and p are the probabilities, in nats; where labels are
    /// independent of each other, summed over them. Of numbers, the mean squared difference as a part of the variance of the others.
    ///
    /// - Parameters:
    ///   - logits: `[texts, labels]`
    ///   - reference: `[texts, labels]`
    func divergence(of logits: Matrix, from reference: Matrix) throws -> Double {
        guard logits.allFinite && reference.allFinite else { throw ModelError.overflow }
        let pairs = zip(logits.values, reference.values).map { (Double($0), Double($1)) }
        let count = Double(logits.rows)
        switch problemType {
        case .regression:
            let mean = pairs.reduce(0) { $0 + $1.1 } / count
            let variance = pairs.reduce(0) { $0 + ($1.1 - mean) * ($1.1 - mean) }
            let squares = pairs.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            return squares == 0 ? 0 : squares / variance
        case .multiLabel:
            // Each label is a choice of two: with logits z and 0.
            return pairs.reduce(0) { $0 + Self.divergence(of: [$1.0, 0], from: [$1.1, 0]) } / count
        case .singleLabel:
            let labels = logits.columns
            return stride(from: 0, to: pairs.count, by: labels).reduce(0) { sum, first in
                let row = pairs[first..<first + labels]
                return sum + Self.divergence(of: row.map(\.0), from: row.map(\.1))
            } / count
        }
    }

    private static func divergence(of logits: [Double], from reference: [Double]) -> Double {
        func logarithms(_ logits: [Double]) -> [Double] {
            let most = logits.max() ?? 0
            let sum = logits.reduce(0) { $0 + exp($1 - most) }
            return logits.map { $0 - most - log(sum) }
        }
        return zip(logarithms(logits), logarithms(reference)).reduce(0) { $0 + exp($1.1) * ($1.1 - $1.0) }
    }
}
