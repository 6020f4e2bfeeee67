import Foundation
import RunStore
import TestSupport
import Testing
import Training
import Transformer

/// A small model that learns from a large one.
@Suite struct DistillationTests {
    /// Trains a teacher of four layers in `folder`, and asks for a student of it.
    static func request(in folder: URL, _ store: RunStore) throws -> (student: TrainingRequest, teacher: String) {
        var teacher = try TrainerTests.request(in: folder, output: "teacher")
        teacher.hyperparameters.layers = 4
        teacher.hyperparameters.dropout = 0.1
        _ = try TrainerTests.train(teacher, store)
        var student = try TrainerTests.request(in: folder, output: "student")
        let (epochs, rate) = (student.hyperparameters.epochs, student.hyperparameters.learningRate)
        student.hyperparameters = Hyperparameters()
        (student.hyperparameters.epochs, student.hyperparameters.learningRate) = (epochs, rate)
        (student.hyperparameters.batchSize, student.hyperparameters.threads) = (3, 2)
        student.teacher = teacher.output
        try student.hyperparameters.prepare(startingFrom: nil, learningFrom: student.teacher)
        return (student, teacher.output)
    }

    static func withRequest(_ body: (inout TrainingRequest, _ teacher: String, RunStore, URL) throws -> Void) throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var (student, teacher) = try request(in: folder, store)
            try body(&student, teacher, store, folder)
        }
    }

    /// With a learning rate near 0 a student is what it begins with.
    @Test func aStudentBeginsWithEverySecondLayer() throws {
        try Self.withRequest { request, teacher, store, _ in
            request.hyperparameters.learningRate = 1e-30
            request.hyperparameters.epochs = 1
            _ = try TrainerTests.train(request, store)
            let (large, small) = (
                try ModelFolder(contentsOf: URL(filePath: teacher)).classifier,
                try ModelFolder(contentsOf: URL(filePath: request.output)).classifier
            )
            #expect((large.configuration.layers, small.configuration.layers) == (4, 2))
            for parameter in small.layout.parameters {
                let name = parameter.name.replacing("layers.1.", with: "layers.2.")
                let source = try #require(large.layout.parameters.first { $0.name == name })
                #expect(small.parameters[parameter.block].values == large.parameters[source.block].values, "\(name)")
            }
        }
    }

    /// Without any labels of its own: all that it knows is the teacher's.
    @Test func learnsFromTextsWithoutLabels() throws {
        try Self.withRequest { request, _, store, folder in
            let texts = folder.appending(path: "texts.txt")
            try Data(TrainerTests.texts.map { "truly \($0.0)\n" }.joined().utf8).write(to: texts)
            request.unlabelled = [texts.path]
            request.hyperparameters.distillationWeight = 1
            request.hyperparameters.epochs = 10
            let result = try TrainerTests.train(request, store)
            #expect(try #require(result.best).accuracy == 1)
            let params = try store.params(of: store.run(result.run).id)
            #expect(params.contains { $0.name == "teacher" } && params.contains { $0.name == "unlabelled" })
            // 20 texts in batches of 3.
            #expect(try store.metrics(of: store.run(result.run).id).map(\.step).max() == 70)
        }
    }

    @Test func goesOnToTheSameBytesAndSeesAnotherTeacher() throws {
        try Self.withRequest { request, teacher, store, folder in
            _ = try TrainerTests.train(request, store)
            let whole = try TrainerTests.weights(request)
            for changesTeacher in [false, true] {
                request.output = folder.appending(path: "resumed-\(changesTeacher)").path
                let run = try TrainerTests.train(request, store, interruptAfter: 9).run
                if changesTeacher {
                    let other = request.output + "-teacher"
                    try FileManager.default.moveItem(atPath: teacher, toPath: other)
                    try FileManager.default.copyItem(atPath: folder.appending(path: "student").path, toPath: teacher)
                    #expect {
                        _ = try Trainer(resuming: run, store: store, report: { _ in }, isInterrupted: { false })
                    } throws: { "\($0)".contains("have changed since the run began") }
                } else {
                    var trainer = try Trainer(resuming: run, store: store, report: { _ in }, isInterrupted: { false })
                    _ = try trainer.run()
                    #expect(try TrainerTests.weights(request) == whole)
                }
            }
        }
    }

    @Test func whatCannotBeLearnedIsRefused() throws {
        try Self.withRequest { request, _, store, folder in
            let other = folder.appending(path: "other.tsv")
            try Data("a film\tgood\nno film\tbad\na book\tgood\nno book\tbad\n".utf8).write(to: other)
            let (train, dev) = (request.train, request.dev)
            (request.train, request.dev) = ([other.path], other.path)
            #expect(throws: (any Error).self) { _ = try TrainerTests.train(request, store) }
            (request.train, request.dev) = (train, dev)
            request.hyperparameters.layers = 5
            #expect { _ = try TrainerTests.train(request, store) } throws: { "\($0)".contains("has 4 layers") }
        }
        func problem(_ teacher: String?, from model: String? = nil, _ change: (inout Hyperparameters) -> Void) -> String
        {
            var hyperparameters = Hyperparameters()
            change(&hyperparameters)
            do {
                try hyperparameters.prepare(startingFrom: model, learningFrom: teacher)
                return ""
            } catch { return "\(error)" }
        }
        #expect(problem(nil) { $0.distillationWeight = 1 }.contains("are for --teacher"))
        #expect(problem("t", from: "m") { $0.layers = 2 }.contains("--model has decided it"))
        #expect(problem("t") { $0.hiddenSize = 16 }.contains("--hidden-size"))
        #expect(problem("t") { $0.loraRank = 2 }.contains("a part of --teacher must learn"))
        #expect(problem("t") { $0.pooling = .mean }.contains("--pooling"))
    }
}
