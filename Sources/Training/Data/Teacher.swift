import Datasets
import Evaluation
import Foundation
import Inference
import Kernels
import Transformer

/// A trained classifier that another one learns from.
struct Teacher {
    private var classifier: Classifier
    private let path: String
    private let unlabelled: [Dataset]
    private let hyperparameters: Hyperparameters

    /// Reads the teacher of a training, and the texts without labels; nil if it has none.
    ///
    /// - Throws: an error with a message for a person if one of them cannot be read.
    init?(of request: TrainingRequest, on workers: Workers) throws {
        guard let path = request.teacher else { return nil }
        self.path = path
        hyperparameters = request.hyperparameters
        classifier = Classifier(try ModelFolder(contentsOf: URL(filePath: path)), on: workers)
        unlabelled = try request.unlabelled.map {
            try Dataset(contentsOf: $0, layout: Layout(), labels: .none)
        }
    }

    /// Adds to examples what the teacher says of their texts, and the texts without labels.
    ///
    /// - Parameters:
    ///   - examples: as `student` reads them
    ///   - texts: of the examples
    ///   - student: which learns
    /// - Returns: the SHA-256 of all that was added, in hexadecimal
    /// - Throws: an error with a message for a person if the two do not know the same labels.
    mutating func teach(_ examples: inout EncodedExamples, texts: [String], to student: ModelFolder) throws -> String {
        let (own, labels) = (classifier.configuration, student.classifier.configuration.labels)
        let isOne = [own.problemType, student.classifier.configuration.problemType] == [.singleLabel, .singleLabel]
        guard isOne else { throw TrainingError("--teacher is for texts with one label each") }
        guard Set(own.labels) == Set(labels) else {
            let names = [own.labels, labels].map { $0.prefix(5).joined(separator: ", ") + ($0.count > 5 ? ", …" : "") }
            throw TrainingError(
                "--teacher \(path): it knows the labels \(names[0]), and the model is to learn \(names[1])")
        }
        let without = unlabelled.flatMap { $0.examples.map(\.text) }
        let logits = try classifier.logits(of: classifier.encode(texts + without))
        guard logits.allFinite else { throw ModelError.overflow }
        let columns = labels.map { label in own.labels.firstIndex(of: label)! }
        let sorted = (0..<logits.rows).map { row in
            let logits = logits.row(row)
            return columns.map { logits[$0] }
        }
        let shares =
            texts.map { _ in Float(hyperparameters.distillationWeight) } + without.map { _ in Float(1) }
        let encoded = try EncodedTexts(
            without, student.tokenizer, hyperparameters.longTexts, on: classifier.workers)
        examples.learn(
            from: SoftTargets(
                logits: sorted, shares: shares,
                temperature: hyperparameters.distillationTemperature), withoutLabels: encoded)
        let said = sorted.joined().map(\.bitPattern) + encoded.sequences.joined().map { UInt32(truncatingIfNeeded: $0) }
        return sha256(of: said.withUnsafeBytes(Array.init))
    }
}
