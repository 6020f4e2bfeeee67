import Transformer

/// How much of a pretrained model is trained.
package enum TrainLayers: HyperparameterValue, Equatable {
    /// Everything.
    case all
    /// The head alone.
    case head
    /// The head and so many encoder layers, counted from the top.
    case top(Int)

    package init?(text: String) {
        switch text {
        case "all": self = .all
        case "head": self = .head
        default:
            guard let count = Int(text), count >= 1 else { return nil }
            self = .top(count)
        }
    }

    package var text: String {
        switch self {
        case .all: "all"
        case .head: "head"
        case .top(let count): "\(count)"
        }
    }

    /// What is trained of a model with so many layers.
    ///
    /// - Parameter embeddings: whether these are trained where not all layers are
    /// - Throws: ``TrainingError`` if it has fewer layers than are to be trained.
    func parts(ofLayers layers: Int, embeddings: Bool) throws -> TrainedParts {
        switch self {
        case .all: return .all
        case .head: return TrainedParts(firstLayer: layers, embeddings: embeddings)
        case .top(let count):
            guard (0...layers).contains(count) else {
                throw TrainingError("--train-layers \(count): the model has \(layers) layers")
            }
            return TrainedParts(firstLayer: layers - count, embeddings: embeddings)
        }
    }
}
