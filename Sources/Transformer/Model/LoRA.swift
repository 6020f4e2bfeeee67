import Foundation
import Kernels

/// An adapter beside a model whose weights stay as they are: a ``LowRankUpdate`` for some of the linear maps of every layer, and a head.
///
/// ### References
/// Hu et al., *LoRA: Low-Rank Adaptation of Large Language Models*, 2021; Kalajdzievski, *A Rank Stabilization Scaling Factor for
/// Fine-Tuning with LoRA*, 2023 (``isRankStabilized``).
package struct LoRA: Sendable, Equatable, CustomStringConvertible {
    /// A linear map that can have an update.
    package enum Target: String, Sendable, CaseIterable {
        case query, key, value
        /// After the heads of attention.
        case output
        /// Into the feed-forward sublayer.
        case intermediate
        /// Out of it.
        case ffnOutput = "ffn-output"
        /// The dense layer on `[CLS]`; not in a layer of the encoder.
        case pooler

        /// Those of every layer of the encoder.
        package static let ofLayers = allCases.filter { $0 != .pooler }

        /// The path in the layout, where `#` stands for the number of a layer.
        var path: String {
            switch self {
            case .query, .key, .value, .output: "layers.#.attention.\(rawValue)"
            case .intermediate: "layers.#.feedForward.up"
            case .ffnOutput: "layers.#.feedForward.down"
            case .pooler: rawValue
            }
        }

        /// The paths in a model with so many layers.
        func paths(layers: Int) -> [String] {
            self == .pooler ? [path] : (0..<layers).map { path.replacing("#", with: "\($0)") }
        }
    }

    /// r, the rows of A and the columns of B.
    package var rank: Int
    /// α
    package var alpha: Double
    /// What has updates, in the order of the cases.
    package var targets: [Target]
    /// Dropout on the input of A.
    package var dropout = 0.0
    /// Whether an update is multiplied with α / √r, and not with α / r.
    package var isRankStabilized = false
    /// Whether the pooler is the adapter's own, since the model beside it has none.
    package var hasPooler = false

    package init(rank: Int, alpha: Double, targets: [Target], dropout: Double = 0) {
        (self.rank, self.alpha, self.dropout) = (rank, alpha, dropout)
        self.targets = Target.allCases.filter(targets.contains)
    }

    /// What an update is multiplied with.
    package var scale: Float { Float(alpha / (isRankStabilized ? Double(rank).squareRoot() : Double(rank))) }

    /// For people.
    package var description: String {
        let factor = isRankStabilized ? "alpha / √rank" : "alpha / rank"
        return "LoRA of rank \(rank), \(factor) = \(scale), on \(targets.map(\.rawValue).joined(separator: ", "))"
    }

    /// Itself, if it has an update for this target.
    func at(_ target: Target) -> LoRA? { targets.contains(target) ? self : nil }

    /// Why a model of this shape cannot have the adapter; nil if it can.
    func problem(in configuration: Configuration) -> String? {
        if !(1...configuration.hiddenSize).contains(rank) {
            return "the rank of LoRA is \(rank); it must lie between 1 and the hidden size, \(configuration.hiddenSize)"
        }
        if !(alpha > 0 && alpha.isFinite && scale.isFinite) { return "alpha of LoRA is \(alpha); it must be above 0" }
        if !(0..<1).contains(dropout) { return "dropout of LoRA is \(dropout); it must be at least 0 and below 1" }
        if targets.isEmpty { return "LoRA has no targets" }
        if targets.contains(.pooler) && (configuration.pooling != .cls || hasPooler) {
            let targets = Target.ofLayers.map(\.rawValue).joined(separator: ", ")
            return configuration.pooling == .cls
                ? "LoRA has the target 'pooler', but the model has none: a new one is trained as a whole; choose among \(targets)"
                : "LoRA has the target 'pooler', which mean pooling does not have; choose among \(targets)"
        }
        if configuration.addNorm.norm == .batchNorm {
            return "LoRA leaves a model as it is, but BatchNorm remembers every batch; train all of it, without LoRA"
        }
        return nil
    }
}

extension SequenceClassifier {
    /// The same function without an adapter: W + (α / r) · B A in place of W.
    ///
    /// - Throws: ``ModelError`` if there is no memory for a second model.
    package func merged(on workers: Workers) throws -> SequenceClassifier {
        guard let lora = configuration.lora else { return self }
        var configuration = configuration
        configuration.lora = nil
        let places = Dictionary(uniqueKeysWithValues: layout.parameters.map { ($0.name, $0.block) })
        return try SequenceClassifier(configuration) { plain in
            var buffer = FloatBuffer(count: plain.count)
            for parameter in plain.parameters {
                guard let block = places[parameter.name] else { preconditionFailure("a parameter that is not there") }
                buffer.copy(parameters, block.range, to: parameter.block.offset)
            }
            let merged = Dictionary(uniqueKeysWithValues: plain.parameters.map { ($0.name, $0.block) })
            var update = Matrix()
            for path in lora.targets.flatMap({ $0.paths(layers: configuration.layers) }) {
                guard let weight = merged["\(path).weight"],
                    let a = places["\(path).\(LowRankUpdate.inputName).weight"],
                    let b = places["\(path).\(LowRankUpdate.outputName).weight"]
                else { preconditionFailure("an update of a layer that is not there") }
                linearBackward(parameters[b], weight: parameters[a], into: &update, on: workers)
                buffer.add(update, times: lora.scale, to: weight)
            }
            return buffer
        }
    }
}
