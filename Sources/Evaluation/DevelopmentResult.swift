import Inference
import RunStore
import Transformer

/// What a training keeps of a model's results on its dev data, whatever the model predicts.
package struct DevelopmentResult {
    /// The mean loss: a cross-entropy, in nats, or the mean squared error.
    package let loss: Double
    /// The figures that are defined, the metric that the run is judged by among them.
    package let figures: [(metric: EvaluationMetric, value: Double)]
    /// The ids of the labels that every text got, although not all have them; nil if texts got different ones, or have numbers.
    package let onlyAnswer: [Int]?

    /// Compares what a model computes with what is right.
    ///
    /// - Throws: ``ModelError`` if the model's numbers have overflowed.
    package init(
        _ computed: LabeledLogits, _ configuration: Configuration, judgedBy metric: EvaluationMetric
    ) throws {
        if configuration.problemType == .regression {
            let figures = try RegressionResult(computed).figures
            loss = figures.mse
            // The loss goes by the same name as that of labels.
            self.figures =
                [(.logLoss, figures.mse)]
                + zip(EvaluationMetric.ofNumbers, figures.values).compactMap { metric, value in
                    value.map { (metric, $0) }
                }
            onlyAnswer = nil
        } else {
            let result = try EvaluationResult(computed, configuration)
            (loss, onlyAnswer) = (result.loss, result.onlyAnswer)
            figures = result.figures(judgedBy: metric)
        }
    }

    /// The value of a metric; nil where it is not defined.
    package func value(of metric: EvaluationMetric) -> Double? { figures.first { $0.metric == metric }?.value }
}
