import Datasets
import Foundation
import Kernels
import RunStore
import TestSupport
import Testing
import Tokenization
import Evaluation
import Experiments
import Inference
import Training
import Transformer

/// What is said of data before a training, and what is left out of it.
@Suite struct DataReportTests {
    private static func report(_ files: [String], maxLength: Int? = nil) throws -> DataReport {
        try withFolder { folder in
            let paths = try files.enumerated().map { number, text in
                let file = folder.appending(path: "\(number).tsv")
                try Data(text.utf8).write(to: file)
                return file.path
            }
            var request = TrainingRequest(train: paths[0], output: "")
            request.hyperparameters.maxLength = maxLength
            return try DataReport(of: paths, request, on: Workers(count: 2))
        }
    }

    @Test func countsLabelsAndLengths() throws {
        let report = try Self.report(["a\tx\na a\tx\na a a\ty\na a a a\tx\n"], maxLength: 5)
        let file = report.files[0]
        #expect(file.labels.map(\.label) == ["x", "y"] && file.labels.map(\.examples) == [3, 1])
        #expect(file.labels[1].share == 0.25)
        #expect(file.tokens.total == 18 && file.tokens.min == 3 && file.tokens.max == 6 && file.tokens.median == 4)
        #expect(file.longerTexts == 1)
        #expect(file.duplicates.texts == 0 && report.leaks.isEmpty)
    }

    /// Case and white space make no difference, and everything else does.
    @Test func findsWhatIsThereTwice() throws {
        let report = try Self.report([
            "Good  film\tx\nbad\ty\ngood film \ty\ngood, film\tx\nbad\ty\nÉTÉ\tx\n",
            "new\tx\nGOOD\u{3000}film\tx\nété\tx\n",
        ])
        let file = report.files[0]
        #expect(file.duplicates.texts == 2 && file.duplicates.rows == 2)
        #expect(file.contradictions.texts == 1)
        #expect(file.contradictions.first[0].places.map(\.line) == [1, 3])
        #expect(file.contradictions.first[0].places.map(\.label) == ["x", "y"])
        let leak = try #require(report.leaks.first)
        #expect(report.leaks.count == 1 && leak.texts == 2 && leak.rows == 2)
        #expect(leak.first.map { $0.places.map(\.line) } == [[1, 2], [6, 3]])
    }

    /// Files are compared pair by pair, and labels with those of the first.
    @Test func comparesAllFiles() throws {
        let report = try Self.report([
            "a\tx\nb\ty\n", "b\ty\nc\tz\n \tz\n", "c\tz\nb\ty\n\u{3000}\tx\n",
        ])
        #expect(report.leaks.map(\.texts) == [1, 1, 2])
        #expect(report.leaks.map { URL(filePath: $0.training).lastPathComponent } == ["0.tsv", "0.tsv", "1.tsv"])
        #expect(report.files.map(\.unknownLabels) == [[], ["z"], ["z"]])
        #expect(report.files.map(\.emptyTexts) == [0, 1, 1])
    }

    @Test func leavesLeaksOut() throws {
        try withFolder { folder in
            var request = try TrainerTests.request(in: folder)
            let dev = folder.appending(path: "dev.tsv")
            try Data("A wonderful  film\tpositive\nnew\tnegative\n".utf8).write(to: dev)
            request.dev = dev.path
            request.hyperparameters.epochs = 1
            for (drop, left) in [(false, 10), (true, 9)] {
                request.dropLeaked = drop
                request.overwrite = true
                var reports: [DataReport] = []
                var examples = 0
                _ = try TrainerTests.train(request, .temporary(in: folder)) { event in
                    if case .data(let report) = event { reports.append(report) }
                    if case .started(_, _, _, let count, _, _) = event { examples = count }
                }
                #expect(examples == left && reports.count == 1)
                #expect(reports[0].leaks.count == (drop ? 0 : 1) && reports[0].droppedLeaks == 10 - left)
            }
            // Half of the texts are left, and one of the labels is not.
            try Data(TrainerTests.texts.prefix(5).map { "\($0)\t\($1)\n" }.joined().utf8).write(to: dev)
            let error = #expect(throws: DatasetError.self) {
                try TrainerTests.train(request, .temporary(in: folder))
            }
            #expect(error?.description.contains("every text with the label 'positive'") == true)
        }
    }

    /// Labels that contradict what all other texts say are found first; also where only the head is trained, on windows.
    @Test(arguments: [false, true]) func suspects(headOnly: Bool) throws {
        try withFolder { folder in
            var request = try TrainerTests.request(in: folder)
            let words = ["film", "book", "room", "song", "meal", "trip", "shop", "play", "game", "park"]
            var rows = words.flatMap { word in
                ["a great \(word)\tpositive", "an awful \(word)\tnegative", "great, great \(word)\tpositive"]
                    + ["awful, awful \(word)\tnegative"]
            }
            rows[6] = "great, great book\tnegative"
            rows[21] = "an awful trip\tpositive"
            // The same text with the same wrong label is no second opinion.
            rows.append("GREAT, great  book\tnegative")
            try Data(rows.joined(separator: "\n").utf8).write(to: URL(filePath: request.train))
            request.hyperparameters.epochs = 10
            if headOnly {
                _ = try TrainerTests.train(request, .temporary(in: folder))
                (request.model, request.hyperparameters.trainLayers) = (request.output, .head)
                (request.hyperparameters.maxLength, request.hyperparameters.longTextsMethod) = (5, .windows)
                request.hyperparameters.epochs = 40
            }
            let found = try Suspects(request, most: 50, on: Workers(count: 2)) { _ in }
            #expect(found.rows.count == 41 && found.rows.prefix(3).map(\.line).sorted() == [7, 22, 41])
            #expect(found.rows[0].suggested != found.rows[0].label && found.rows[0].probability < 0.5)
            #expect(found.estimatedErrors >= 2)
            // The same seed finds the same.
            #expect(
                try Suspects(request, most: 50, on: Workers(count: 1)) { _ in }.rows.map(\.line)
                    == found.rows.map(\.line))
        }
    }
}

