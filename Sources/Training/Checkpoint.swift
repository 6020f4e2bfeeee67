import Evaluation
import Inference
import Foundation
import Kernels
import Transformer

/// All that a training needs to go on as if it had never stopped: a folder beside the output, removed at the end.
///
/// The folder has the current model as any model folder, the optimizer's moments and the best epoch's parameters as one more
/// safetensors file, and the progress as JSON.
struct Checkpoint {
    /// How far a training has come.
    struct Progress: Codable {
        /// Complete epochs.
        var epoch = 0
        /// Steps of the next epoch that are done.
        var stepsOfEpoch = 0
        /// Optimizer steps in all.
        var step = 0
        /// Over the examples of the unfinished epoch.
        var lossSum = 0.0
        var examplesSeen = 0
        var best: EpochReport?
        var epochsWithoutImprovement = 0
        /// Whether the model at the output is this run's own.
        var hasWrittenOutput = false
    }

    /// The JSON file.
    private struct State: Codable {
        let run: Int64
        let request: TrainingRequest
        let trainSha256: String
        let devSha256: String?
        let progress: Progress

        /// Whether every number in it is one that a training could have written.
        var isSound: Bool {
            let hyperparameters = request.hyperparameters
            let counts = [
                hyperparameters.epochs, hyperparameters.batchSize, hyperparameters.gradientAccumulation,
                hyperparameters.threads,
            ]
            let progressed = [progress.epoch, progress.stepsOfEpoch, progress.step, progress.examplesSeen]
            if case .steps(let steps) = request.checkpointEvery, steps < 1 { return false }
            return counts.allSatisfy { (1...1_000_000_000).contains($0) }
                && progressed.allSatisfy { (0...1_000_000_000).contains($0) }
                && hyperparameters.maxLength ?? 2 >= 2 && hyperparameters.stride ?? 1 >= 1
                && (0..<1).contains(hyperparameters.labelSmoothing)
        }
    }

    var run: Int64
    var request: TrainingRequest
    var trainSha256: String
    var devSha256: String?
    var progress: Progress
    var model: ModelFolder
    var optimizer: AdamW
    /// Of the parts that are trained.
    var bestParameters: FloatBuffer?

    /// Where the checkpoint of a training is.
    static func folder(forOutput output: String) -> URL {
        let url = URL(filePath: output).standardizedFileURL
        return url.deletingLastPathComponent().appending(path: url.lastPathComponent + ".checkpoint")
    }

    /// Writes the folder, whole or not at all, in place of an earlier one.
    func write() throws {
        let folder = Self.folder(forOutput: request.output)
        do {
            try replaceFolder(at: folder) { temporary in
                try model.write(to: temporary.appending(path: "model"))
                var tensors = [
                    ("first_moment", optimizer.firstMoment), ("second_moment", optimizer.secondMoment),
                ]
                if let bestParameters { tensors.append(("best_parameters", bestParameters)) }
                for (name, buffer) in tensors {
                    try SafeTensors.write(buffer, as: name, to: temporary.appending(path: "\(name).safetensors"))
                }
                let state = State(
                    run: run, request: request, trainSha256: trainSha256, devSha256: devSha256, progress: progress)
                try JSONEncoder().encode(state).write(to: temporary.appending(path: Self.stateFile))
            }
        } catch {
            throw TrainingError("\(folder.path): the checkpoint cannot be written: \(error.localizedDescription)")
        }
    }

    /// Checks, before any work is done, that the folder's place is free, or has a checkpoint that may be replaced.
    ///
    /// - Throws: ``TrainingError`` that says what stands there.
    static func checkFolder(forOutput output: String, overwrite: Bool) throws {
        let folder = folder(forOutput: output)
        guard FileManager.default.fileExists(atPath: folder.path) else { return }
        guard isThere(forOutput: output) else {
            throw TrainingError(
                "\(folder.path): is in the way of this training's checkpoints, and is none; choose another --output")
        }
        guard overwrite else {
            throw TrainingError(
                "\(folder.path): the checkpoint of an interrupted run is there; go on with it by --resume, choose another"
                    + " --output, or give it up with --overwrite")
        }
    }

    /// Whether a training can be resumed.
    static func isThere(forOutput output: String) -> Bool {
        FileManager.default.fileExists(atPath: folder(forOutput: output).appending(path: stateFile).path)
    }

    /// Removes the folder, if there is one.
    func remove() {
        guard Self.isThere(forOutput: request.output) else { return }
        try? FileManager.default.removeItem(at: Self.folder(forOutput: request.output))
    }

    private static let stateFile = "state.json"

    /// Reads the checkpoint of the training whose output is `output`.
    ///
    /// - Throws: ``TrainingError`` if there is none, or it is damaged.
    init(forOutput output: String) throws {
        let folder = Self.folder(forOutput: output)
        guard let data = try? Data(contentsOf: folder.appending(path: Self.stateFile)) else {
            throw TrainingError(
                "\(folder.path): no checkpoint is there; a run can be resumed if it was ended with Ctrl-C, or trained with"
                    + " --checkpoint-every")
        }
        guard let state = try? JSONDecoder().decode(State.self, from: data), state.isSound else {
            throw TrainingError("\(folder.path): the checkpoint is damaged; train again from the beginning")
        }
        run = state.run
        request = state.request
        trainSha256 = state.trainSha256
        devSha256 = state.devSha256
        progress = state.progress
        model = try ModelFolder(contentsOf: folder.appending(path: "model"))
        guard request.hyperparameters.maxLength ?? 2 <= model.classifier.configuration.maximumLength else {
            throw TrainingError("\(folder.path): the checkpoint is damaged; train again from the beginning")
        }
        let layout = model.classifier.layout
        let trained = try request.hyperparameters.trainedParts(layers: model.classifier.configuration.layers)
        let count = Gradients.count(trained, of: layout)
        func buffer(_ name: String) throws -> FloatBuffer {
            try SafeTensors.read(name, count: count, from: folder.appending(path: "\(name).safetensors"))
        }
        optimizer = try AdamW(
            step: progress.step, firstMoment: buffer("first_moment"), secondMoment: buffer("second_moment"))
        bestParameters = progress.best == nil ? nil : try buffer("best_parameters")
    }

    init(
        run: Int64, request: TrainingRequest, trainSha256: String, devSha256: String?, model: ModelFolder,
        trained: TrainedParts
    ) {
        self.run = run
        self.request = request
        self.trainSha256 = trainSha256
        self.devSha256 = devSha256
        progress = Progress()
        self.model = model
        optimizer = AdamW(count: Gradients.count(trained, of: model.classifier.layout))
    }
}
