import Datasets
import Inference
import Kernels
import Tokenization
import Transformer

/// Labelled examples as the model reads them.
package struct EncodedExamples: Sendable {
    package private(set) var texts: EncodedTexts
    /// What is right for each text.
    package private(set) var targets: Targets
    /// What a teacher says of each text; nil if there is none.
    private var softTargets: SoftTargets?

    /// The number of texts.
    package var count: Int { texts.count }
    /// What is read of the texts: one sequence for each, or several windows.
    package var sequences: TokenSequences { texts.sequences }

    /// What is right for some sequences: what is right for their texts.
    package func targets(ofSequences indices: some Sequence<Int>) -> Targets {
        targets.at(indices.lazy.map { texts.owners[$0] })
    }

    /// What a teacher says of some sequences: what it says of their texts.
    package func softTargets(ofSequences indices: some Collection<Int>) -> SoftTargets? {
        softTargets?.at(indices.map { texts.owners[$0] })
    }

    /// What n-grams say of some sequences, `[sequences, labels]`; nil if there are none.
    package func ngramLogits(ofSequences indices: some Sequence<Int>) -> Matrix? {
        texts.ngramLogits(ofSequences: indices)
    }

    /// Takes over what n-grams say of the sequences, `[sequences, labels]`.
    package mutating func setLogits(ofNGrams logits: [[Float]]) { texts.ngramLogits = logits }

    /// Takes over what a teacher says, and texts of which nobody else says anything. Their target, which counts for nothing, is what the teacher takes for the most
    /// probable.
    ///
    /// - Parameters:
    ///   - teacher: of the texts, and then of `others`
    ///   - others: texts without labels
    package mutating func learn(from teacher: SoftTargets, withoutLabels others: EncodedTexts) {
        precondition(teacher.shares.count == count + others.count, "one row for each text")
        let guesses = (count..<count + others.count).map { text in
            let logits = teacher.logits[text]
            return logits.indices.max { logits[$0] < logits[$1] } ?? 0
        }
        texts.append(others)
        targets = Targets(joining: [targets, .one(guesses)])
        softTargets = teacher
    }
}

extension EncodedExamples {
    /// Encodes labelled data for a model. Examples with a label that it does not know are bad rows: an error, or left out of
    /// `dataset`.
    ///
    /// - Throws: `DatasetError` that names the first such example.
    package init(_ dataset: inout Dataset, for model: ModelFolder, _ longTexts: LongTexts, on workers: Workers) throws {
        let configuration = model.classifier.configuration
        if configuration.problemType != .regression { try dataset.requireLabels(among: configuration.labels) }
        let ids = Dictionary(uniqueKeysWithValues: zip(configuration.labels, 0...))
        targets =
            switch configuration.problemType {
            case .regression: .numbers(dataset.examples.map { $0.number ?? .nan })
            case .singleLabel: .one(dataset.examples.map { ids[$0.label ?? ""]! })
            case .multiLabel:
                .several(dataset.examples.map { $0.labels(several: true).map { ids[$0]! }.sorted() })
            }
        texts = try EncodedTexts(dataset.inputs, for: model, longTexts, on: workers)
    }
}

extension Example {
    /// What a model reads of it.
    package var input: Text { Text(text, textPair) }
}

extension Dataset {
    /// What a model reads of each example.
    package var inputs: [Text] { examples.map(\.input) }
}

extension LabelReading {
    /// How labels are read for a problem type; nil: the labels decide.
    package static func reading(_ problemType: Configuration.ProblemType?) -> Self {
        switch problemType {
        case nil: .detected
        case .singleLabel: .one
        case .multiLabel: .several
        case .regression: .number
        }
    }
}