/// Texts that are longer than what is read at a time.
@Suite struct LongTextsTests {
    @Test(arguments: [
        (LongTexts(maximumLength: 6), [[0, 1, 2, 3, 4, 99]]),
        (LongTexts(.headTail, maximumLength: 6), [[0, 1, 8, 9, 10, 99]]),
        (
            LongTexts(.windows, maximumLength: 6),
            [[0, 1, 2, 3, 4, 99], [0, 3, 4, 5, 6, 99], [0, 5, 6, 7, 8, 99], [0, 7, 8, 9, 10, 99]]
        ),
        (
            LongTexts(.windows, maximumLength: 6, stride: 4),
            [[0, 1, 2, 3, 4, 99], [0, 5, 6, 7, 8, 99], [0, 7, 8, 9, 10, 99]]
        ),
        // A stride that would leave tokens out is shortened.
        (
            LongTexts(.windows, maximumLength: 8, stride: 100),
            [[0, 1, 2, 3, 4, 5, 6, 99], [0, 5, 6, 7, 8, 9, 10, 99]]
        ),
        (LongTexts(.windows, maximumLength: 12), [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99]]),
        (LongTexts(.windows, maximumLength: 2), [[0, 99]]),
    ])
    func sequences(_ longTexts: LongTexts, expected: [[Int]]) {
        #expect(longTexts.sequences(of: Array(0...10) + [99]) == expected)
    }

    /// The logits of a text are the mean of its windows', whatever batches these were in.
    @Test func logitsOfWindowsAreAveraged() throws {
        try withFolder { folder in
            let request = try TrainerTests.request(in: folder)
            _ = try TrainerTests.train(request, .temporary(in: folder))
            let model = try ModelFolder(contentsOf: URL(filePath: request.output))
            let workers = Workers(count: 2)
            let texts = TrainerTests.texts.map(\.0) + [TrainerTests.texts.map(\.0).joined(separator: " ")]
            let longTexts = LongTexts(.windows, maximumLength: 8)
            let encoded = EncodedTexts(texts, model.tokenizer, longTexts, on: workers)
            #expect(encoded.count == 11 && encoded.sequences.count > 15)
            var predictor = Predictor(for: model.classifier, batchSize: 4, workers: workers)
            let logits = predictor.logits(model.classifier, encoded)
            var workspace = model.classifier.makeWorkspace(for: .inference, on: workers)
            for (index, text) in texts.enumerated() {
                let windows = longTexts.sequences(of: model.tokenizer.encode(text, maximumLength: .max).ids)
                let each = model.classifier.logits(Batch(windows), in: &workspace)
                for label in 0..<2 {
                    let mean = (0..<each.rows).reduce(0) { $0 + each.row($1)[label] } / Float(each.rows)
                    #expect(abs(logits.row(index)[label] - mean) < 1e-5)
                }
            }
        }
    }

    /// Windows, several labels and left-out leaks: stopped and resumed, the same model comes out. So it does where the encoder is
    /// frozen and only features are kept.
    @Test(arguments: [false, true]) func resumesAsIfNeverStopped(headOnly: Bool) throws {
        try withFolder { folder in
            var request = try TrainerTests.request(in: folder)
            let rows = TrainerTests.texts.enumerated().map { number, row in
                "\(row.0) \(row.0) \(row.0)\t\(row.1)\(number % 3 == 0 ? "|third" : "")\n"
            }
            try Data(rows.joined().utf8).write(to: URL(filePath: request.train))
            let dev = folder.appending(path: "dev.tsv")
            try Data((rows[0] + rows[7]).utf8).write(to: dev)
            request.dev = dev.path
            request.dropLeaked = true
            request.hyperparameters.maxLength = 7
            request.hyperparameters.longTextsMethod = .windows
            request.hyperparameters.epochs = 3
            let store = try RunStore.temporary(in: folder)
            if headOnly {
                _ = try TrainerTests.train(request, store)
                (request.model, request.output) = (request.output, request.output + "-tuned")
                request.hyperparameters.trainLayers = .head
            }
            var parts = request
            parts.output += "-parts"
            _ = try TrainerTests.train(request, store)
            let first = try TrainerTests.train(parts, store, interruptAfter: headOnly ? 14 : 4)
            #expect(first.wasInterrupted)
            var trainer = try Trainer(resuming: first.run, store: store, report: { _ in }, isInterrupted: { false })
            _ = try trainer.run()
            #expect(try TrainerTests.weights(request) == TrainerTests.weights(parts))
            #expect(try ModelFolder(contentsOf: URL(filePath: parts.output)).settings.longTexts?.method == .windows)
        }
    }

    /// A model reads long texts as it was trained to.
    @Test func isRemembered() throws {
        try withFolder { folder in
            var request = try TrainerTests.request(in: folder)
            request.hyperparameters.maxLength = 6
            request.hyperparameters.longTextsMethod = .windows
            request.hyperparameters.stride = 2
            var texts = 0
            _ = try TrainerTests.train(request, .temporary(in: folder)) { event in
                if case .data(let report) = event { texts = report.files[0].longerTexts }
            }
            #expect(texts == 2)
            let settings = try ModelFolder(contentsOf: URL(filePath: request.output)).settings
            #expect(settings.longTexts == LongTexts(.windows, maximumLength: 6, stride: 2))
        }
    }
}

