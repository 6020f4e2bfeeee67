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
        for other in others where !other.evaluations.contains(where: { first.evaluation(on: $0.dataSha256) != nil }) {
            notices.append(Self.unshared(first, other))
        }
        (self.tests, self.notices) = (tests, notices)
    }

    /// That two runs have no file in common.
    private static func unshared(_ a: ComparedRun, _ b: ComparedRun) -> String {
        let changed = a.evaluations.first { mine in b.evaluations.contains { $0.data == mine.data } }
        let file = (changed ?? a.evaluations.first ?? b.evaluations.first)?.data ?? "FILE"
        return
            (changed == nil
            ? "no file was evaluated by both \(a.name) and \(b.name): no test"
            : "\(file): its contents were others when \(b.name) was evaluated than when \(a.name) was: no test")
            + "; evaluate both on the same ('addnorm evaluate --model \(a.run.output) \(file)', "
            + "'addnorm evaluate --model \(b.run.output) \(file)')"
    }
}

extension [ComparedRun] {
    /// The names, between commas.
    var names: String { map(\.name).joined(separator: ", ") }
}
