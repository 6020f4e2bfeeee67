import Inference
import Kernels

/// What a classifier computes of labelled texts, before its settings make answers of that.
package struct LabeledLogits {
    /// `[texts, labels]`
    package let logits: Matrix
    /// What is right for each text.
    package let targets: Targets
    /// The number of tokens that were run.
    package let tokens: Int
    package let seconds: Double

    package init(logits: Matrix, targets: Targets, tokens: Int, seconds: Double) {
        (self.logits, self.targets, self.tokens, self.seconds) = (logits, targets, tokens, seconds)
    }

    /// Runs a classifier over labelled texts.
    ///
    /// - Parameter run: computes the logits of texts, `[texts, labels]`
    package init(of examples: EncodedExamples, by run: (EncodedTexts) throws -> Matrix) rethrows {
        let start = ContinuousClock.now
        logits = try run(examples.texts)
        targets = examples.targets
        tokens = examples.sequences.tokens
        seconds = (ContinuousClock.now - start) / .seconds(1)
    }

    /// Puts several files together; there is at least one.
    package init(joining parts: [LabeledLogits]) {
        logits = Matrix(parts.flatMap(\.logits.values), columns: parts[0].logits.columns)
        targets = Targets(joining: parts.map(\.targets))
        tokens = parts.reduce(0) { $0 + $1.tokens }
        seconds = parts.reduce(0) { $0 + $1.seconds }
    }

    /// Some of the texts. Tokens and seconds stay what they are for all texts.
    package func part(_ indices: [Int]) -> LabeledLogits {
        LabeledLogits(
            logits: Matrix(indices.flatMap { logits.row($0) }, columns: logits.columns), targets: targets.at(indices),
            tokens: tokens, seconds: seconds)
    }
}
