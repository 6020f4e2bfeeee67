import Datasets
import Foundation
import Kernels

/// All that a user asks of `addnorm train`.
package struct TrainingRequest: Codable, Sendable {
    /// When checkpoints are written.
    package enum CheckpointInterval: Codable, Sendable {
        case steps(Int)
        case minutes(Double)
    }

    /// The longest time between checkpoints.
    package static let mostMinutes = 1e6

    /// The runs of a training with several seeds.
    package enum SeedGroup: Codable, Sendable {
        /// This run is the first one, and gives the group its name.
        case first
        /// The group has this name.
        case of(String)
    }

    /// The files of labelled texts.
    package var train: [String]
    /// The file of labelled texts that the best epoch is chosen by; nil if a part of the training data is held out for that.
    package var dev: String?
    /// The folder of the model to start from; nil for random weights and a learned vocabulary.
    package var model: String?
    /// The folder of the classifier that the model learns from besides the labels; nil: of none. Without ``model``, it begins with a part of that one.
    package var teacher: String?
    /// The files of texts without labels, of which the teacher tells the model.
    package var unlabelled: [String] = []
    /// The SHA-256 of what the teacher has said of all texts.
    var teachingSha256: String?
    /// The folder that the model is written to, and whether a model there is replaced.
    package var output: String
    package var overwrite = false
    /// The name of the run; nil if it is to be made.
    package var name: String?
    /// What the run is about; nil: the data that its figures are measured on.
    package var project: String?
    /// How often a checkpoint is written; nil if only an interrupted training writes one.
    package var checkpointEvery: CheckpointInterval?
    /// How the files are read.
    package var layout = Layout()
    /// Whether training texts that stand in the dev data too are left out.
    package var dropLeaked = false
    /// The share of the training texts, of each label where a text has one, that the model is trained with.
    package var trainShare = 1.0
    package var hyperparameters = Hyperparameters()
    /// Whether products of 16 bits are computed without the processor's own instruction, to the same bits.
    package var emulatesBFloat16 = false
    /// The command that has asked for the training, as the database keeps it.
    package var command = ""
    /// The runs that this one is compared with; nil if the model is trained with one seed only.
    package var seedGroup: SeedGroup?

    /// The name of the group for the database, where an empty one stands for the name of the run.
    var seedGroupName: String? {
        switch seedGroup {
        case nil: nil
        case .first: ""
        case .of(let name): name
        }
    }

    /// What a run's parameters say of a teacher.
    var teaching: [(name: String, value: String)] {
        guard let teacher else { return [] }
        return [("teacher", teacher)] + (unlabelled.isEmpty ? [] : [("unlabelled", unlabelled.joined(separator: "\n"))])
    }

    /// The SHA-256 of the training file, in hexadecimal; nil for a folder or several files, which are known by their paths alone.
    package var trainSha256: String? {
        train.count == 1 ? try? sha256(ofFile: URL(filePath: train[0])).hash : nil
    }

    /// What computes: as many threads as are asked for, else one for each processor that may be used.
    var workers: Workers {
        Workers(count: hyperparameters.threads, emulatesBFloat16: emulatesBFloat16)
    }

    /// Whether the model begins with random weights.
    var beginsAnew: Bool { model == nil && teacher == nil }

    /// Makes the paths mean the same in every working directory.
    package mutating func makePathsAbsolute() {
        train = train.map(absolutePath)
        dev = dev.map(absolutePath)
        model = model.map(absolutePath)
        (teacher, unlabelled) = (teacher.map(absolutePath), unlabelled.map(absolutePath))
        output = absolutePath(output)
    }

    /// Asks for a training with all defaults.
    package init(train: [String], output: String) {
        (self.train, self.output) = (train, output)
    }
}
