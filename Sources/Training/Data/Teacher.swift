import Datasets
import Evaluation
import Foundation
import Inference
import Kernels
import Tokenization
import Transformer

extension EncodedExamples {
    /// Adds what the teacher of a training says of the texts, and its texts without labels.
    ///
    /// - Parameters:
    ///   - request: names the teacher, if there is one, and the files
    ///   - texts: of the examples
    ///   - student: which learns, and whose tokens the examples are
    /// - Returns: the SHA-256 of all that was added, in hexadecimal; nil without a teacher
    /// - Throws: an error with a message for a person if a file cannot be read, or if the two do not know the same labels.
    mutating func learnFromTeacher(
        of request: TrainingRequest, texts: [Text], for student: ModelFolder, on workers: Workers
    ) throws -> String? {
        guard let path = request.teacher else { return nil }
        var teacher = Classifier(try ModelFolder(contentsOf: URL(filePath: path)), on: workers)
        let unlabelled = try request.unlabelled.flatMap { path in
            var layout = Layout()
            layout.secondText = texts.first?.second == nil ? .ignored : .needed
            return try Dataset(contentsOf: path, layout: layout, labels: .none).inputs
        }
        let (known, labels) = (teacher.configuration.labels, student.classifier.configuration.labels)
        guard [teacher.configuration, student.classifier.configuration].allSatisfy({ $0.problemType == .singleLabel })
        else { throw TrainingError("--teacher is for texts with one label each") }
        guard Set(known) == Set(labels) else {
            let names = [known, labels].map { $0.prefix(5).joined(separator: ", ") + ($0.count > 5 ? ", …" : "") }
            throw TrainingError(
                "--teacher \(path): it knows the labels \(names[0]), and the model is to learn \(names[1])")
        }
        let logits = try teacher.logits(of: teacher.encode(texts + unlabelled))
        guard logits.allFinite else { throw ModelError.overflow }
        let columns = labels.map { label in known.firstIndex(of: label)! }
        let sorted = (0..<logits.rows).map { row in
            let logits = logits.row(row)
            return columns.map { logits[$0] }
        }
        let hyperparameters = request.hyperparameters
        let encoded = try EncodedTexts(unlabelled, for: student, hyperparameters.longTexts, on: workers)
        learn(
            from: SoftTargets(
                logits: sorted,
                shares: texts.map { _ in Float(hyperparameters.distillationWeight) } + unlabelled.map { _ in 1 },
                temperature: hyperparameters.distillationTemperature), withoutLabels: encoded)
        let said =
            sorted.joined().map(\.bitPattern)
            + encoded.sequences.idsOfEach.joined().map { UInt32(truncatingIfNeeded: $0) }
        return sha256(of: said.withUnsafeBytes(Array.init))
    }
}
