/// A part of a model that is trained, or frozen, as a whole.
package enum Part: Sendable, Equatable, CustomStringConvertible {
    /// The three tables and their norm.
    case embeddings
    /// An encoder layer, counted from 0, though people are told its number from 1; the final norm of a pre-norm encoder belongs to the last.
    case layer(Int)
    /// The dense layer of the pooler, where there is one, and the classifier.
    case head

    package var description: String {
        switch self {
        case .embeddings: "embeddings"
        case .layer(let index): "layer \(index + 1)"
        case .head: "head"
        }
    }
}

/// Which parts of a model a training changes. The head is always among them, but for a pooler that an adapter leaves as it is.
package struct TrainedParts: Sendable, Equatable {
    /// The lowest encoder layer that is trained; the number of layers if none is.
    package let firstLayer: Int
    /// Whether the embeddings are trained.
    package let embeddings: Bool

    /// Whether of the layers and the head only what belongs to an adapter is trained.
    package let adapterOnly: Bool

    /// Creates a choice.
    package init(firstLayer: Int, embeddings: Bool, adapterOnly: Bool = false) {
        (self.firstLayer, self.embeddings, self.adapterOnly) = (firstLayer, embeddings, adapterOnly)
    }

    /// Everything is trained.
    package static let all = TrainedParts(firstLayer: 0, embeddings: true)
    /// Only an adapter is trained: the low-rank updates in all layers, and the head.
    package static let adapter = TrainedParts(firstLayer: 0, embeddings: false, adapterOnly: true)

    /// The lowest layer that the backward pass has to visit.
    package var lowestLayer: Int { embeddings ? 0 : firstLayer }

    /// - Parameter isAdapter: whether what belongs to the part belongs to an adapter
    func contains(_ part: Part, isAdapter: Bool) -> Bool {
        if adapterOnly && !isAdapter { return false }
        return switch part {
        case .embeddings: embeddings
        case .layer(let index): index >= firstLayer
        case .head: true
        }
    }
}
