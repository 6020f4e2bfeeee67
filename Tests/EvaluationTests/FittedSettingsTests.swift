import Datasets
import Evaluation
import Foundation
import Inference
import Kernels
import TestSupport
import Testing
import Tokenization
import Transformer

/// Temperatures and thresholds that are fitted to data, and where they are kept.
@Suite struct FittedSettingsTests {
    private static let texts: [Text] = [
        "a good film", "bad", "good, bad!", "a bad film", "good!", "bad, bad film", "film", "a film!", "b", "t, t, t",
    ]

    /// A model, and what it computes of texts of which its answers are all right but one.
    private static func computed(by classifier: inout Classifier, in folder: URL) throws -> LabeledLogits {
        var labels = try classifier.classify(texts).map { $0.labels[0] }
        labels[4] = 1 - labels[4]
        let file = folder.appending(path: "dev.tsv")
        try Data(zip(texts, labels).map { "\($0.first)\t\(["a", "b"][$1])\n" }.joined().utf8).write(to: file)
        var data = try Dataset(contentsOf: file.path, layout: Layout(), labels: .one)
        let examples = try EncodedExamples(
            &data, for: classifier.model, classifier.longTexts, on: classifier.workers)
        return try LabeledLogits(of: examples) { try classifier.logits(of: $0) }
    }

    @Test func aFittedTemperatureLowersTheLossAndChangesNoAnswer() throws {
        try withFolder { folder in
            var classifier = Classifier(try tinyModel(labels: ["a", "b"]), on: Workers(count: 2))
            let logits = try Self.computed(by: &classifier, in: folder)
            var model = classifier.model
            model.settings.threshold = 0.7
            let before = try EvaluationResult(logits, model.classifier.configuration, model.settings)
            let calibration = try model.calibrate(on: logits)
            #expect(calibration.logLossAfter < calibration.logLossBefore && calibration.temperature != 1)
            let after = try EvaluationResult(logits, model.classifier.configuration, model.settings)
            #expect(after.predictions.map(\.labels) == before.predictions.map(\.labels))
            #expect(abs(after.loss - calibration.logLossAfter) < 1e-12)
        }
    }

    @Test func settingsAreKeptInTheFolder() throws {
        try withFolder { folder in
            let url = folder.appending(path: "model")
            try tinyModel(labels: ["a", "b"]).write(to: url)
            // A key of somebody else stays.
            #expect(
                try replace("{", by: "{\n  \"_name_or_path\" : \"somebody's\",", in: url.appending(path: "config.json"))
            )
            var classifier = Classifier(try ModelFolder(contentsOf: url), on: Workers(count: 2))
            let logits = try Self.computed(by: &classifier, in: folder)
            let tuned = try classifier.model.tuneThreshold(for: .macroF1, on: logits)
            #expect(tuned.after >= tuned.before && classifier.model.settings.threshold == tuned.threshold)
            _ = try classifier.model.calibrate(on: logits)
            try classifier.model.writeSettings(to: url)
            let read = try ModelFolder(contentsOf: url)
            #expect(read.settings == classifier.model.settings)
            let text = try String(contentsOf: url.appending(path: "config.json"), encoding: .utf8)
            #expect(text.contains("somebody's") && text.contains("calibration_temperature"))
            // The arithmetic is the same; and training it further begins without settings.
            var again = Classifier(read, on: Workers(count: 2))
            #expect(try again.logits(of: again.encode(Self.texts)).values == logits.logits.values)
            let further = try ModelFolder(
                pretrained: url, head: WantedHead(labels: ["a", "b"]), pooling: nil, seed: 1, notice: { _ in })
            #expect(further.settings == InferenceSettings())
        }
    }

    @Test func whatCannotBeFittedChangesNothing() throws {
        var folder = try tinyModel(labels: ["a", "b"])
        let right = Self.logits([3, 1, 0, 1, 2, 0], .one([0, 1, 0]))
        var error = #expect(throws: ModelError.self) { try folder.calibrate(on: right) }
        #expect(error?.description.contains("right about all of them") == true)
        let same = Self.logits([3, 1, 0, 1], .one([1, 1]))
        error = #expect(throws: ModelError.self) { try folder.tuneThreshold(for: .f1, on: same) }
        #expect(error?.description.contains("the same label") == true && folder.settings == InferenceSettings())

        var several = try tinyModel(labels: ["a", "b"], problemType: .multiLabel)
        #expect(throws: ModelError.self) { try several.tuneThreshold(for: .f1, on: same) }
        #expect(several.settings == InferenceSettings())
    }

    @Test func logitsThatAreNoNumbersAreAnError() throws {
        let configuration = try tinyModel(labels: ["a", "b"], problemType: .multiLabel).classifier.configuration
        #expect(throws: ModelError.self) {
            try EvaluationResult(Self.logits([.infinity, 0], .several([[0]])), configuration)
        }
    }

    /// A threshold near 1 and a temperature near 0: probabilities are 1 in Float32, and answers stay what they were.
    @Test func aTemperatureChangesNoAnswer() throws {
        var folder = try tinyModel(labels: ["a", "b"])
        let configuration = folder.classifier.configuration
        let mixed = Self.logits([0, 6, 0, 7, 0, 8, 5, 0, 0, 0.1], .one([0, 1, 1, 0, 1]))
        folder.settings.threshold = 0.999
        let answers = try EvaluationResult(mixed, configuration, folder.settings).predictions.map(\.labels)
        #expect(answers == [[0], [1], [1], [0], [0]])
        folder.settings.temperature = 0.02
        #expect(try EvaluationResult(mixed, configuration, folder.settings).predictions.map(\.labels) == answers)
    }

    private static func logits(_ values: [Float], _ targets: Targets) -> LabeledLogits {
        LabeledLogits(logits: Matrix(values, columns: 2), targets: targets, tokens: 1, seconds: 1)
    }

    @Test(arguments: [
        "\"calibration_temperature\" : 0", "\"decision_threshold\" : 2",
        "\"long_texts\" : \"windows\", \"long_texts_stride\" : 0",
        "\"long_texts\" : \"windows\", \"long_texts_max_length\" : 100000", "\"long_texts\" : \"backwards\"",
    ])
    func settingsThatMakeNoSenseAreRefused(_ entry: String) throws {
        try withFolder { folder in
            let url = folder.appending(path: "model")
            try tinyModel(labels: ["a", "b"]).write(to: url)
            #expect(throws: Never.self) { try ModelFolder(contentsOf: url) }
            #expect(try replace("{", by: "{\n \(entry),", in: url.appending(path: "config.json")))
            #expect(throws: (any Error).self) { try ModelFolder(contentsOf: url) }
        }
    }
}