/// Texts with any number of labels.
@Suite struct MultiLabelTests {
    private static let rows = """
        great food\tfood|good
        great, great food\t["good", "food"]
        great film\tgood
        great, great film\tgood
        awful food\tfood
        awful, awful food\tfood
        awful film\t
        awful, awful film\t

        """

    private static func request(in folder: URL) throws -> TrainingRequest {
        var request = try TrainerTests.request(in: folder)
        try Data(rows.utf8).write(to: URL(filePath: request.train))
        request.hyperparameters.epochs = 40
        return request
    }

    @Test func areLearned() throws {
        try withFolder { folder in
            let request = try Self.request(in: folder)
            let result = try TrainerTests.train(request, .temporary(in: folder))
            #expect(result.best?.accuracy == 1)
            let model = try ModelFolder(contentsOf: URL(filePath: request.output))
            let configuration = model.classifier.configuration
            #expect(configuration.problemType == .multiLabel && configuration.labels == ["food", "good"])
            let workers = Workers(count: 1)
            var predictor = Predictor(for: model.classifier, batchSize: 8, workers: workers)
            let texts = EncodedTexts(
                ["great food", "awful film"], model.tokenizer, LongTexts(maximumLength: 16), on: workers)
            let predictions = try Predictions(
                logits: predictor.logits(model.classifier, texts), problemType: .multiLabel, model.settings)
            #expect(predictions[0].labels == [0, 1] && predictions[1].labels == [])
            // That an answer is right in all labels.
            let p = predictions[0].probabilities
            #expect(abs(predictions[0].confidence - p[0] * p[1]) < 1e-6)
        }
    }

    @Test func canBeTakenForOne() throws {
        try withFolder { folder in
            var request = try Self.request(in: folder)
            request.hyperparameters.problemType = .singleLabel
            let error = #expect(throws: DatasetError.self) {
                try TrainerTests.train(request, .temporary(in: folder))
            }
            #expect(error?.description.contains("train.tsv:7: the label is empty") == true)
            request.hyperparameters.problemType = .multiLabel
            request.hyperparameters.classWeights = .balanced
            #expect(throws: TrainingError.self) { try TrainerTests.train(request, .temporary(in: folder)) }
        }
    }
}

