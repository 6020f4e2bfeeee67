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

/// Which parts of a model a training changes. The head is always among them.
package struct TrainedParts: Sendable, Equatable {
    /// The lowest encoder layer that is trained; the number of layers if none is.
    package let firstLayer: Int
    /// Whether the embeddings are trained.
    package let embeddings: Bool

    /// Creates a choice.
    package init(firstLayer: Int, embeddings: Bool) { (self.firstLayer, self.embeddings) = (firstLayer, embeddings) }

    /// Everything is trained.
    package static let all = TrainedParts(firstLayer: 0, embeddings: true)

    /// The lowest layer that the backward pass has to visit.
    package var lowestLayer: Int { embeddings ? 0 : firstLayer }

    func contains(_ part: Part) -> Bool {
        switch part {
        case .embeddings: embeddings
        case .layer(let index): index >= firstLayer
        case .head: true
        }
    }
}
