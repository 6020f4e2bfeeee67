import Evaluation
import Inference
import Foundation
import Kernels
import Transformer

/// What a user can set about a training. Names follow `transformers`.
package struct Hyperparameters: Codable, Sendable, Equatable {
    /// What is trained: three kinds of work, which need different learning rates and numbers of epochs.
    package enum Kind: CaseIterable, Sendable {
        /// A new encoder, from random weights.
        case newModel
        /// A pretrained encoder, or its upper layers.
        case fineTuning
        /// A new head on a pretrained encoder that stays as it is.
        case headOnly
    }

    /// How much of a pretrained model is trained.
    package enum TrainLayers: Codable, Sendable, Equatable {
        /// Everything.
        case all
        /// The head alone.
        case head
        /// The head and so many encoder layers, counted from the top.
        case top(Int)
    }

    /// How much each class counts in the loss.
    package enum ClassWeights: Codable, Sendable, Equatable {
        /// All the same.
        case none
        /// The rarer, the more: texts / (classes · texts of the class), as scikit-learn has it.
        case balanced
        /// By label; 1 for a label that is not named.
        case byLabel([String: Double])
    }

    /// Passes over the training data.
    package var epochs: Int
    /// Texts in a step, or in a part of one if gradients are accumulated.
    package var batchSize = 32
    /// Batches in a step of the optimizer.
    package var gradientAccumulation = 1
    /// At the end of warm-up.
    package var learningRate: Double
    /// What the learning rate is multiplied with from each layer to the one below it.
    package var layerDecay: Double
    /// Of weights; biases and LayerNorm never decay.
    package var weightDecay: Double = 0.01
    /// The share of all steps in which the learning rate rises.
    package var warmupRatio: Double = 0.1
    /// Gradients with a larger norm are scaled down to it.
    package var maxGradNorm: Double = 1
    /// How much of the probability that is asked for is spread over all labels.
    package var labelSmoothing: Double = 0
    package var classWeights = ClassWeights.none
    package var trainLayers = TrainLayers.all
    /// Whether the embeddings are trained too where not all layers are.
    package var trainEmbeddings = false
    /// Nil: several labels if any label of the training data is a list.
    package var problemType: Configuration.ProblemType?
    /// Tokens that are read at a time, special tokens included. Nil: 128, or the model's limit if that is less.
    package var maxLength: Int?
    /// What is done with texts that have more.
    package var longTextsMethod = LongTexts.Method.truncate
    /// From one window to the next, in tokens. Nil: half of what a window holds.
    package var stride: Int?
    /// Of hidden states and attention probabilities. Nil: 0.3 in new models, what `config.json` says in others.
    package var dropout: Double?
    /// Of the initial weights, the order of examples, dropout, and what is held out.
    package var seed: UInt64 = 42
    /// That share the work of a step.
    package var threads = 1
    /// End after so many epochs without a better one.
    package var earlyStopping: Int?
    /// The share of the training data that is held out where there is no dev file.
    package var devFraction: Double = 0.1
    /// Nil: what a pretrained folder says, else `mean`.
    package var pooling: Configuration.Pooling?

    // Of new models only:

    package var layers = 2
    package var hiddenSize = 128
    package var heads = 4
    package var intermediateSize = 512
    package var vocabSize = 8000
    package var normPlacement: Configuration.NormPlacement = .post

    /// Chosen by measurement: small models on small data need more than BERT's 0.1.
    package static let dropoutOfNewModels = 0.3

    /// ``maxLength`` where none is given, unless the model's own limit is less.
    package static let defaultMaxLength = 128

    /// Hyper-parameters with the defaults of a kind of work, which were chosen by measurement: the README has the table.
    package init(for kind: Kind = .newModel) {
        switch kind {
        case .newModel: (epochs, learningRate, layerDecay) = (8, 5e-4, 1)
        case .fineTuning: (epochs, learningRate, layerDecay) = (3, 2e-4, 0.9)
        case .headOnly: (epochs, learningRate, layerDecay) = (40, 1e-2, 1)
        }
    }

    /// How texts are read, once a model has decided about ``maxLength``.
    package var longTexts: LongTexts {
        LongTexts(longTextsMethod, maximumLength: maxLength ?? Self.defaultMaxLength, stride: stride)
    }

    /// Decides about ``maxLength`` by the limit of a model.
    ///
    /// - Throws: ``TrainingError`` if it is more.
    mutating func limitLength(to limit: Int, of model: String) throws {
        if let maxLength, maxLength > limit {
            throw TrainingError("--max-length \(maxLength) is more than the limit of \(model), \(limit)")
        }
        maxLength = maxLength ?? min(Self.defaultMaxLength, limit)
    }

    /// Sequences in a step of the optimizer.
    package var stepSize: Int { batchSize * gradientAccumulation }

    /// The order of the sequences in an epoch, counted from 0.
    package func order(_ sequences: some Collection<Int>, epoch: Int) -> [Int] {
        var random = RandomNumbers(seed: seed, site: RandomSite.shuffling, step: UInt64(epoch))
        return sequences.shuffled(using: &random)
    }

    /// The learning rates of a training with so many sequences.
    package func schedule(sequences: Int) -> LinearSchedule {
        LinearSchedule(
            peak: learningRate, warmupRatio: warmupRatio,
            totalSteps: epochs * ((sequences + stepSize - 1) / stepSize))
    }

    /// Whether nothing but the head is trained, so that what it reads stays the same.
    package var trainsHeadOnly: Bool { trainLayers == .head && !trainEmbeddings }

    /// What is trained of a model with so many layers.
    ///
    /// - Throws: ``TrainingError`` if it has fewer than are to be trained.
    func trainedParts(layers: Int) throws -> TrainedParts {
        switch trainLayers {
        case .all: return .all
        case .head: return TrainedParts(firstLayer: layers, embeddings: trainEmbeddings)
        case .top(let count):
            guard (0...layers).contains(count) else {
                throw TrainingError("--train-layers \(count): the model has \(layers) layers")
            }
            return TrainedParts(firstLayer: layers - count, embeddings: trainEmbeddings)
        }
    }

    /// The weight of each class.
    ///
    /// - Parameters:
    ///   - labels: their names, by id
    ///   - targets: of all training texts
    /// - Returns: one for each label; nil if all count the same
    /// - Throws: ``TrainingError`` if a weight is given for a label that does not exist, or texts can have several labels.
    package func weights(labels: [String], targets: Targets) throws -> [Double]? {
        if classWeights == .none { return nil }
        guard case .one(let targets) = targets else {
            throw TrainingError("--class-weights is for texts with one label each; these can have several")
        }
        switch classWeights {
        case .none: return nil
        case .balanced:
            var counts = [Int](repeating: 0, count: labels.count)
            for target in targets { counts[target] += 1 }
            let classes = counts.count { $0 > 0 }
            return counts.map { $0 == 0 ? 1 : Double(targets.count) / Double(classes * $0) }
        case .byLabel(let weights):
            if let unknown = weights.keys.sorted().first(where: { !labels.contains($0) }) {
                throw TrainingError(
                    "--class-weights: there is no label '\(unknown)'; the labels are \(labels.joined(separator: ", "))")
            }
            return labels.map { weights[$0] ?? 1 }
        }
    }

    /// Name and value of each, as the database keeps them.
    var params: [(name: String, value: String)] {
        [
            ("epochs", "\(epochs)"), ("batch_size", "\(batchSize)"),
            ("gradient_accumulation", "\(gradientAccumulation)"), ("learning_rate", "\(learningRate)"),
            ("layer_decay", "\(layerDecay)"), ("label_smoothing", "\(labelSmoothing)"),
            ("class_weights", classWeights.text), ("train_layers", trainLayers.text),
            ("train_embeddings", trainLayers == .all || trainEmbeddings ? "true" : "false"),
            ("weight_decay", "\(weightDecay)"), ("warmup_ratio", "\(warmupRatio)"), ("max_grad_norm", "\(maxGradNorm)"),
            ("problem_type", problemType?.rawValue ?? "none"),
            ("max_length", maxLength.map { "\($0)" } ?? "none"), ("long_texts", longTextsMethod.rawValue),
            ("stride", stride.map { "\($0)" } ?? "none"), ("dropout", dropout.map { "\($0)" } ?? "none"),
            ("seed", "\(seed)"),
            ("threads", "\(threads)"),
            ("early_stopping", earlyStopping.map { "\($0)" } ?? "none"), ("dev_fraction", "\(devFraction)"),
            ("layers", "\(layers)"), ("hidden_size", "\(hiddenSize)"), ("heads", "\(heads)"),
            ("intermediate_size", "\(intermediateSize)"), ("vocab_size", "\(vocabSize)"),
            ("pooling", pooling?.rawValue ?? "none"),
            ("norm_placement", normPlacement.rawValue),
        ]
    }

    /// Takes over what a model has decided.
    mutating func adopt(_ configuration: Configuration) {
        dropout = dropout ?? Double("\(configuration.dropout)")
        problemType = configuration.problemType
        layers = configuration.layers
        hiddenSize = configuration.hiddenSize
        heads = configuration.heads
        intermediateSize = configuration.intermediateSize
        vocabSize = configuration.vocabularySize
        pooling = configuration.pooling
        normPlacement = configuration.normPlacement
    }
}

extension Hyperparameters.TrainLayers {
    /// As it is written on the command line.
    package var text: String {
        switch self {
        case .all: "all"
        case .head: "head"
        case .top(let count): "\(count)"
        }
    }
}

extension Hyperparameters.ClassWeights {
    /// As it is written on the command line.
    package var text: String {
        switch self {
        case .none: "none"
        case .balanced: "balanced"
        case .byLabel(let weights): weights.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: ",")
        }
    }
}

/// The learning rate of each step: a linear rise, then a linear fall that would reach 0 one step after the last.
package struct LinearSchedule {
    let peak: Double
    let warmupSteps: Int
    package let totalSteps: Int

    init(peak: Double, warmupRatio: Double, totalSteps: Int) {
        self.peak = peak
        self.totalSteps = totalSteps
        warmupSteps = Int((warmupRatio * Double(totalSteps)).rounded(.up))
    }

    /// - Parameter step: counted from 0
    package func rate(at step: Int) -> Double {
        if step < warmupSteps { return peak * Double(step + 1) / Double(warmupSteps) }
        return peak * Double(totalSteps - step) / Double(max(totalSteps - warmupSteps, 1))
    }
}
