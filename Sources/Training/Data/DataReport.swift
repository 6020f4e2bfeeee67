import Evaluation
import Inference
import Datasets
import Foundation
import Kernels
import Tokenization
import Transformer

/// What is in some files of labelled texts, and what is wrong with it: to be read before a training.
package struct DataReport: Encodable, Sendable {
    /// A file, or a part of one, and its encoded texts.
    struct Part {
        /// What the report calls it.
        let name: String
        let data: Dataset
        let texts: EncodedTexts
    }

    /// What is in one file.
    package struct File: Encodable, Sendable {
        package let data: String
        package let sha256: String
        package let examples: Int
        /// Rows that could not be used, and the first few of them.
        package let badRows: Int
        package let firstBadRows: [String]
        /// Rows whose label was mapped to nothing.
        package let leftOut: Int
        /// Labels that were to be mapped, and do not occur.
        package let unusedLabelMapKeys: [String]
        /// How often each label occurs, in the order of the names. Where texts have several labels, the shares can have a sum above 1.
        package let labels: [LabelCount]
        /// What the numbers of the texts are; nil where they have labels, and of these there are none then.
        package let numbers: Numbers?
        /// How many texts have no label, where they can have several.
        package let unlabeled: Int
        /// Labels that the training files do not have; a model that was trained on these does not know them.
        package let unknownLabels: [String]
        package let emptyTexts: Int
        package let tokens: Lengths
        /// How many texts have more tokens than are read at a time.
        package let longerTexts: Int
        /// Texts that stand in several rows: how many texts, how many rows more than one each, and the first few.
        package let duplicates: Repeated
        /// Those of the duplicates whose rows have different labels.
        package let contradictions: Repeated
        /// Texts that differ from others only in punctuation, links, names of users or entities.
        package let nearDuplicates: Repeated
        /// Texts with entities or tags of HTML.
        package let htmlTexts: Int
    }

    /// What numbers there are.
    package struct Numbers: Encodable, Sendable {
        package let min, median, max, mean, standardDeviation: Double

        fileprivate init(_ numbers: [Double]) {
            let (sorted, count) = (numbers.sorted(), Double(numbers.count))
            let mean = numbers.reduce(0) { $0 + $1 / count }
            (min, max, self.mean) = (sorted[0], sorted[sorted.count - 1], mean)
            median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
            standardDeviation = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) / count }.squareRoot()
        }
    }

    /// How often a label occurs.
    package struct LabelCount: Encodable, Sendable {
        package let label: String
        package let examples: Int
        package let share: Double
    }

    /// How long texts are, in tokens, `[CLS]` and `[SEP]` included.
    package struct Lengths: Encodable, Sendable {
        package let total: Int
        package let mean: Double
        package let min: Int
        package let median: Int
        package let p90: Int
        package let p95: Int
        package let p99: Int
        package let max: Int

        init(_ lengths: [Int]) {
            let sorted = lengths.sorted()
            // The nearest rank: the least length that so many texts do not exceed.
            func quantile(_ share: Double) -> Int {
                sorted[Swift.max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1)]
            }
            total = sorted.reduce(0, +)
            mean = Double(total) / Double(sorted.count)
            (min, median, p90, p95, p99, max) = (
                sorted[0], quantile(0.5), quantile(0.9), quantile(0.95), quantile(0.99), sorted[sorted.count - 1]
            )
        }
    }

    /// Texts that stand in several places.
    package struct Repeated: Encodable, Sendable {
        package private(set) var texts = 0
        package private(set) var rows = 0
        package private(set) var first: [Occurrences] = []

        mutating func add(rows: Int, _ occurrences: @autoclosure () -> Occurrences) {
            texts += 1
            self.rows += rows
            if first.count < DataReport.shown { first.append(occurrences()) }
        }
    }

    /// Where a text stands.
    package struct Occurrences: Encodable, Sendable {
        package let text: String
        package let places: [Place]
    }

    /// A row.
    package struct Place: Encodable, Sendable {
        package let file: String
        package let line: Int
        package let label: String
    }

    /// Texts of one file that stand in an earlier one too.
    package struct Leak: Encodable, Sendable {
        package let training: String
        package let heldOut: String
        /// How many texts, how many rows of `heldOut`, and the first few.
        package let texts: Int
        package let rows: Int
        package let first: [Occurrences]
    }

    /// The training files first.
    package let files: [File]
    /// How many files the training data are.
    package let trainingFiles: Int
    /// The texts that two files share, for each pair of files that share some.
    package let leaks: [Leak]
    /// Texts of one file that nearly stand in an earlier one, as ``File/nearDuplicates``.
    package let nearLeaks: [Leak]
    /// Training texts that were left out because they stand in held-out data too.
    package let droppedLeaks: Int
    /// Tokens that are read at a time, and what is done with longer texts.
    package let maxLength: Int
    package let longTexts: LongTexts.Method

    /// How many examples of a problem are shown.
    fileprivate static let shown = 3
    /// How many places of a text are named.
    fileprivate static let shownPlaces = 4

    /// Looks at files; none is empty. Texts are the same if nothing but case and white space is different.
    ///
    /// - Parameters:
    ///   - parts: the training data first
    ///   - trainingFiles: how many files these are
    ///   - longTexts: what is done with long texts
    init(
        _ parts: [Part], trainingFiles: Int = 1, _ longTexts: LongTexts, droppedLeaks: Int = 0, on workers: Workers
    ) {
        self.trainingFiles = trainingFiles
        maxLength = longTexts.maximumLength
        self.longTexts = longTexts.method
        self.droppedLeaks = droppedLeaks
        let repetitions = Repetitions(in: parts, on: workers)
        let nearRepetitions = Repetitions(nearIn: parts, on: workers)
        let known = parts.prefix(trainingFiles).reduce(into: Set<String>()) { $0.formUnion($1.data.labelNames) }
        files = parts.indices.map { number in
            File(
                parts[number], known: known, longTexts: longTexts, duplicates: repetitions.duplicates[number],
                contradictions: repetitions.contradictions[number], nearDuplicates: nearRepetitions.duplicates[number])
        }
        func leaks(_ found: [[Int]: Repeated]) -> [Leak] {
            found.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { pair, shared in
                Leak(
                    training: parts[pair[0]].name, heldOut: parts[pair[1]].name, texts: shared.texts, rows: shared.rows,
                    first: shared.first)
            }
        }
        (self.leaks, nearLeaks) = (leaks(repetitions.leaks), leaks(nearRepetitions.leaks))
    }

    /// Looks at files as a training would read them.
    ///
    /// - Parameters:
    ///   - paths: the training data first
    ///   - request: says how files are read, and whose tokens are counted
    /// - Throws: an error with a message for a person if a file or the model cannot be read.
    package init(of paths: [String], _ request: TrainingRequest, on workers: Workers) throws {
        var hyperparameters = request.hyperparameters
        let first = try Dataset(
            contentsOf: paths[0], layout: request.layout, labels: .reading(hyperparameters.problemType))
        let others = try paths.dropFirst().map {
            try Dataset(
                contentsOf: $0, layout: request.layout,
                labels: first.hasNumbers ? .number : first.hasSeveralLabels ? .several : .one)
        }
        for other in others { try other.requirePairs(like: first) }
        let texts = first.inputs
        let (tokenizer, configuration): (Tokenizer, Configuration)
        if let model = request.model {
            (tokenizer, configuration) = try ModelFolder.tokenizer(of: URL(filePath: model))
            try hyperparameters.checkLength(below: configuration.maximumLength, of: model)
        } else {
            tokenizer = try Tokenizer(
                learnedFrom: texts.flatMap(\.parts), size: hyperparameters.vocabSize, as: hyperparameters.tokenizer)
            configuration = hyperparameters.newConfiguration(for: tokenizer, labels: first.labelNames.sorted())
        }
        _ = try hyperparameters.chooseLength(for: texts, tokenizer, configuration)
        let longTexts = hyperparameters.longTexts
        self.init(
            try ([first] + others).map { data in
                Part(
                    name: data.path, data: data,
                    texts: try EncodedTexts(data.inputs, tokenizer, longTexts, on: workers))
            }, longTexts, on: workers)
    }
}

