import Datasets
import Foundation
import Kernels
import Transformer

/// What is in some files of labelled texts, and what is wrong with it: to be read before a training.
package struct DataReport: Encodable, Sendable {
    /// A file, or a part of one.
    package struct Part {
        let name: String
        let data: Dataset
        let texts: EncodedTexts

        /// - Parameters:
        ///   - name: what the report calls it
        ///   - texts: the encoded texts of `data`
        package init(name: String, data: Dataset, texts: EncodedTexts) {
            (self.name, self.data, self.texts) = (name, data, texts)
        }
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
        /// In the order of their names. Where texts have several labels, the shares can have a sum above 1.
        package let labels: [LabelCount]
        /// Where texts can have several labels: those that have none.
        package let unlabeled: Int
        package let emptyTexts: Int
        package let tokens: Lengths
        /// Texts with more tokens than are read at a time.
        package let longerTexts: Int
        /// Texts that stand in several rows: how many texts, how many rows more than one each, and the first few.
        package let duplicates: Repeated
        /// Those of them whose rows have different labels.
        package let contradictions: Repeated
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
        package let texts: Int
        package let rows: Int
        package let first: [Occurrences]
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

    package let files: [File]
    /// Of each pair of files that share texts.
    package let leaks: [Leak]
    /// Training texts that were left out because they stand in held-out data too.
    package let droppedLeaks: Int
    /// Tokens that are read at a time, and what is done with longer texts.
    package let maxLength: Int
    package let longTexts: String

    /// How many examples of a problem are shown.
    private static let shown = 3
    /// How many places of a text are named.
    private static let shownPlaces = 4

    /// Looks at files; none is empty. Texts are the same if nothing but case and white space is different.
    ///
    /// - Parameters:
    ///   - parts: the training data first
    ///   - longTexts: what is done with long texts
    package init(_ parts: [Part], _ longTexts: LongTexts, droppedLeaks: Int = 0, on workers: Workers) {
        maxLength = longTexts.maximumLength
        self.longTexts = longTexts.method.rawValue
        self.droppedLeaks = droppedLeaks
        // All texts in one list, with the number of each one's file.
        let files = parts.indices.flatMap { Array(repeating: $0, count: parts[$0].data.examples.count) }
        let examples = parts.flatMap(\.data.examples)
        let groups = groupsOfSameTexts(examples.map(\.text), on: workers)

        func occurrences(_ indices: [Int]) -> Occurrences {
            Occurrences(
                text: examples[indices[0]].text,
                places: indices.prefix(Self.shownPlaces).map { index in
                    let example = examples[index]
                    return Place(
                        file: example.file ?? parts[files[index]].data.path, line: example.line,
                        label: example.label ?? "")
                })
        }
        func repeated(_ groups: [[Int]]) -> Repeated {
            Repeated(
                texts: groups.count, rows: groups.reduce(0) { $0 + $1.count - 1 },
                first: groups.prefix(Self.shown).map(occurrences))
        }
        self.files = parts.indices.map { number in
            let (part, data) = (parts[number], parts[number].data)
            let within = groups.map { $0.filter { files[$0] == number } }.filter { $0.count > 1 }
            var counts: [String: Int] = [:]
            var unlabeled = 0
            for example in data.examples {
                let labels = example.labels(several: data.hasSeveralLabels)
                for label in labels { counts[label, default: 0] += 1 }
                if labels.isEmpty { unlabeled += 1 }
            }
            return File(
                data: part.name, sha256: data.sha256, examples: data.examples.count, badRows: data.badRows.count,
                firstBadRows: data.badRows.messages, leftOut: data.leftOut,
                labels: counts.sorted { $0.key < $1.key }.map {
                    LabelCount(
                        label: $0.key, examples: $0.value, share: Double($0.value) / Double(data.examples.count))
                },
                unlabeled: unlabeled,
                emptyTexts: data.examples.count { $0.text.unicodeScalars.allSatisfy(\.properties.isWhitespace) },
                tokens: Lengths(part.texts.lengths), longerTexts: part.texts.countOfLonger(than: longTexts),
                duplicates: repeated(within),
                contradictions: repeated(within.filter { group in Set(group.map { examples[$0].label }).count > 1 }))
        }
        leaks = parts.indices.flatMap { heldOut in
            (0..<heldOut).compactMap { training in
                let shared = groups.map { $0.filter { files[$0] == training || files[$0] == heldOut } }
                    .filter { files[$0.first ?? 0] == training && files[$0.last ?? 0] == heldOut && !$0.isEmpty }
                if shared.isEmpty { return nil }
                return Leak(
                    training: parts[training].name, heldOut: parts[heldOut].name, texts: shared.count,
                    rows: shared.reduce(0) { $0 + $1.count { files[$0] == heldOut } },
                    first: shared.prefix(Self.shown).map { group in
                        occurrences([group[0], group.first { files[$0] == heldOut }!])
                    })
            }
        }
    }
}

/// The indices of texts that are the same but for case and white space, where there are at least two; the groups in the order of
/// their first texts.
///
/// - Complexity: O(*n* log *n*); what is kept of a text is a number.
func groupsOfSameTexts(_ texts: [String], on workers: Workers) -> [[Int]] {
    let hashes = workers.map(texts.count) { comparable(texts[$0]).hashValue }
    let order = texts.indices.sorted { (hashes[$0], $0) < (hashes[$1], $1) }
    var groups: [[Int]] = []
    var rest = order[...]
    while let first = rest.first {
        let run = rest.prefix { hashes[$0] == hashes[first] }
        rest = rest.dropFirst(run.count)
        // Different texts can have the same hash.
        if run.count > 1 {
            groups += Dictionary(grouping: run) { comparable(texts[$0]) }.values.filter { $0.count > 1 }
        }
    }
    return groups.sorted { $0[0] < $1[0] }
}

/// A text without what does not count when texts are compared.
private func comparable(_ text: String) -> String {
    text.lowercased().unicodeScalars.split(whereSeparator: \.properties.isWhitespace).map(String.init)
        .joined(separator: " ")
}
