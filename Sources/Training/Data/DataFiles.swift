import Evaluation
import Datasets
import Kernels
import Tokenization
import Transformer

/// What a model is trained with, and what it is chosen by.
package struct DataFiles {
    /// Where the data that the best epoch is chosen by come from.
    package enum DevSource {
        /// A file of its own.
        case file
        /// A part of the training data that is not trained with.
        case heldOut
        /// The training data themselves: nothing is held out.
        case training
    }

    package private(set) var train: Dataset
    /// The data of a file of its own, a part that was held out of the training data, or these themselves.
    package private(set) var dev: Dataset
    /// Where ``dev`` comes from.
    package let source: DevSource
    package let problemType: Configuration.ProblemType
    /// The labels, sorted: their places are their ids; of numbers, the only one that there is.
    package let labels: [String]
    /// How many examples both have, before leaks were left out.
    package var examples: Int {
        train.examples.count + (source == .training ? 0 : dev.examples.count) + droppedLeaks
    }
    /// Training texts that stood in ``dev`` too and were left out.
    let droppedLeaks: Int

    /// Reads the files of a request.
    ///
    /// - Throws: `DatasetError` if there is nothing to be learned from them, or they cannot be read.
    package init(of request: TrainingRequest, on workers: Workers) throws {
        let hyperparameters = request.hyperparameters
        var train = try Dataset(
            contentsOf: request.train, layout: request.layout, labels: .reading(hyperparameters.problemType))
        problemType = train.hasNumbers ? .regression : train.hasSeveralLabels ? .multiLabel : .singleLabel
        let names = train.labelNames.sorted()
        guard names.count > (train.hasSeveralLabels ? 0 : 1) else {
            throw DatasetError(
                train.path,
                names.isEmpty
                    ? "no example has a label"
                    : train.hasNumbers
                        ? "every example has the number \(names[0]); there is nothing to be learned of it"
                        : "every example has the label '\(names[0])'; a classifier needs at least two labels")
        }
        labels = train.hasNumbers ? [Configuration.numberLabel] : names
        if let path = request.dev {
            dev = try Dataset(contentsOf: path, layout: request.layout, labels: .reading(problemType))
            try dev.requirePairs(like: train)
        } else if hyperparameters.devFraction == 0 {
            dev = train
        } else {
            dev = train.holdOut(hyperparameters.devFraction, seed: hyperparameters.seed)
            guard !dev.examples.isEmpty else {
                throw DatasetError(
                    train.path, "too few examples to hold some out; give at least two of one label, or a --dev file")
            }
        }
        source = request.dev != nil ? .file : hyperparameters.devFraction == 0 ? .training : .heldOut
        // What is held out of them is what is kept.
        if request.trainShare < 1 {
            let part = train.holdOut(request.trainShare, seed: hyperparameters.seed &+ 1)
            if !part.examples.isEmpty { train = part }
        }
        let before = train.examples.count
        if request.dropLeaked { train.removeTexts(of: dev, on: workers) }
        droppedLeaks = before - train.examples.count
        if droppedLeaks > 0, !train.hasNumbers, let lost = Set(labels).subtracting(train.labelNames).min() {
            throw DatasetError(
                train.path,
                "every text with the label '\(lost)' stands in \(request.dev ?? "the held-out part") too; without these, it cannot be learned (--drop-leaked)"
            )
        }
        self.train = train
    }

    /// Token ids and label ids of both parts.
    package mutating func encode(
        for model: ModelFolder, _ longTexts: LongTexts, on workers: Workers
    ) throws -> (training: EncodedExamples, development: EncodedExamples) {
        try (
            EncodedExamples(&train, for: model, longTexts, on: workers),
            EncodedExamples(&dev, for: model, longTexts, on: workers)
        )
    }

    /// What a user should know of the data before a training.
    func report(
        _ encoded: (training: EncodedExamples, development: EncodedExamples), _ longTexts: LongTexts,
        on workers: Workers
    ) -> DataReport {
        let training = train.bySource.filter { !$0.places.isEmpty }.map { data, places in
            DataReport.Part(name: data.path, data: data, texts: encoded.training.texts.part(places))
        }
        let development = DataReport.Part(
            name: dev.path + (source == .heldOut ? " (held out)" : ""), data: dev, texts: encoded.development.texts)
        return DataReport(
            training + (source == .training ? [] : [development]), trainingFiles: training.count, longTexts,
            droppedLeaks: droppedLeaks, on: workers)
    }
}

extension Dataset {
    /// Splits some examples off: of every label the same share, at least one where there are two; where examples have several
    /// labels, or a number, the same share of all.
    ///
    /// - Returns: what was split off
    mutating func holdOut(_ fraction: Double, seed: UInt64) -> Dataset {
        var heldOut: Set<Int> = []
        let groups = Dictionary(grouping: examples.indices) {
            hasSeveralLabels || hasNumbers ? "" : examples[$0].label ?? ""
        }
        for (number, group) in groups.sorted(by: { $0.key < $1.key }).enumerated() {
            var random = RandomNumbers(seed: seed, stream: .heldOut, step: UInt64(number))
            let indices = group.value
            let count = min(max(1, Int((fraction * Double(indices.count)).rounded())), indices.count - 1)
            heldOut.formUnion(indices.shuffled(using: &random).prefix(count))
        }
        let other = part(heldOut.sorted())
        examples = examples.indices.filter { !heldOut.contains($0) }.map { examples[$0] }
        return other
    }

    /// Leaves out the examples whose texts stand in other data too.
    mutating func removeTexts(of other: Dataset, on workers: Workers) {
        let own = examples.count
        let leaked = Set(
            groupsOfSameTexts(examples.map(\.input.joined) + other.examples.map(\.input.joined), on: workers)
                .filter { $0.last! >= own }.flatMap { $0.prefix { $0 < own } })
        examples = examples.indices.filter { !leaked.contains($0) }.map { examples[$0] }
    }
}