extension DataReport.File {
    fileprivate init(
        _ part: DataReport.Part, known: Set<String>, longTexts: LongTexts, duplicates: DataReport.Repeated,
        contradictions: DataReport.Repeated, nearDuplicates: DataReport.Repeated
    ) {
        let data = part.data
        let counts = data.hasNumbers ? [:] : data.labelCounts
        unlabeled = data.examples.count { $0.labels(several: data.hasSeveralLabels).isEmpty }
        numbers = data.hasNumbers ? DataReport.Numbers(data.examples.compactMap(\.number)) : nil
        self.data = part.name
        sha256 = data.sha256
        examples = data.examples.count
        // A part is of one file, or of some rows of several, which are none of these.
        let source = data.sources[0]
        (badRows, firstBadRows) = (source.badRows.count, source.badRows.messages)
        (leftOut, unusedLabelMapKeys) = (source.leftOut, source.unusedLabelMapKeys)
        labels = counts.sorted { $0.key < $1.key }.map {
            DataReport.LabelCount(
                label: $0.key, examples: $0.value, share: Double($0.value) / Double(data.examples.count))
        }
        unknownLabels = counts.keys.filter { !known.contains($0) }.sorted()
        emptyTexts = data.examples.count { $0.input.parts.contains { $0.unicodeScalars.allSatisfy(isWhiteSpace) } }
        tokens = DataReport.Lengths(part.texts.lengths)
        longerTexts = part.texts.countOfLonger
        (self.duplicates, self.contradictions, self.nearDuplicates) = (duplicates, contradictions, nearDuplicates)
        htmlTexts = data.examples.count { example in
            // Nearly all texts have none of these bytes.
            let text = example.input.joined
            return text.utf8.contains { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: "<") }
                && text.contains(
                    /&(amp|lt|gt|quot|apos|nbsp|#[0-9]+|#x[0-9A-Fa-f]+);|<\/?(br|p|b|i|a|div|span)\b[^>]*>/)
        }
    }
}

/// The texts that stand in several places of some files.
private struct Repetitions {
    /// The texts that stand in several rows of a file, and those of them whose rows have different labels, for each file.
    private(set) var duplicates: [DataReport.Repeated]
    private(set) var contradictions: [DataReport.Repeated]
    /// The texts that stand in both files of a pair, the earlier one first.
    private(set) var leaks: [[Int]: DataReport.Repeated] = [:]

