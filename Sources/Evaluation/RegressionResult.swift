import Kernels
import Statistics
import Transformer

/// A regression's result on texts with numbers.
package struct RegressionResult {
    /// What is right, and what was predicted, for each text.
    package let pairs: NumberPairs
    package let figures: RegressionFigures
    /// The number of tokens that were run.
    package let tokens: Int
    package let seconds: Double

    /// Compares what a model computes with what is right.
    ///
    /// - Throws: ``ModelError`` if the model's numbers have overflowed.
    package init(_ computed: LabeledLogits) throws {
        guard computed.logits.allFinite else { throw ModelError.overflow }
        pairs = NumberPairs(actual: computed.targets.numbers, predicted: computed.logits.values.map(Double.init))
        figures = pairs.figures()
        (tokens, seconds) = (computed.tokens, computed.seconds)
    }

    /// How far the prediction for a text is from what is right.
    package func error(of text: Int) -> Double { pairs.predicted[text] - pairs.actual[text] }

    /// The texts, those with the largest errors first.
    package func byError() -> [Int] {
        pairs.actual.indices.map { ($0, abs(error(of: $0))) }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }.map(\.0)
    }
}
