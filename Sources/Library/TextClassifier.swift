import Dispatch
import Foundation
import Inference
import Kernels
import Tokenization
import Transformer

/// A trained model that classifies texts.
///
/// It opens a folder that `addnorm train` has written, or one of Hugging Face's `transformers` with a
/// `BertForSequenceClassification`, and answers as long as it lives:
///
/// ```swift
/// let classifier = try TextClassifier(contentsOf: URL(filePath: "models/reviews"))
/// for answer in try await classifier.classify(["Great value.", "Never again."]) {
///     print(answer.label, answer.confidence)
/// }
/// ```
///
/// A classifier can be shared between tasks. Its work is done on threads of its own, one batch after another, so that no task of
/// the program is held up; those who ask at the same time take turns. What a task gets does not depend on the others. If a task is
/// cancelled, its work ends after the batch that is being run, by `CancellationError`.
public final class TextClassifier: Sendable {
    /// The names of the labels, in the order of their ids.
    public let labels: [String]
    /// Whether a text can have several labels, or none.
    public let allowsSeveralLabels: Bool
    /// How many tokens the model reads of a text at a time.
    public let maximumLength: Int
    /// What in the folder was not used, or is used otherwise than `transformers` would: sentences for a person.
    public let warnings: [String]
    private let engine: Engine

    /// Opens a model folder.
    ///
    /// - Parameters:
    ///   - folder: the folder of the model, with its `config.json`, `model.safetensors` and the files of its tokenizer
    ///   - threads: how many threads share the work; by default one for each processor that this process may use, and no more than
    ///     `OMP_NUM_THREADS`
    ///   - batchSize: how many texts are run at a time. It affects speed and memory, and answers only by rounding.
    /// - Throws: ``TextClassifierError/cannotOpen(_:)`` that names the file and what is wrong with it.
    public init(
        contentsOf folder: URL, threads: Int? = nil, batchSize: Int = 32
    ) throws(TextClassifierError) {
        do {
            _ = try DemandedProducts()
            var warnings: [String] = []
            let model = try ModelFolder(contentsOf: folder) { warnings.append($0) }
            try model.requireLabels(for: "TextClassifier")
            let classifier = Classifier(
                model, batchSize: max(1, batchSize), on: Workers(count: threads.map { max(1, $0) }))
            labels = classifier.configuration.labels
            allowsSeveralLabels = classifier.configuration.problemType == .multiLabel
            maximumLength = classifier.longTexts.maximumLength
            self.warnings = warnings
            engine = Engine(classifier)
        } catch {
            throw .cannotOpen((error as? any LocalizedError)?.errorDescription ?? "\(error)")
        }
    }

    /// Classifies a text.
    ///
    /// - Throws: ``TextClassifierError``, or `CancellationError` if the task is cancelled.
    public func classify(_ text: String) async throws -> Answer { try await classify([text])[0] }

    /// Classifies texts, those of like length together, which is faster than one by one.
    ///
    /// - Returns: one answer for each text, in their order
    /// - Throws: ``TextClassifierError``, or `CancellationError` if the task is cancelled.
    public func classify(_ texts: [String]) async throws -> [Answer] {
        try await classify(texts.map { Text($0) })
    }

    /// Classifies pairs of texts that are read together, by a model that was trained with such pairs: whether the second follows from the first, for example.
    ///
    /// - Returns: one answer for each pair, in their order
    /// - Throws: ``TextClassifierError``, or `CancellationError` if the task is cancelled.
    public func classify(pairs: [(first: String, second: String)]) async throws -> [Answer] {
        try await classify(pairs.map { Text($0.first, $0.second) })
    }

    private func classify(_ texts: [Text]) async throws -> [Answer] {
        try await inParts(texts) { [labels] texts, classifier in
            try classifier.classify(texts).map { Answer($0, labels: labels) }
        }
    }

    /// What the model's last layer makes of texts, before they are classified: texts that mean the same to the model are near to
    /// each other.
    ///
    /// A model with mean pooling gives the mean over a text's tokens, one with `cls` pooling the row of the first token.
    ///
    /// - Returns: a vector for each text, in their order, all of the model's hidden size
    /// - Throws: ``TextClassifierError``, or `CancellationError` if the task is cancelled.
    public func embeddings(of texts: [String]) async throws -> [[Float]] {
        try await inParts(texts.map { Text($0) }) { texts, classifier in
            let embeddings = try classifier.embeddings(of: texts)
            return texts.indices.map { embeddings.row($0) }
        }
    }

    /// Finds out which words of a text carried the decision: a pass of the model forward and back, and one forward for each word.
    ///
    /// - Parameters:
    ///   - text: the text. What is longer than the model reads at a time is explained as far as it is read.
    ///   - second: a second one that is read together with it, by a model of pairs; both are shown as one, with ` | ` between them
    ///   - label: the label to explain; nil: the answer, or if that is not one label, the most probable label
    /// - Throws: ``TextClassifierError``, or `CancellationError` if the task is cancelled.
    public func explanation(of text: String, and second: String? = nil, label: String? = nil) async throws
        -> Explanation
    {
        let id = try label.map { name in
            guard let id = labels.firstIndex(of: name) else {
                throw TextClassifierError.unknownLabel(name, known: labels)
            }
            return id
        }
        return try await engine.run { [labels] in
            Explanation(try $0.explain(Text(text, second), label: id), labels: labels)
        }
    }

    /// Some texts at a time, so that tasks which ask for little need not wait for one which asks for much.
    private func inParts<Result: Sendable>(
        _ texts: [Text], _ work: @Sendable ([Text], inout Classifier) throws -> [Result]
    ) async throws -> [Result] {
        var results: [Result] = []
        for start in stride(from: 0, to: texts.count, by: Self.textsAtATime) {
            let part = Array(texts[start..<min(start + Self.textsAtATime, texts.count)])
            results += try await engine.run { try work(part, &$0) }
        }
        return results
    }

    private static let textsAtATime = 256
}

/// Holds the classifier and its memory, and does one piece of work at a time.
private actor Engine {
    private var classifier: Classifier
    private let executor = QueueExecutor()

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(_ classifier: sending Classifier) { self.classifier = classifier }

    /// Gives errors of the model their public name; the work has no others.
    func run<Result: Sendable>(_ work: @Sendable (inout Classifier) throws -> Result) throws -> Result {
        do {
            try Task.checkCancellation()
            return try work(&classifier)
        } catch let error as ModelError {
            throw TextClassifierError.cannotRun(error.description)
        }
    }
}

/// Runs an actor's work on a queue of its own: it takes long, and would keep the threads that all tasks share.
private final class QueueExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "AddNorm.TextClassifier")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
