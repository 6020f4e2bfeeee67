import Foundation
import Kernels
import Transformer

/// All that a training needs to go on as if it had never stopped: a folder beside the output, removed at the end.
///
/// The folder has the current model as any model folder, the optimizer's moments and the best epoch's parameters as one more
/// safetensors file, and the progress as JSON.
struct Checkpoint {
    /// What is in the JSON file: all that does not lie in tensors.
    struct State: Codable {
        /// Another one means that another version of the program has written the file.
        static let format = 2

        var format = Self.format
        let run: Int64
        let request: TrainingRequest
        let trainSha256: String
        let devSha256: String?
        var progress = TrainingLoop.Progress()
        var best: EpochReport?
        var epochsWithoutImprovement = 0
        /// Whether the model at the output is this run's own.
        var hasWrittenOutput = false

        /// Whether each number in it is one that a training could have written.
        fileprivate var isSound: Bool {
            if case .steps(let steps) = request.checkpointEvery, steps < 1 { return false }
            return progress.isSound
        }
    }

    let state: State
    let model: ModelFolder
    let optimizer: AdamW
    /// The parameters that are trained, as they were after the best epoch; nil before the end of the first.
    let bestParameters: FloatBuffer?

    /// Where the checkpoint of a training is.
    static func folder(forOutput output: String) -> URL {
        let url = URL(filePath: output).standardizedFileURL
        return url.deletingLastPathComponent().appending(path: url.lastPathComponent + ".checkpoint")
    }

    /// Writes the folder, whole or not at all, in place of an earlier one.
    func write() throws {
        let folder = Self.folder(forOutput: state.request.output)
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
    static func remove(forOutput output: String) {
        guard isThere(forOutput: output) else { return }
        try? FileManager.default.removeItem(at: folder(forOutput: output))
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
        struct Header: Decodable { let format: Int? }
        if let header = try? JSONDecoder().decode(Header.self, from: data), header.format != State.format {
            throw TrainingError(
                "\(folder.path): another version of addnorm has written the checkpoint; resume the run with that version, or"
                    + " train again from the beginning")
        }
        guard let state = try? JSONDecoder().decode(State.self, from: data), state.isSound else {
            throw TrainingError("\(folder.path): the checkpoint is damaged; train again from the beginning")
        }
        self.state = state
        model = try ModelFolder(contentsOf: folder.appending(path: "model"))
        let hyperparameters = state.request.hyperparameters
        let configuration = model.classifier.configuration
        guard hyperparameters.maxLength ?? 2 <= configuration.maximumLength else {
            throw TrainingError("\(folder.path): the checkpoint is damaged; train again from the beginning")
        }
        let count = Gradients.count(try hyperparameters.trainedParts(of: configuration), of: model.classifier.layout)
        func buffer(_ name: String) throws -> FloatBuffer {
            try SafeTensors.read(name, count: count, from: folder.appending(path: "\(name).safetensors"))
        }
        optimizer = try AdamW(
            step: state.progress.step, firstMoment: buffer("first_moment"), secondMoment: buffer("second_moment"))
        bestParameters = state.best == nil ? nil : try buffer("best_parameters")
    }

    /// Puts a checkpoint together.
    init(state: State, model: ModelFolder, optimizer: AdamW, bestParameters: FloatBuffer?) {
        (self.state, self.model, self.optimizer, self.bestParameters) = (state, model, optimizer, bestParameters)
    }
}
