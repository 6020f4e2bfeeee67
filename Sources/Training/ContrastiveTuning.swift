import Evaluation
import Kernels
import Transformer

/// The first part of a training with few texts: the encoder learns to bring texts of one label together, and others apart, before the head learns from what it then makes
/// of them.
///
/// SetFit (Tunstall et al., *Efficient Few-Shot Learning Without Prompts*, 2022) writes down pairs of texts and encodes both texts of each. Here a step draws as many texts of
/// every label as it has room for, encodes each once, and learns from all pairs among them: with n texts of the training, no list of n² pairs exists, and a step of 32 texts has
/// 496 pairs.
package struct ContrastiveTuning {
    private let examples: EncodedExamples
    private let hyperparameters: Hyperparameters
    private let schedule: LinearSchedule
    private var drawing: BalancedDrawing
    private var learner: Learner
    /// How many steps have been taken.
    package private(set) var step = 0
    /// How many there are in all.
    package var steps: Int { schedule.totalSteps }

    /// Begins with a classifier.
    ///
    /// - Throws: ``TrainingError`` if the hyper-parameters name labels that do not exist.
    package init(
        _ classifier: SequenceClassifier, _ hyperparameters: Hyperparameters, examples: EncodedExamples,
        workers: Workers
    ) throws {
        (self.examples, self.hyperparameters) = (examples, hyperparameters)
        schedule = LinearSchedule(
            peak: hyperparameters.contrastiveLearningRate, warmupRatio: hyperparameters.warmupRatio,
            totalSteps: hyperparameters.contrastiveSteps ?? 0)
        drawing = BalancedDrawing(
            examples.targets(ofSequences: examples.sequences.indices), count: hyperparameters.batchSize,
            seed: hyperparameters.seed)
        learner = try Learner(
            classifier, hyperparameters.ofContrastiveTuning, targets: examples.targets, workers: workers)
    }

    /// The classifier after the last step; its head is as it was, but for its decay.
    package var classifier: SequenceClassifier { mutating get { learner.classifier } }

    /// Takes the next step.
    ///
    /// - Returns: what was done; nil at the end
    /// - Throws: ``TrainingError`` if the loss or a gradient is not finite, and such steps are not to be skipped.
    package mutating func next() throws -> TrainingLoop.Event? {
        if step >= steps { return nil }
        let sequences = drawing.next()[...]
        let learningRate = schedule.rate(at: step)
        let result = learner.contrastiveStep(sequences, of: examples, number: step, learningRate: learningRate)
        step += 1
        guard result.loss.isFinite && result.gradientNorm.isFinite else {
            let description = learner.description(ofStep: step, loss: result.loss)
            if hyperparameters.onNonFinite == .skip { return .skippedStep(description) }
            throw TrainingError(
                "\(description); lower --contrastive-learning-rate, or leave such steps out with --on-non-finite skip-step"
            )
        }
        return .step(
            TrainingLoop.Step(
                sequences: sequences, loss: result.loss, learningRate: learningRate, gradientNorm: result.gradientNorm))
    }
}

/// Draws texts for steps: of each label the same number, at least two, as long as it has as many.
///
/// Where a step has no room for two of every label, the labels take turns. The texts of a label are drawn in random order, none again before all others, but for a few that would
/// not fill a step.
package struct BalancedDrawing {
    /// The texts of each label, those without a label besides.
    private let groups: [[Int]]
    private let labelsOfStep: Int
    private let textsOfLabel: Int
    private var random: RandomNumbers
    /// What is left of each label's texts, and of the labels, in this round.
    private var left: [[Int]]
    private var labelsLeft: [Int] = []

    /// Prepares the drawing of texts.
    ///
    /// - Parameters:
    ///   - targets: of all texts
    ///   - count: how many texts a step has room for, at least 4
    ///   - seed: decides which come together
    package init(_ targets: Targets, count: Int, seed: UInt64) {
        var texts: [Int: [Int]] = [:]
        for text in 0..<targets.count {
            let labels = targets[text]
            for label in labels.isEmpty ? [-1] : labels { texts[label, default: []].append(text) }
        }
        groups = texts.sorted { $0.key < $1.key }.map(\.value)
        // A checkpoint can say anything.
        labelsOfStep = max(1, min(groups.count, count / 2))
        textsOfLabel = count / labelsOfStep
        random = RandomNumbers(seed: seed, stream: .pairs)
        left = groups.map { _ in [] }
    }

    /// The texts of the next step, each once.
    package mutating func next() -> [Int] {
        if labelsLeft.count < labelsOfStep { labelsLeft += groups.indices.shuffled(using: &random) }
        var texts: [Int] = []
        // A label twice, at the end of a round, is drawn from once.
        for label in Set(labelsLeft.prefix(labelsOfStep)).sorted() {
            let count = min(textsOfLabel, groups[label].count)
            if left[label].count < count { left[label] = groups[label].shuffled(using: &random) }
            texts += left[label].prefix(count).filter { !texts.contains($0) }
            left[label].removeFirst(count)
        }
        labelsLeft.removeFirst(labelsOfStep)
        return texts
    }
}

extension Hyperparameters {
    /// Decides about ``HyperparameterDeclarations/contrastiveSteps`` where nobody has: as many as four passes over the texts have, and at least six.
    mutating func chooseContrastiveSteps(texts: Int) {
        if self.fewShot && self.contrastiveSteps == nil { self.contrastiveSteps = max(6, 4 * texts / self.batchSize) }
    }

    /// Those of the part of a training with few texts that tunes the encoder: all of it is trained.
    var ofContrastiveTuning: Hyperparameters {
        var hyperparameters = self
        (hyperparameters.fewShot, hyperparameters.trainLayers) = (false, .all)
        return hyperparameters
    }

    /// Those of the part of a training that needs most memory.
    var ofLargestPart: Hyperparameters { self.fewShot ? ofContrastiveTuning : self }
}
