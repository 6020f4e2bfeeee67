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
            var request = TrainingRequest(train: [paths[0]], output: "")
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
            try Data(rows.joined(separator: "\n").utf8).write(to: URL(filePath: request.train[0]))
            request.hyperparameters.epochs = 10
            if headOnly {
                request.hyperparameters.leaveNGrams()
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
    /// Windows, several labels and left-out leaks: stopped and resumed, the same model comes out. So it does where the encoder is
    /// frozen and only features are kept.
    @Test(arguments: [false, true]) func resumesAsIfNeverStopped(headOnly: Bool) throws {
        try withFolder { folder in
            var request = try TrainerTests.request(in: folder)
            let rows = TrainerTests.texts.enumerated().map { number, row in
                "\(row.0) \(row.0) \(row.0)\t\(row.1)\(number % 3 == 0 ? "|third" : "")\n"
            }
            try Data(rows.joined().utf8).write(to: URL(filePath: request.train[0]))
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
        try Data(rows.utf8).write(to: URL(filePath: request.train[0]))
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
            var classifier = Classifier(model, on: Workers(count: 1))
            #expect(try classifier.classify(["great food", "awful film"]).map(\.labels) == [[0, 1], []])
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
