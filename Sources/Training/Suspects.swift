import Datasets
import Foundation
import Kernels
import Tokenization
import Transformer

/// The rows of a file, by how likely their labels are wrong.
package struct Suspects {
    /// A row and what a model that has not seen it says of it.
    package struct Row: Encodable, Sendable {
        package let file: String
        package let line: Int
        package let label: String
        /// What the model says instead.
        package let suggested: String
        /// Of the label that is given.
        package let probability: Float
        package let text: String
    }

    package let data: Dataset
    /// How many labels are wrong, as far as can be told.
    package let estimatedErrors: Int
    /// All rows, the most suspicious first.
    package let rows: [Row]

    /// Finds them by cross-validation.
    ///
    /// - Parameters:
    ///   - request: the data, and how models are trained
    ///   - report: is told what happens
    /// - Throws: an error with a message for a person if nothing can be trained with these data.
    package init(_ request: TrainingRequest, on workers: Workers, report: (TrainingEvent) -> Void) throws {
        var data = try Dataset(
            contentsOf: request.train, layout: request.layout, labels: .reading(request.hyperparameters.problemType))
        let validation = try CrossValidation(request, &data, on: workers, report: report)
        let learning = ConfidentLearning(probabilities: validation.probabilities, given: validation.targets)
        estimatedErrors = learning.issues.count(where: \.isOffDiagonal)
        rows = learning.issues.map { [data] issue in
            let example = data.examples[issue.index]
            return Row(
                file: example.file ?? data.path, line: example.line, label: example.label ?? "",
                suggested: validation.labels[issue.suggested], probability: issue.confidence, text: example.text)
        }
        self.data = data
    }
}

extension DataReport {
    /// Looks at files as a training would read them.
    ///
    /// - Parameters:
    ///   - paths: the training data first
    ///   - request: says how files are read, and whose tokens are counted
    /// - Throws: an error with a message for a person if a file or the model cannot be read.
    package init(of paths: [String], _ request: TrainingRequest, on workers: Workers) throws {
        let hyperparameters = request.hyperparameters
        let first = try Dataset(
            contentsOf: paths[0], layout: request.layout, labels: .reading(hyperparameters.problemType))
        let others = try paths.dropFirst().map {
            try Dataset(
                contentsOf: $0, layout: request.layout, labels: first.hasSeveralLabels ? .several : .one)
        }
        var limit = Int.max
        let tokenizer: Tokenizer
        if let model = request.model {
            (tokenizer, limit) = try ModelFolder.tokenizer(of: URL(filePath: model))
        } else {
            tokenizer = try Tokenizer(learnedFrom: first.examples.map(\.text), size: hyperparameters.vocabSize)
        }
        if let length = hyperparameters.maxLength, length > limit {
            throw TrainingError("--max-length \(length) is more than the model's limit, \(limit)")
        }
        let longTexts = LongTexts(
            hyperparameters.longTextsMethod,
            maximumLength: hyperparameters.maxLength ?? min(limit, Hyperparameters.defaultMaxLength),
            stride: hyperparameters.stride)
        self.init(
            ([first] + others).map { data in
                Part(
                    name: data.path, data: data,
                    texts: EncodedTexts(data.examples.map(\.text), tokenizer, longTexts, on: workers))
            }, longTexts, on: workers)
    }
}
