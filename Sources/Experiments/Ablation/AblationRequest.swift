import Foundation
import Training
import Transformer

/// What an ablation of Add & Norm is asked.
package struct AblationRequest: Sendable {
    /// What can be asked.
    package enum Question: String, Sendable, CaseIterable {
        /// What passes through each layer at the first step.
        case signals
        /// At which learning rates it trains at all.
        case range
        /// How fast and how well, each form at its best learning rate.
        case results
    }

    package var questions = Set(Question.allCases)
    /// The first one is what the others are compared with.
    package var variants: [AddNormVariant]
    /// Numbers of layers, ascending.
    package var depths: [Int]
    /// The numbers of layers of the first question, which costs little.
    package var signalDepths: [Int]
    /// Ascending.
    package var learningRates: [Double]
    /// Shares of the steps in which the learning rate rises.
    package var warmupRatios: [Double]
    /// How many seeds the first and the third question use.
    package var seeds: Int
    package var minutes: Double
    /// The data, the shape of the models, and all else that is the same in every training; its name is that of the experiment.
    package var training: TrainingRequest

    /// - Parameter training: the data and what is not varied
    package init(_ training: TrainingRequest, variants: [AddNormVariant], depths: [Int]) {
        (self.training, self.variants, self.depths, signalDepths) = (training, variants, depths, depths)
        (learningRates, warmupRatios, seeds, minutes) = (Self.usualRates, Self.usualWarmups, 3, Self.usualMinutes)
    }

    package static let usualVariants =
        [
            "post", "pre", "sandwich", "none", "post-off", "pre-off", "deepnorm", "rezero", "pre-rmsnorm", "pre-dyt",
            "post-batchnorm",
        ]
    package static let usualDepths = [2, 6, 12, 24]
    package static let usualRates = [3e-4, 1e-3, 3e-3, 1e-2, 3e-2]
    package static let usualWarmups = [0, 0.25]
    package static let usualMinutes = 12.0
    /// The depth of the first question where none is asked for.
    package static let deepest = 48
    package static let usualHiddenSize = 64
    package static let usualDropout = 0.1
    package static let usualBatchSize = 16

    /// Refuses what cannot be done.
    ///
    /// - Throws: ``TrainingError`` that names the option.
    package func check() throws {
        func require(_ condition: Bool, _ message: String) throws { if !condition { throw TrainingError(message) } }
        try require(!variants.isEmpty && Set(variants).count == variants.count, "--variants must name each form once")
        try require(
            (depths + signalDepths).allSatisfy { (1...1024).contains($0) }, "--depths must lie between 1 and 1024")
        try require(learningRates.allSatisfy { $0 > 0 && $0.isFinite }, "--learning-rates must be above 0")
        try require(warmupRatios.allSatisfy { (0...1).contains($0) }, "--warmup-ratios must lie between 0 and 1")
        try require((1...100).contains(seeds), "--seeds must lie between 1 and 100")
        try require(minutes > 0 && minutes <= 1e6, "--minutes must be above 0")
    }

    /// What has to be the same for an experiment to go on: name and value of each, without blanks.
    var settings: [(name: String, value: String)] {
        func list(_ values: [some CustomStringConvertible]) -> String {
            values.map(\.description).joined(separator: ",")
        }
        let usual = Dictionary(uniqueKeysWithValues: Hyperparameters().texts.map { ($0.name, $0.value) })
        return [
            ("variants", list(variants)), ("depths", list(depths)), ("learning_rates", list(learningRates)),
            ("warmup_ratios", list(warmupRatios)), ("seeds", "\(seeds)"),
        ] + training.hyperparameters.texts.filter { usual[$0.name] != $0.value && $0.name != "threads" }
    }
}
