import Evaluation
import Inference
import Training
import Datasets
import Foundation
import Kernels
import Transformer

/// What models say of texts that they were not trained with: the texts are split into folds, and each fold is classified by a
/// model that was trained on the others.
///
/// That is done twice, with other folds and other random numbers, and the probabilities are the mean over both, and over those after
/// each epoch: several models are better than one, and networks learn first what many texts have in common, and only later
/// single labels that contradict it (Arpit et al., *A Closer Look at Memorization in Deep Networks*, 2017).
package struct CrossValidation {
    /// The probability of each label for each text, `[texts, labels]`.
    package let probabilities: Matrix
    /// The label of each text, as it is given.
    package let targets: [Int]
    /// The names of the labels, by id.
    package let labels: [String]

    /// How many folds there are.
    package static let folds = 5
    /// How often the texts are split into folds.
    package static let rounds = 2

    /// Trains and classifies, fold by fold.
    ///
    /// - Parameters:
    ///   - request: how models are trained
    ///   - data: texts with one label each; those with a label that the model does not know are bad rows
    ///   - report: is told what happens
    /// - Throws: an error with a message for a person if nothing can be trained with these data.
    package init(
        _ request: TrainingRequest, _ data: inout Dataset, on workers: Workers, report: (TrainingEvent) -> Void
    ) throws {
        guard !data.hasSeveralLabels && !data.hasNumbers else {
            throw TrainingError(
                "\(data.path): texts \(data.hasNumbers ? "have numbers" : "can have several labels"); this needs one label for each text"
            )
        }
        let names = data.labelNames.sorted()
        let counts = Dictionary(grouping: data.examples, by: \.label).values.map(\.count)
        guard data.examples.count >= Self.folds && counts.count(where: { $0 > 1 }) > 1 else {
            throw TrainingError(
                "\(data.path): too few texts; needed are at least \(Self.folds), and two labels with two texts each")
        }
        var request = request
        // Those of the other folds know the texts of one.
        request.hyperparameters.leaveNGrams()
        let seed = request.hyperparameters.seed
        func makeModel(round: Int) throws -> ModelFolder {
            // Far from the seeds that a user would try beside this one.
            request.hyperparameters.seed = (seed &+ UInt64(round) &* 0x9E37_79B9_7F4A_7C15) % UInt64(Int64.max)
            return try ModelFolder(
                toTrain: &request, labels: names, .singleLabel, newHead: true, texts: data.inputs
            ) { if round == 0 { report(.notice($0)) } }
        }
        var model = try makeModel(round: 0)
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
        let same = groupsOfSameTexts(data.examples.map(\.input.joined), on: workers)
        let columns = labels.count
        var sums = [Float](repeating: 0, count: targets.count * columns)
        let trainings = Self.rounds * Self.folds
        let start = ContinuousClock.now
        for number in 0..<trainings {
            let (round, fold) = number.quotientAndRemainder(dividingBy: Self.folds)
            if round > 0 && fold == 0 { model = try makeModel(round: round) }
            let foldOf = Self.folds(targets, same, seed: request.hyperparameters.seed)
            let heldOut = targets.indices.filter { foldOf[$0] == fold }
            let texts = examples.texts.part(heldOut)
            let featuresOfHeldOut = features.map { features in
                var rows = Matrix(columns: features.columns)
                let sequences = examples.sequences.indices.filter { foldOf[examples.texts.owners[$0]] == fold }
                gatherRows(features, sequences[...], into: &rows)
                return rows
            }
            var loop = try TrainingLoop(
                model.classifier, request.hyperparameters, examples: examples,
                texts: targets.indices.filter { foldOf[$0] != fold }, workers: workers)
            loop.features = features
            while let event = try loop.next() {
                switch event {
                case .step(let step):
                    let share =
                        (Double(number) + Double(loop.progress.step) / Double(loop.totalSteps)) / Double(trainings)
                    let elapsed = (ContinuousClock.now - start) / .seconds(1)
                    report(
                        .fold(
                            number + 1, of: trainings, share: share, loss: step.loss,
                            secondsLeft: elapsed * (1 - share) / share))
                case .skippedStep: break
                case .epoch:
                    let predictions = try Predictions(
                        logits: predictor.logits(loop.learner.classifier, texts, features: featuresOfHeldOut),
                        problemType: .singleLabel, InferenceSettings())
                    for (row, text) in heldOut.enumerated() {
                        for (label, p) in predictions.probabilities.row(row).enumerated() {
                            sums[text * columns + label] += p
                        }
                    }
                }
            }
        }
        let count = Float(Self.rounds * request.hyperparameters.epochs)
        probabilities = Matrix(sums, columns: columns).scaled(by: 1 / count)
    }

    /// The fold of each text: of every label as nearly as possible the same number in each, and of all texts too, but for texts that
    /// are the same.
    ///
    /// - Parameter same: groups of texts that are the same: a model that has seen one of them has learned the others' labels
    private static func folds(_ targets: [Int], _ same: [[Int]], seed: UInt64) -> [Int] {
        var folds = [Int](repeating: 0, count: targets.count)
        var next = 0
        for (label, texts) in Dictionary(grouping: targets.indices, by: { targets[$0] }).sorted(by: { $0.key < $1.key })
        {
            var random = RandomNumbers(seed: seed, stream: .folds, step: UInt64(label))
            for text in texts.shuffled(using: &random) {
                folds[text] = next % Self.folds
                next += 1
            }
        }
        for group in same { for text in group { folds[text] = folds[group[0]] } }
        return folds
    }
}
