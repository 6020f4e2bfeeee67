import Kernels
import RunStore
import Statistics

/// Runs beside each other: in what they differ, what they reached, and whether the first and each other one differ by more than
/// chance on the texts that both were evaluated on.
package struct Comparison: Sendable {
    /// What is asked for.
    package struct Request: Sendable {
        /// Differences of accuracy up to this fraction are to count as none; nil if there is no such question.
        package var equivalenceMargin: Double?
        /// How many texts that only one run got right are shown, of each kind.
        package var flips = 0

        package init(equivalenceMargin: Double? = nil, flips: Int = 0) {
            (self.equivalenceMargin, self.flips) = (equivalenceMargin, flips)
        }
    }

    package let runs: [ComparedRun]
    /// By file, then by run.
    package let tests: [PairedTest]
    /// Why a test is missing and what to do, and which figures flatter.
    package let notices: [String]

    /// Compares the first run with each other one, on the latest evaluation of each file.
    ///
    /// - Parameter runs: at least one
    /// - Throws: ``RunStoreError``
    package init(_ runs: [ComparedRun], _ request: Request, in store: RunStore, on workers: Workers) throws {
        self.runs = runs
        var (tests, notices): ([PairedTest], [String]) = ([], [])
        let (first, others) = (runs[0], runs.dropFirst())
        for (sha256, path) in runs.files {
            guard let evaluation = first.evaluation(on: sha256) else { continue }
            var pairs: [AnswerPair] = []
            for other in others {
                guard let theirs = other.evaluation(on: sha256) else { continue }
                do {
                    pairs.append(
                        try AnswerPair(first, evaluation, other, theirs, flips: request.flips, in: store))
                } catch let error as AnswerPair.Unpaired {
                    notices.append(error.notice)
                }
            }
            let p = pairs.map { mcNemarTest(onlyA: $0.onlyA, onlyB: $0.onlyB) }
            tests += pairs.enumerated().map { place, pair in
                PairedTest(pair, tests: p, place: place, margin: request.equivalenceMargin, on: workers)
            }
            let chosen = runs.filter { $0.run.devSha256 == sha256 && $0.evaluation(on: sha256) != nil }
            if !chosen.isEmpty {
                notices.append(
                    "\(path): the dev data of \(chosen.names), which chose the best epoch: figures on it flatter")
            }
            let trained = runs.filter { $0.run.trainSha256 == sha256 && $0.evaluation(on: sha256) != nil }
            if !trained.isEmpty {
                notices.append("\(path): \(trained.names) was trained with it: figures on it flatter")
            }
        }
        for notice in Self.missing(first, Array(others)) where !notices.contains(notice) { notices.append(notice) }
        (self.tests, self.notices) = (tests, notices)
    }

    /// Which evaluations are missing where the first run has no file in common with another one.
    private static func missing(_ first: ComparedRun, _ others: [ComparedRun]) -> [String] {
        guard let file = first.evaluations.first?.data else {
            let file = others.files.first?.path ?? "FILE"
            return ([first] + others.filter(\.evaluations.isEmpty)).map {
                "\($0.name) has not been evaluated: no test; \($0.toEvaluate(on: file))"
            }
        }
        return others.filter { other in !other.evaluations.contains { first.evaluation(on: $0.dataSha256) != nil } }
            .map { other in
                for mine in first.evaluations {
                    guard let theirs = other.evaluations.first(where: { $0.data == mine.data }) else { continue }
                    let old = mine.id < theirs.id ? first : other
                    return
                        "\(mine.data): its contents were others when \(old.name) was evaluated: no test; evaluate it "
                        + "again: \(old.evaluateCommand(mine.data))"
                }
                return "no file was evaluated by both \(first.name) and \(other.name): no test; "
                    + other.toEvaluate(on: file)
            }
    }
}

extension [ComparedRun] {
    /// The names, between commas.
    var names: String { map(\.name).joined(separator: ", ") }
}
