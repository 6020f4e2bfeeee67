import Datasets
import Foundation
import JSON
import RunStore
import Transformer

/// The checkpoints of a training: a folder beside its output, which is removed at the end.
///
/// Each checkpoint is a folder in it, `step-200`. The two newest are kept: if a disk has damaged one, the training goes on from the one before.
struct CheckpointFolder {
    let url: URL

    /// How many checkpoints are kept.
    static let kept = 2

    /// The folder of the training with this output.
    init(forOutput output: String) {
        let output = URL(filePath: output).standardizedFileURL
        url = output.deletingLastPathComponent().appending(path: output.lastPathComponent + ".checkpoint")
    }

    // MARK: What is there

    private var contents: [String] { (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? [] }

    /// The steps after which there is a checkpoint, the newest first.
    private var steps: [Int] { contents.compactMap(Self.step).sorted(by: >) }

    /// Whether a training can be resumed.
    var isThere: Bool { !steps.isEmpty }

    /// Where the checkpoint after a step is.
    func place(ofStep step: Int) -> URL { url.appending(path: "\(Self.prefix)\(step)") }

    private static let prefix = "step-"

    private static func step(_ name: String) -> Int? {
        name.hasPrefix(prefix) ? Int(name.dropFirst(prefix.count)) : nil
    }

    /// What trainings have put there: in earlier versions, a single checkpoint was the folder itself.
    private static func own(_ contents: [String]) -> [String] {
        let isCheckpoint = contents.contains(Checkpoint.stateFile)
        return contents.filter {
            step($0) != nil || $0 == outputsFile || isLeftover($0) || isCheckpoint && Checkpoint.fileNames.contains($0)
        }
    }

    /// Checks, before any work is done, that the folder's place is free, or has checkpoints that may be replaced.
    ///
    /// - Throws: ``TrainingError`` that says what stands there.
    func check(overwrite: Bool) throws {
        guard FileManager.default.fileExists(atPath: url.path) else { return }
        guard let contents = try? FileManager.default.contentsOfDirectory(atPath: url.path),
            Self.own(contents).count == contents.count
        else {
            throw TrainingError(
                "\(url.path): is in the way of this training's checkpoints, and is none; choose another --output")
        }
        guard overwrite || !(isThere || contents.contains(Checkpoint.stateFile)) else {
            throw TrainingError(
                "\(url.path): the checkpoint of an interrupted run is there; go on with it by --resume, choose another"
                    + " --output, or give it up with --overwrite")
        }
    }

    /// Reads the newest checkpoint of a run that is whole.
    ///
    /// - Parameter notice: is told of newer ones that are not
    /// - Throws: ``TrainingError`` if there is none.
    func newest(of run: Run, notice: (String) -> Void) throws -> Checkpoint {
        if contents.contains(Checkpoint.stateFile) {
            throw TrainingError(
                "\(url.path): an earlier version of addnorm has written the checkpoint; resume the run with that version, or"
                    + " train again from the beginning")
        }
        var failures: [any Error] = []
        for step in steps {
            do {
                let checkpoint = try Checkpoint(contentsOf: place(ofStep: step), of: run)
                for failure in failures { notice("\(failure); going on from step \(step) instead") }
                return checkpoint
            } catch {
                failures.append(error)
            }
        }
        throw failures.first
            ?? TrainingError(
                "\(url.path): no checkpoint is there; a run can be resumed if it was ended with Ctrl-C, or trained with"
                    + " --checkpoint-every")
    }

    // MARK: Removing

    /// Removes all but the checkpoints after some steps, as far as trainings have put it there.
    func prune(keeping steps: [Int]) {
        for name in Self.own(contents) where name != Self.outputsFile {
            if let step = Self.step(name), steps.contains(step) { continue }
            try? FileManager.default.removeItem(at: url.appending(path: name))
        }
    }

    /// Removes the folder, if there is one, but nothing that others have put there.
    func remove() {
        prune(keeping: [])
        unlink(url.appending(path: Self.outputsFile).path)
        rmdir(url.path)
    }

    /// Removes the folder that a run has left, unless another run's checkpoints are there.
    func remove(of run: Run) {
        let owners = steps.map { Checkpoint.owner(ofCheckpointIn: place(ofStep: $0)) }
        if owners.allSatisfy({ $0 == nil || $0 == run.uuid }) { remove() }
    }

    // MARK: Which models are the run's own

    /// The SHA-256 of the weights that the run has written to its output last, or was about to write.
    private static let outputsFile = "outputs.json"

    private var outputs: [String] {
        let data = try? readSmallFile(url.appending(path: Self.outputsFile))
        return data.flatMap { try? JSONDecoder().decode([String].self, from: $0) } ?? []
    }

    /// Remembers, before a model gets its place, that it is this run's own: the process can be killed before it records that. Without a checkpoint,
    /// there is no going on that would need it.
    ///
    /// - Throws: what the file system says.
    func willWrite(modelIn folder: URL) throws {
        guard FileManager.default.fileExists(atPath: url.path) else { return }
        let weights = try sha256(ofFile: ModelFolder.weights(in: folder)).hash
        try replaceFile(
            at: url.appending(path: Self.outputsFile), with: JSONEncoder().encode(outputs.suffix(1) + [weights]))
    }

    /// Whether the model in a folder is one that the run has written there.
    func hasWritten(modelIn folder: URL) -> Bool {
        guard let weights = try? sha256(ofFile: ModelFolder.weights(in: folder)).hash else { return false }
        return outputs.contains(weights)
    }
}
