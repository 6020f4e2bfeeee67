import Kernels
import Tokenization
import Transformer

/// Labels that a model was never trained with, told by one that was trained to say whether a premise entails a hypothesis: the text is the premise, and
/// each label makes a hypothesis.
///
/// With e the logit of entailment for a label's hypothesis and c that of contradiction, p = softmax(e) over the labels; where a text can have several of them, or
/// there is but one, p = σ(e − c) for each.
///
/// ### References
/// Yin, Hay & Roth, *Benchmarking Zero-shot Text Classification*, 2019, section 5; the pipeline of `transformers` has the same formulas.
package struct ZeroShot {
    /// What is put in the place of the label.
    package static let placeholder = "{}"

    /// That of the model, with the labels of the answers.
    package let configuration: Configuration
    private let hypotheses: [String]
    private let entailment: Int
    private let contradiction: Int

    /// - Parameters:
    ///   - labels: none of them twice
    ///   - hypothesis: a sentence with ``placeholder`` in it
    ///   - areSeveral: whether a text can have several labels, or none
    ///   - model: has been trained on natural-language inference
    /// - Throws: ``ModelError`` if it does not look so.
    package init(_ labels: [String], hypothesis: String, areSeveral: Bool, by model: Configuration) throws {
        let known = model.labels.map { $0.lowercased() }
        guard let entailment = known.firstIndex(where: { $0.hasPrefix("entail") }), known.count > 1 else {
            let names = model.labels.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
            throw ModelError(
                "labels that it was not trained with can be told by a model for natural-language inference, which has a label 'entailment'; this one has"
                    + " \(names)\(model.labels.count > 5 ? ", …" : "")")
        }
        self.entailment = entailment
        // Where no name says so, it stands at the other end.
        contradiction =
            known.firstIndex { $0.hasPrefix("contra") } ?? known.firstIndex { $0.hasPrefix("not") }
            ?? (entailment == 0 ? known.count - 1 : 0)
        hypotheses = labels.map { hypothesis.replacingOccurrences(of: Self.placeholder, with: $0) }
        var configuration = model
        configuration.labels = labels
        configuration.problemType = areSeveral || labels.count == 1 ? .multiLabel : .singleLabel
        self.configuration = configuration
    }

    /// What the model reads: each text with each hypothesis.
    package func pairs(of texts: [String]) -> [Text] {
        texts.flatMap { text in hypotheses.map { Text(text, $0, keepsSecond: true) } }
    }

    /// Refuses hypotheses of which a model cannot read all, and some of the text beside.
    ///
    /// - Throws: ``ModelError`` that names the first.
    package func requireRoom(in classifier: Classifier) throws {
        let most = classifier.longTexts.maximumLength
        for hypothesis in hypotheses {
            let length = classifier.model.tokenizer.encode("", hypothesis, maximumLength: .max).length
            if length < most { continue }
            throw ModelError(
                "the hypothesis '\(hypothesis)' has \(length) tokens, the special ones included, and \(most) are read of a text and a hypothesis"
                    + " together; shorten it, or raise --max-length")
        }
    }

    /// The answers for texts.
    ///
    /// - Parameter logits: the model's of ``pairs(of:)``, `[pairs, labels of the model]`
    /// - Throws: ``ModelError`` if they are not numbers.
    package func predictions(_ logits: Matrix) throws -> Predictions {
        let values = (0..<logits.rows).map { pair in
            let row = logits.row(pair)
            return configuration.problemType == .multiLabel ? row[entailment] - row[contradiction] : row[entailment]
        }
        return try Predictions(
            logits: Matrix(values, columns: hypotheses.count), problemType: configuration.problemType,
            InferenceSettings())
    }
}
