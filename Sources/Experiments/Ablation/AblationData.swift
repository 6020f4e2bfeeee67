import Datasets
import Evaluation
import Foundation
import Kernels
import Training
import Transformer

/// The texts of an ablation, read once for all of its trainings, and the shape that its models have in common.
struct AblationData: Sendable {
    let training: EncodedExamples
    let development: EncodedExamples
    /// Its number of layers and its form of Add & Norm are varied.
    let configuration: Configuration
    /// The share of the commonest label in the dev data: what is right without reading.
    let majority: Double
    /// The entropy of the labels in the training data, in nats: the loss without reading.
    let entropy: Double
    /// The SHA-256 of both files.
    let trainSha256, devSha256: String
    /// What a user should know of the data.
    let notice: String?

    /// Reads the files.
    ///
    /// - Parameter request: takes over what the data decide
    /// - Throws: an error with a message for a person if nothing can be trained with them.
    init(of request: inout TrainingRequest, on workers: Workers, notice: (String) -> Void) throws {
        var data = try DataFiles(of: request, on: workers)
        guard data.problemType == .singleLabel else {
            throw TrainingError(
                "\(data.train.path): texts \(data.train.hasNumbers ? "have numbers" : "can have several labels"); an ablation needs one label"
                    + " for each text")
        }
        // The question is what the encoder learns.
        request.hyperparameters.leaveNGrams()
        let model = try ModelFolder(
            toTrain: &request, labels: data.labels, .singleLabel, texts: data.train.inputs, notice: notice
        )
        configuration = model.classifier.configuration
        (training, development) = try data.encode(for: model, request.hyperparameters.longTexts, on: workers)
        func shares(_ examples: EncodedExamples) -> [Double] {
            guard case .one(let targets) = examples.targets else { return [] }
            return Dictionary(grouping: targets) { $0 }.values.map { Double($0.count) / Double(targets.count) }
        }
        majority = shares(development).max() ?? 1
        entropy = shares(training).reduce(0) { $0 - $1 * log($1) }
        (trainSha256, devSha256) = (data.train.sha256, data.dev.sha256)
        self.notice =
            data.source == .heldOut
            ? "no --dev file: \(development.count) of \(data.examples) training examples are held out" : nil
    }
}
