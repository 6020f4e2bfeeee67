import Datasets
import Foundation
import Kernels
import Transformer

/// What models say of texts that they were not trained with: the texts are split into folds, and each fold is classified by a
/// model that was trained on the others.
package struct CrossValidation {
    /// Of each label, `[texts, labels]`.
    package let probabilities: Matrix
    /// The label of each text, as it is given.
    package let targets: [Int]
    /// By id.
    package let labels: [String]

    /// How many folds there are.
    package static let folds = 5

    /// Trains and classifies, fold by fold.
    ///
    /// - Parameters:
    ///   - request: how models are trained; the last epoch counts, as there is nothing to choose another by
    ///   - data: texts with one label each; those with a label that the model does not know are bad rows
    ///   - report: is told what happens
    /// - Throws: an error with a message for a person if nothing can be trained with these data.
    package init(
        _ request: TrainingRequest, _ data: inout Dataset, on workers: Workers, report: (TrainingEvent) -> Void
    ) throws {
        guard !data.hasSeveralLabels else {
            throw TrainingError("\(data.path): texts can have several labels; this needs one label for each text")
        }
        let names = Set(data.examples.compactMap(\.label)).sorted()
        guard names.count > 1 && data.examples.count >= Self.folds else {
            throw TrainingError(
                "\(data.path): \(data.examples.count) texts with \(names.count) labels; needed are at least \(Self.folds) texts and"
                    + " two labels")
        }
        var request = request
        let model = try ModelFolder(
            toTrain: &request, labels: names, .singleLabel, texts: data.examples.map(\.text),
            notice: { report(.notice($0)) })
        let hyperparameters = request.hyperparameters
        let examples = try EncodedExamples(&data, for: model, hyperparameters.longTexts, on: workers)
        guard case .one(let targets) = examples.targets else { preconditionFailure("one label for each text") }
        labels = model.classifier.configuration.labels
        self.targets = targets

        var predictor = Predictor(for: model.classifier, batchSize: hyperparameters.batchSize, workers: workers)
        var features: Matrix?
        if hyperparameters.trainsHeadOnly {
            features = try predictor.features(model.classifier, examples.sequences) { done in
                report(.features(done: done, of: examples.sequences.count))
                return true
            }
        }
        let foldOf = Self.folds(targets, seed: hyperparameters.seed)
        var logits = [Float](repeating: 0, count: targets.count * labels.count)
        let start = ContinuousClock.now
        for fold in 0..<Self.folds {
            let training = examples.sequences.indices.filter { foldOf[examples.texts.owners[$0]] != fold }
            var classifier = model.classifier
            try Self.train(&classifier, hyperparameters, examples, training, features, on: workers) { done, loss in
                let share = (Double(fold) + done) / Double(Self.folds)
                let elapsed = (ContinuousClock.now - start) / .seconds(1)
                report(
                    .fold(
                        fold + 1, of: Self.folds, share: share, loss: loss,
                        secondsLeft: elapsed * (1 - share) / share))
            }
            let heldOut = targets.indices.filter { foldOf[$0] == fold }
            let texts = examples.texts.part(heldOut)
            let part: Matrix
            if let features {
                var rows = Matrix(columns: features.columns)
                gatherRows(
                    features, examples.sequences.indices.filter { foldOf[examples.texts.owners[$0]] == fold }[...],
                    into: &rows)
                part = predictor.logits(classifier, features: rows, of: texts)
            } else {
                part = predictor.logits(classifier, texts)
            }
            for (row, text) in heldOut.enumerated() {
                logits.replaceSubrange(text * labels.count..<(text + 1) * labels.count, with: part.row(row))
            }
        }
        probabilities = try Predictions(
            logits: Matrix(logits, columns: labels.count), problemType: .singleLabel, InferenceSettings()
        ).probabilities
    }

    /// The fold of each text: of every label the same share in each.
    private static func folds(_ targets: [Int], seed: UInt64) -> [Int] {
        var folds = [Int](repeating: 0, count: targets.count)
        for (label, texts) in Dictionary(grouping: targets.indices, by: { targets[$0] }) {
            var random = RandomNumbers(seed: seed, site: RandomSite.folds, step: UInt64(label))
            for (place, text) in texts.shuffled(using: &random).enumerated() { folds[text] = place % Self.folds }
        }
        return folds
    }

    /// A training without files, runs and choices.
    ///
    /// - Parameter report: is told, from time to time, the share of the steps that is done, and the loss
    private static func train(
        _ classifier: inout SequenceClassifier, _ hyperparameters: Hyperparameters, _ examples: EncodedExamples,
        _ sequences: [Int], _ features: Matrix?, on workers: Workers, report: (Double, Double) -> Void
    ) throws {
        let size = hyperparameters.batchSize * hyperparameters.gradientAccumulation
        let steps = (sequences.count + size - 1) / size
        let schedule = LinearSchedule(
            peak: hyperparameters.learningRate, warmupRatio: hyperparameters.warmupRatio,
            totalSteps: hyperparameters.epochs * steps)
        var step = try TrainingStep(
            for: classifier, hyperparameters, targets: examples.targets(ofSequences: sequences), workers: workers)
        var optimizer = AdamW(count: step.gradients.values.count)
        var number = 0
        for epoch in 0..<hyperparameters.epochs {
            var random = RandomNumbers(seed: hyperparameters.seed, site: RandomSite.shuffling, step: UInt64(epoch))
            let order = sequences.shuffled(using: &random)
            for start in stride(from: 0, to: order.count, by: size) {
                let (loss, norm) = step.take(
                    order[start..<min(start + size, order.count)], of: examples, features: features, number: number,
                    learningRate: schedule.rate(at: number), &classifier, &optimizer)
                guard loss.isFinite && norm.isFinite else {
                    throw TrainingError("the loss is no longer a number; lower --learning-rate")
                }
                number += 1
                report(Double(number) / Double(schedule.totalSteps), loss)
            }
        }
        step.finish(&classifier, &optimizer)
    }
}
