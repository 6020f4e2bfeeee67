import Inference
import Transformer

/// The labels of a text as they are printed: a name, or where there can be several, a list of names.
struct LabelNames: Encodable {
    private let names: [String]
    private let isList: Bool

    /// - Parameter ids: of the labels
    init(_ ids: [Int], of configuration: Configuration) {
        names = ids.map { configuration.labels[$0] }
        isList = configuration.problemType == .multiLabel
    }

    /// Between `|`, as in a table of training data.
    var text: String { names.joined(separator: "|") }

    func encode(to encoder: any Swift.Encoder) throws {
        if isList { try names.encode(to: encoder) } else { try names[0].encode(to: encoder) }
    }
}

extension Prediction {
    /// The names of the answer's labels; nil if it is less confident than `least`.
    func names(of configuration: Configuration, abstainingBelow least: Double?) -> LabelNames? {
        isGiven(abstainingBelow: least ?? 0) ? LabelNames(labels, of: configuration) : nil
    }

    /// The probabilities by the names of the labels.
    func probabilities(of configuration: Configuration) -> [String: Float] {
        Dictionary(uniqueKeysWithValues: zip(configuration.labels, probabilities))
    }
}
