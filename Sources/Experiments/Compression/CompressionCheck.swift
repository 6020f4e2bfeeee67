import Datasets
import Evaluation
import Foundation
import Inference
import Kernels
import Reports
import RunStore
import Statistics
import Transformer

/// Whether a compressed classifier answers as well as the one in Float32: both on the same labelled texts.
package struct CompressionCheck {
    /// In Float32, and compressed.
    package let before, after: (result: EvaluationResult, metrics: EvaluationMetrics)
    /// How many texts only the one and only the other got right.
    package let onlyBefore, onlyAfter: Int
    /// How many texts have the same answer.
    package let sameAnswers: Int
    /// By how much a probability has changed at most.
    package let largestChange: Double
    /// McNemar's exact test, two-sided.
    package let p: Double
    /// Whether the accuracies differ by less than a margin.
    package let equivalence: PairedTest.Equivalence
    private let data: Dataset
    private let circumstances: (before: EvaluationCircumstances, after: EvaluationCircumstances)

    /// The number of texts.
    package var texts: Int { data.examples.count }
    /// The file.
    package var path: String { data.path }

    /// Evaluates both.
    ///
    /// - Parameters:
    ///   - classifier: in Float32; it is for labels
    ///   - model: the same, compressed
    ///   - layout: how the file was read
    ///   - trainedTexts: how many of its texts the model was trained with; nil if that is not known
    /// - Throws: an error with a message for a person if a label is not the model's, or its numbers have overflowed.
    package init(
        of classifier: Classifier, compressed model: ModelFolder, on data: Dataset, layout: Layout, trainedTexts: Int?,
        equivalentWithin margin: Double
    ) throws {
        let wide = classifier.model
        var (classifier, data) = (classifier, data)
        let configuration = classifier.configuration
        let examples = try EncodedExamples(&data, for: classifier.model, classifier.longTexts, on: classifier.workers)
        func evaluate() throws -> (EvaluationResult, EvaluationMetrics) {
            let computed = try LabeledLogits(of: examples) { try classifier.logits(of: $0) }
            let result = try EvaluationResult(computed, configuration, classifier.model.settings)
            return (result, result.metrics(on: classifier.workers))
        }
        before = try evaluate()
        classifier.model = model
        after = try evaluate()
        let (a, b) = (before.result, after.result)
        let indices = a.predictions.indices
        onlyBefore = indices.count { a.isRight($0) && !b.isRight($0) }
        onlyAfter = indices.count { !a.isRight($0) && b.isRight($0) }
        sameAnswers = indices.count { a.predictions[$0].labels == b.predictions[$0].labels }
        largestChange =
            zip(a.predictions.probabilities.values, b.predictions.probabilities.values)
            .map { Double(abs($0 - $1)) }.max() ?? 0
        p = mcNemarTest(onlyA: onlyBefore, onlyB: onlyAfter)
        equivalence = PairedTest.Equivalence(
            within: margin, onlyA: onlyBefore, onlyB: onlyAfter, of: indices.count)
        self.data = data
        func circumstances(of model: ModelFolder) -> EvaluationCircumstances {
            EvaluationCircumstances(of: model, classifier.longTexts, layout, trainedTexts: trainedTexts)
        }
        self.circumstances = (circumstances(of: wide), circumstances(of: model))
    }

    /// What the database is told of a compression.
    package struct Record {
        /// Nil to have a name made.
        package var name: String?
        package let command: String
        /// Of this program.
        package let version: String
        /// The folder of the model in Float32, and the one that is written.
        package let model, output: String

        package init(name: String?, command: String, version: String, model: String, output: String) {
            (self.name, self.command, self.version, self.model, self.output) = (name, command, version, model, output)
        }
    }

    /// Records both results: that of the compressed model as one of a run of its own, which comes of the run that has written the model in Float32.
    ///
    /// - Parameter write: writes the compressed model
    /// - Returns: the name of the run
    package func record(
        _ record: Record, _ compression: Compression, to store: RunStore, write: () throws -> Void
    ) throws -> String {
        let labels = compression.model.classifier.configuration.labels
        let (model, output) = (absolutePath(record.model), absolutePath(record.output))
        let origin = try store.writer(ofModel: model)
        _ = try store.record(before.result, before.metrics, of: model, on: data, circumstances.before, labels: labels)
        var run = Run(
            name: try record.name ?? store.freeName("compressed"), command: record.command, output: output,
            trainData: origin?.trainData ?? "", trainSha256: origin?.trainSha256 ?? "", version: record.version)
        (run.model, run.devData, run.devSha256) = (model, absolutePath(data.path), data.sha256)
        (run.project, run.seed, run.parameters) = (
            origin?.project, origin?.seed ?? 0, compression.model.classifier.layout.count
        )
        let kept = compression.parts.filter(\.isKept).map(\.part.description)
        // What the model was trained with is true of this one, too.
        let params = try origin.map { try store.params(of: $0.id).map { ($0.name, $0.value) } } ?? []
        run = try store.begin(
            run,
            params: params + [
                ("weights", WeightFormat.int8.rawValue), ("compressed_from", origin?.name ?? model),
                ("kept_in_fp32", kept.isEmpty ? "none" : kept.joined(separator: ", ")),
            ])
        do {
            try store.record(
                after.result.figures(judgedBy: .usual).map {
                    Metric(run: run.id, .dev, $0.metric.name, step: 1, epoch: 1, value: $0.value)
                })
            _ = try store.record(
                after.result, after.metrics, of: output, on: data, circumstances.after, labels: labels, run: run.id)
            if equivalence.isShown { try write() }
        } catch {
            try? store.finish(run.id, .failed, hasWrittenOutput: false, error: "\(error)")
            throw error
        }
        try store.finish(
            run.id, equivalence.isShown ? .finished : .failed, hasWrittenOutput: equivalence.isShown,
            error: equivalence.isShown ? nil : "not shown to be equivalent")
        return run.name
    }
}
