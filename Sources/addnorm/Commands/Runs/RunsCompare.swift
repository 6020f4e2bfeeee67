import ArgumentParser
import Kernels
import Reports
import RunStore

extension Runs {
    struct Compare: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell which of some runs is better, and whether that is more than chance.",
            discussion: """
                  addnorm runs compare small large --equivalent-within 0.5
                  addnorm runs compare a-1 a-2 a-3 b-1 b-2 b-3 --group-by learning_rate

                The first run is tested against each other one, on every file that both were evaluated on: McNemar's exact test, \
                and a paired bootstrap of the differences of accuracy and macro F1.
                """)

        @Argument(help: ArgumentHelp("The ids or names of two runs or more.", valueName: "run"), completion: .runs)
        var runs: [String]

        @Option(
            help: ArgumentHelp(
                "Also test whether the accuracies differ by less than so many percentage points.", valueName: "points"))
        var equivalentWithin: Double?

        @Option(
            parsing: .upToNextOption,
            help: ArgumentHelp(
                """
                Also compare the means of groups of runs that have the same values of these parameters. (default: seed_group, if \
                runs of one 'train --seeds' are among them)
                """, valueName: "parameter"), completion: .parameters)
        var groupBy: [String] = []

        @Option(
            help: ArgumentHelp("Show so many texts that only the one and only the other got right.", valueName: "n"))
        var flips = 0

        @OptionGroup
        var answer: AnswerOptions

        func validate() throws {
            if runs.count < 2 { throw ValidationError("Name two runs or more to be compared.") }
            if let equivalentWithin, !(equivalentWithin > 0 && equivalentWithin <= 100) {
                throw ValidationError("--equivalent-within must be more than 0 and at most 100 points.")
            }
            if !(0...1_000_000).contains(flips) { throw ValidationError("--flips must lie between 0 and 1,000,000.") }
        }

        func run() throws {
            let store = try answer.database.open(for: .read)
            let found = try runs.map { (named: $0, run: try store.run($0)) }
            for (place, one) in found.enumerated() where found[..<place].contains(where: { $0.run.id == one.run.id }) {
                throw ValidationError("The run '\(one.named)' is named twice.")
            }
            let comparison = try Comparison(
                found.map { try ComparedRun($0.run, in: store) }, groupedBy: groupBy,
                equivalentWithin: equivalentWithin.map { $0 / 100 }, flips: flips, in: store, on: Workers())
            Output.warn(comparison.notices)
            try answer.json ? Output.write(json: comparison) : Output.write(comparison.parts.text)
        }
    }
}
