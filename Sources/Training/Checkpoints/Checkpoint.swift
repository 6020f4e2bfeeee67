import Foundation
import JSON
import Kernels
import RunStore
import Transformer

/// All that a training needs to go on as if it had never stopped, as a folder.
///
/// The folder has the current model as any model folder, the optimizer's moments and the best epoch's parameters as one more
/// safetensors file each, the progress as JSON, and a ``Manifest``.
package struct Checkpoint {
    /// What is in the JSON file: all that does not lie in tensors.
    package struct State: Codable {
        /// Another one means that another version of the program has written the file.
        static let format = 7

        var format = Self.format
        /// The identity of the run.
        let run: String
        /// Its paths are not believed: a run keeps those that the database has.
        var request: TrainingRequest
        var progress = TrainingLoop.Progress()
        var best: EpochReport?
        var epochsWithoutImprovement = 0
        /// Metrics that could not be recorded until then.
        var unrecorded: [Metric] = []
        /// The SHA-256 of the parameters that an adapter is trained beside; nil without one.
        var base: String?

        /// Reads a state; nil if it is none that a training could have written.
        package init?(_ data: Data) {
            guard let state = try? JSONDecoder().decode(State.self, from: data), state.isSound else { return nil }
            self = state
        }

        init(run: String, request: TrainingRequest) { (self.run, self.request) = (run, request) }

        /// Whether each number in it is one that a training could have written.
        private var isSound: Bool {
            switch request.checkpointEvery {
            case .steps(let steps) where steps < 1: false
            case .minutes(let minutes) where !(minutes > 0 && minutes <= TrainingRequest.mostMinutes): false
            default: progress.isSound && (0...progress.epoch).contains(epochsWithoutImprovement)
            }
        }
    }

    let state: State
    let model: ModelFolder
    let optimizer: AdamW
    /// The parameters that are trained, as they were after the best epoch; nil before the end of the first.
    let bestParameters: FloatBuffer?

    static let stateFile = "state.json"
    private static let modelFolder = "model"
    private static let (firstMoment, secondMoment, best) = ("first_moment", "second_moment", "best_parameters")

    /// What can be in the folder besides the manifest.
    static let fileNames = [stateFile, modelFolder] + [firstMoment, secondMoment, best].map(tensorFile)

    private static func tensorFile(_ name: String) -> String { "\(name).safetensors" }

    /// Puts a checkpoint together.
    init(state: State, model: ModelFolder, optimizer: AdamW, bestParameters: FloatBuffer?) {
        (self.state, self.model, self.optimizer, self.bestParameters) = (state, model, optimizer, bestParameters)
    }

    /// Writes the folder, whole or not at all.
    ///
    /// - Returns: its size in bytes
    /// - Throws: ``TrainingError`` that says what the file system said.
    func write(to folder: URL) throws -> Int {
        do {
            var bytes = 0
            try replaceFolder(at: folder) { temporary in
                let folder = temporary.appending(path: Self.modelFolder)
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
                try model.writeFiles(to: folder)
                var tensors = [(Self.firstMoment, optimizer.firstMoment), (Self.secondMoment, optimizer.secondMoment)]
                if let bestParameters { tensors.append((Self.best, bestParameters)) }
                for (name, buffer) in tensors {
                    try SafeTensors.write(buffer, as: name, to: temporary.appending(path: Self.tensorFile(name)))
                }
                try JSONEncoder().encode(state).write(to: temporary.appending(path: Self.stateFile))
                bytes = try Manifest.write(to: temporary).bytes
            }
            return bytes
        } catch {
            // If it was made for this one.
            rmdir(folder.deletingLastPathComponent().path)
            let cause = error.localizedDescription.trimmingCharacters(in: ["."])
            throw TrainingError("\(folder.path): the checkpoint cannot be written: \(cause)")
        }
    }

    /// Reads a checkpoint of a run.
    ///
    /// - Throws: ``TrainingError`` or ``ModelError`` if it is damaged, or another run's.
    init(contentsOf folder: URL, of run: Run) throws {
        let damaged = TrainingError("\(folder.path): the checkpoint is damaged")
        guard let data = try? readSmallFile(folder.appending(path: Self.stateFile)) else { throw damaged }
        struct Header: Decodable { let format: Int? }
        if let header = try? JSONDecoder().decode(Header.self, from: data), header.format != State.format {
            throw TrainingError(
                "\(folder.path): another version of addnorm has written the checkpoint; resume the run with that version, or"
                    + " train again from the beginning")
        }
        guard var state = State(data) else { throw damaged }
        guard state.run == run.uuid else {
            throw TrainingError("\(folder.path): the checkpoint belongs to another run than '\(run.name)'")
        }
        guard Manifest.agrees(with: folder) else { throw damaged }
        (state.request.train, state.request.dev) = (run.trainFiles, run.devData)
        (state.request.model, state.request.output) = (run.model, run.output)
        state.unrecorded.removeAll { $0.runId != run.id }
        self.state = state
        model = try ModelFolder(
            contentsOf: folder.appending(path: Self.modelFolder),
            base: state.request.hyperparameters.loraRank == nil ? nil : run.model.map { URL(filePath: $0) })
        let hyperparameters = state.request.hyperparameters
        let configuration = model.classifier.configuration
        guard hyperparameters.maxLength ?? 2 <= configuration.maximumLength else { throw damaged }
        let count = Gradients.count(try hyperparameters.trainedParts(of: configuration), of: model.classifier.layout)
        func buffer(_ name: String) throws -> FloatBuffer {
            try SafeTensors.read(name, count: count, from: folder.appending(path: Self.tensorFile(name)))
        }
        optimizer = try AdamW(
            step: state.progress.updates, firstMoment: buffer(Self.firstMoment), secondMoment: buffer(Self.secondMoment)
        )
        bestParameters = state.best == nil ? nil : try buffer(Self.best)
    }

    /// The identity of the run whose checkpoint is in a folder; nil if that cannot be read.
    static func owner(ofCheckpointIn folder: URL) -> String? {
        struct Header: Decodable { let run: String }
        let data = try? readSmallFile(folder.appending(path: stateFile))
        return data.flatMap { try? JSONDecoder().decode(Header.self, from: $0) }?.run
    }
}
