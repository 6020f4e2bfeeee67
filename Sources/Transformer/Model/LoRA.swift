import Foundation

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
}