    init(in parts: [DataReport.Part], on workers: Workers) {
        duplicates = parts.map { _ in DataReport.Repeated() }
        contradictions = duplicates
        let texts = NumberedTexts(parts)
        for group in groupsOfSameTexts(parts.flatMap { $0.data.examples.map(\.input.joined) }, on: workers) {
            add(group, among: texts)
        }
    }

    /// The same for texts that are nearly the same: of those that are the same, the first of each stands for all.
    init(nearIn parts: [DataReport.Part], on workers: Workers) {
        duplicates = parts.map { _ in DataReport.Repeated() }
        contradictions = duplicates
        let (texts, all) = (NumberedTexts(parts), parts.flatMap { $0.data.examples.map(\.input.joined) })
        for group in groupsOfSameTexts(all, isNear: true, on: workers) {
            var seen: Set<String> = []
            let different = group.filter { seen.insert(comparable(all[$0])).inserted }
            if different.count > 1 { add(different, among: texts) }
        }
    }

    /// - Parameter group: the numbers of texts that are the same
    private mutating func add(_ group: [Int], among texts: NumberedTexts) {
        let inFiles = Dictionary(grouping: group, by: texts.file).sorted { $0.key < $1.key }
        for (number, rows) in inFiles where rows.count > 1 {
            duplicates[number].add(rows: rows.count - 1, texts.occurrences(of: rows, in: group))
            var labels: Set<String> = []
            let firsts = rows.filter { labels.insert(texts.place($0).label).inserted }
            if firsts.count > 1 {
                let others = rows.filter { !firsts.contains($0) }
                contradictions[number].add(rows: rows.count - 1, texts.occurrences(of: firsts + others, in: group))
            }
        }
        for (index, heldOut) in inFiles.enumerated() {
            for training in inFiles[..<index] {
                leaks[[training.key, heldOut.key], default: DataReport.Repeated()].add(
                    rows: heldOut.value.count,
                    texts.occurrences(of: [training.value[0], heldOut.value[0]], in: group))
            }
        }
    }
}

/// The texts of several files, numbered from 0 in one row.
private struct NumberedTexts {
    private let parts: [DataReport.Part]
    /// The number of the first text of each file.
    private let starts: [Int]

    init(_ parts: [DataReport.Part]) {
        self.parts = parts
        starts = parts.reduce(into: [0]) { $0.append($0.last! + $1.data.examples.count) }
    }

    func file(_ text: Int) -> Int { starts.lastIndex { $0 <= text }! }

    private func example(_ text: Int) -> Example {
        parts[file(text)].data.examples[text - starts[file(text)]]
    }

    func place(_ text: Int) -> DataReport.Place {
        let example = example(text)
        return DataReport.Place(
            file: parts[file(text)].data.file(of: example), line: example.line, label: example.label ?? "")
    }

    func occurrences(of texts: [Int], in group: [Int]) -> DataReport.Occurrences {
        DataReport.Occurrences(
            text: example(group[0]).input.joined, places: texts.prefix(DataReport.shownPlaces).map(place))
    }
}
