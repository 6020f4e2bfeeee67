import Training
import Datasets
import Kernels

/// The rows of a file, by how likely their labels are wrong.
package struct Suspects {
    /// A row and what a model that has not seen it says of it.
    package struct Row: Encodable, Sendable {
        package let file: String
        package let line: Int
        package let label: String
        /// What the model says instead.
        package let suggested: String
        /// The probability of the label that is given.
        package let probability: Float
        package let text: String
    }

    package let data: Dataset
    /// How many labels are wrong, as far as can be told.
    package let estimatedErrors: Int
    /// The rows, the most suspicious first.
    package let rows: [Row]

    /// Finds them by cross-validation.
    ///
    /// - Parameters:
    ///   - request: the data, and how models are trained
    ///   - most: how many rows are wanted
    ///   - report: is told what happens
    /// - Throws: an error with a message for a person if nothing can be trained with these data.
    package init(
        _ request: TrainingRequest, most: Int, on workers: Workers, report: (TrainingEvent) -> Void
    ) throws {
        var data = try Dataset(
            contentsOf: request.train, layout: request.layout, labels: .reading(request.hyperparameters.problemType))
        let validation = try CrossValidation(request, &data, on: workers, report: report)
        let learning = ConfidentLearning(probabilities: validation.probabilities, given: validation.targets)
        estimatedErrors = learning.issues.count(where: \.isOffDiagonal)
        rows = learning.issues.prefix(most).map { [data] issue in
            let example = data.examples[issue.index]
            return Row(
                file: data.file(of: example), line: example.line, label: example.label ?? "",
                suggested: validation.labels[issue.suggested], probability: issue.confidence, text: example.input.joined
            )
        }
        self.data = data
    }
}
