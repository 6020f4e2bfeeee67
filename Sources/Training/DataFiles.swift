import Datasets
import Kernels
import Transformer

/// The data files of a request.
struct DataFiles {
    let train: Dataset
    let dev: Dataset?

    init(of request: TrainingRequest) throws {
        train = try Dataset(contentsOf: request.train, layout: request.layout, labels: .one)
        dev = try request.dev.map { try Dataset(contentsOf: $0, layout: request.layout, labels: .one) }
    }

    /// The labels of the training data, sorted: their order is their ids.
    func labels() throws -> [String] {
        let labels = Set(train.examples.compactMap(\.label)).sorted()
        guard labels.count > 1 else {
            throw DatasetError(
                train.path, "every example has the label '\(labels[0])'; a classifier needs at least two labels")
        }
        return labels
    }

    /// Token ids of both parts; if there is no dev file, one is split off.
    func encode(
        _ model: ModelFolder, _ request: TrainingRequest, on workers: Workers, report: (TrainingEvent) -> Void
    ) throws -> (training: EncodedExamples, development: EncodedExamples) {
        let hyperparameters = request.hyperparameters
        let configuration = model.classifier.configuration
        let maximumLength = hyperparameters.maxLength ?? configuration.maximumLength
        func encode(_ dataset: Dataset) throws -> EncodedExamples {
            var dataset = dataset
            try dataset.requireLabels(among: configuration.labels)
            for notice in dataset.notices { report(.notice(notice)) }
            let examples = try EncodedExamples(
                dataset, labels: configuration.labels, tokenizer: model.tokenizer, maximumLength: maximumLength,
                on: workers)
            if let notice = examples.truncationNotice(path: dataset.path, maximumLength: maximumLength) {
                report(.notice(notice))
            }
            return examples
        }
        if !train.unusedLabelMapKeys.isEmpty {
            let keys = train.unusedLabelMapKeys.map { "'\($0)'" }.joined(separator: ", ")
            report(.notice("\(train.path): no row has the label \(keys) of --label-map"))
        }
        if let dev { return try (encode(train), encode(dev)) }
        let (training, development) = try encode(train).split(
            holdingOut: hyperparameters.devFraction, seed: hyperparameters.seed)
        guard !development.targets.isEmpty else {
            throw DatasetError(
                train.path, "too few examples to hold some out; give at least two of one label, or a --dev file")
        }
        report(
            .notice(
                "no --dev file: \(development.targets.count) of \(train.examples.count) training examples are held out"
                    + " to choose the best epoch (--dev-fraction \(hyperparameters.devFraction))"))
        return (training, development)
    }
}