/// Temperatures and thresholds, and where they are kept.
@Suite struct DecisionTests {
    @Test func areKeptInTheFolder() throws {
        try withFolder { folder in
            let request = try TrainerTests.request(in: folder)
            _ = try TrainerTests.train(request, .temporary(in: folder))
            let url = URL(filePath: request.output)
            // A key of somebody else stays.
            #expect(
                try replace("{", by: "{\n  \"_name_or_path\" : \"somebody's\",", in: url.appending(path: "config.json"))
            )
            var model = try ModelFolder(contentsOf: url)
            let workers = Workers(count: 2)
            let last = TrainerTests.texts[9]
            #expect(try replace("\(last.0)\t\(last.1)", by: "\(last.0)\tpositive", in: URL(filePath: request.train)))
            var data = try Dataset(contentsOf: request.train, layout: Layout(), labels: .one)
            var predictor = Predictor(for: model.classifier, batchSize: 8, workers: workers)
            let examples = try EncodedExamples(&data, for: model, LongTexts(maximumLength: 16), on: workers)
            let logits = LabeledLogits(of: model.classifier, on: examples, &predictor)

            model.settings.threshold = 0.7
            let before = try EvaluationResult(logits, model.classifier.configuration, model.settings)
            let calibration = try model.calibrate(on: logits)
            #expect(calibration.logLossAfter < calibration.logLossBefore && calibration.temperature != 1)
            let after = try EvaluationResult(logits, model.classifier.configuration, model.settings)
            #expect(after.predictions.map(\.labels) == before.predictions.map(\.labels))
            #expect(abs(after.loss - calibration.logLossAfter) < 1e-12)

            let tuned = try model.tuneThreshold(for: .macroF1, on: logits)
            #expect(tuned.after >= tuned.before && model.settings.threshold == tuned.threshold)
            try model.writeSettings(to: url)
            let read = try ModelFolder(contentsOf: url)
            #expect(read.settings == model.settings)
            let text = try String(contentsOf: url.appending(path: "config.json"), encoding: .utf8)
            #expect(text.contains("somebody's") && text.contains("calibration_temperature"))
            // The arithmetic is the same; and training it further begins without settings.
            #expect(predictor.logits(read.classifier, examples.texts).values == logits.logits.values)
            let further = try ModelFolder(
                pretrained: url, labels: ["negative", "positive"], pooling: nil, seed: 1, notice: { _ in })
            #expect(further.settings == InferenceSettings())
        }
    }

    /// What cannot be fitted is an error, and changes nothing.
    @Test func mustBeFitted() throws {
        var configuration = Configuration(
            vocabularySize: 10, hiddenSize: 8, layers: 1, heads: 2, intermediateSize: 8, labels: ["a", "b"])
        func model() throws -> ModelFolder {
            ModelFolder(
                classifier: try SequenceClassifier(configuration, seed: 1),
                tokenizer: try Tokenizer(learnedFrom: ["a b c"], size: 10))
        }
        func logits(_ values: [Float], _ targets: Targets) -> LabeledLogits {
            LabeledLogits(logits: Matrix(values, columns: 2), targets: targets, tokens: 1, seconds: 1)
        }
        var folder = try model()
        let right = logits([3, 1, 0, 1, 2, 0], .one([0, 1, 0]))
        var error = #expect(throws: ModelError.self) { try folder.calibrate(on: right) }
        #expect(error?.description.contains("right about all of them") == true)
        let same = logits([3, 1, 0, 1], .one([1, 1]))
        error = #expect(throws: ModelError.self) { try folder.tuneThreshold(for: .f1, on: same) }
        #expect(error?.description.contains("the same label") == true && folder.settings == InferenceSettings())

        // A threshold near 1 and a temperature near 0: probabilities are 1 in Float32, and answers stay what they were.
        let mixed = logits([0, 6, 0, 7, 0, 8, 5, 0, 0, 0.1], .one([0, 1, 1, 0, 1]))
        folder.settings.threshold = 0.999
        let answers = try EvaluationResult(mixed, configuration, folder.settings).predictions.map(\.labels)
        #expect(answers == [[0], [1], [1], [0], [0]])
        folder.settings.temperature = 0.02
        #expect(try EvaluationResult(mixed, configuration, folder.settings).predictions.map(\.labels) == answers)

        configuration.problemType = .multiLabel
        folder = try model()
        #expect(throws: ModelError.self) { try folder.tuneThreshold(for: .f1, on: same) }
        #expect(throws: ModelError.self) {
            try EvaluationResult(logits([.infinity, 0], .several([[0]])), configuration)
        }
    }

    @Test(arguments: [
        "\"calibration_temperature\" : 0", "\"decision_threshold\" : 2",
        "\"long_texts\" : \"windows\", \"long_texts_stride\" : 0",
        "\"long_texts\" : \"windows\", \"long_texts_max_length\" : 100000", "\"long_texts\" : \"backwards\"",
    ])
    func mustMakeSense(_ entry: String) throws {
        try withFolder { folder in
            let request = try TrainerTests.request(in: folder)
            _ = try TrainerTests.train(request, .temporary(in: folder))
            let url = URL(filePath: request.output)
            #expect(try replace("{", by: "{\n \(entry),", in: url.appending(path: "config.json")))
            #expect(throws: (any Error).self) { try ModelFolder(contentsOf: url) }
        }
    }
}
