import Kernels
import RunStore

extension Report {
    /// What is to know about one or several runs: what was trained and how good it is, curves, the latest evaluation on each file, and
    /// hyper-parameters. The same database gives the same report.
    ///
    /// - Parameters:
    ///   - names: the parameters that runs are grouped by; none: the runs of one training with several seeds are a group
    ///   - metric: what runs are judged by; nil: what each was chosen by
    /// - Throws: ``UnknownParameter``, ``RunStoreError``
    package init(
        of runs: [Run], groupedBy names: [String] = [], judgedBy metric: EvaluationMetric? = nil, in store: RunStore,
        on workers: Workers
    ) throws {
        let compared = try runs.map { try ComparedRun($0, judgedBy: metric, in: store) }
        let origins = try [Fact<ComparedRun>].origins(of: compared, in: store)
        let isAlone = runs.count == 1
        var sections = [Section("Summary", Self.summary(of: compared, origins))]
        let setup = Self.hyperparameters(of: compared, besides: origins.filter(\.isOfSetup))
        if !isAlone {
            sections.append(Section("What differs", setup.differing))
            let comparison = try Comparison(compared, groupedBy: names, in: store, on: workers)
            let notices = Part(sentences: comparison.notices)
            sections.append(Section("Comparison", comparison.testParts + comparison.groupParts + [notices]))
        }
        sections.append(try Self.curves(of: SeedGroup.groups(of: compared, by: names), in: store))
        let evaluations = compared.flatMap { run in run.evaluations.map { (run: run, evaluation: $0) } }
        if evaluations.isEmpty {
            sections.append(Section("Evaluations", [Part(sentences: ["The models have not been evaluated."])]))
        } else if isAlone && evaluations.count > 1 {
            sections.append(Section("Evaluations", [Part([.table(ReportTable(compared[0].evaluations))])]))
        }
        sections += try evaluations.map { run, evaluation in
            try Section(isAlone ? "Evaluation" : run.name, evaluation, in: store)
        }
        sections.append(Section("Hyper-parameters", setup.common))
        let groups = try SeedGroup.groups(of: compared, by: names).map(\.name)
        let more = groups.count > 3 ? " and \((groups.count - 3).of("other"))" : ""
        self.init(isAlone ? "Run \(runs[0].name)" : groups.prefix(3).joined(separator: ", ") + more, sections)
    }

    private static func summary(of runs: [ComparedRun], _ origins: [Fact<ComparedRun>]) -> [Part] {
        if runs.count > 1 {
            let results = ReportTable(.results(of: runs), of: runs, named: runs.map(\.name), .number)
            return [Part([.table(results)]), common(origins.filter(\.isOfSetup), of: runs)]
        }
        let isNew = runs[0].summary?.bestEpoch == nil
        return (isNew ? [Part(sentences: ["No epoch has been completed."])] : [])
            + [Part([.table(ReportTable(list: .outcomes + origins, of: runs[0]))])]
    }

    /// Of several runs the hyper-parameters and other facts that differ, in a column for each; and the hyper-parameters that do not.
    private static func hyperparameters(
        of runs: [ComparedRun], besides setup: [Fact<ComparedRun>]
    ) -> (differing: [Part], common: [Part]) {
        let all = [Fact<ComparedRun>].hyperparameters(of: runs)
        let differing = (all + setup).filter { !$0.isCommon(to: runs) }
        let table = ReportTable(differing, of: runs, named: runs.map(\.name))
        return (
            table.rows.isEmpty ? [Part(sentences: ["No option differs."])] : [Part([.table(table)])],
            all.isEmpty
                ? [] : runs.count == 1 ? [Part([.table(ReportTable(list: all, of: runs[0]))])] : [common(all, of: runs)]
        )
    }

    private static func common(_ facts: [Fact<ComparedRun>], of runs: [ComparedRun]) -> Part {
        let list = ReportTable(list: facts.filter { $0.isCommon(to: runs) }, of: runs[0])
        return Part(heading: "The same in all", [.table(list)])
    }

    private static func curves(of groups: [SeedGroup], in store: RunStore) throws -> Section {
        let groups = groups.map { ($0.name, $0.runs.map(\.id)) }
        let recorded = Set(try store.metricNames(of: groups.flatMap(\.1)))
        let shown = ["loss", "macro_f1", "accuracy", "pearson", "learning_rate"].filter(recorded.contains)
        let parts = try shown.map { Part([.figure(try Curves(of: $0, groups: groups, in: store).figure)]) }
        return recorded.isEmpty
            ? Section("Curves", [Part(sentences: ["No metrics have been recorded yet."])])
            : Section("Curves", hasColumns: true, parts)
    }
}

extension Fact {
    /// Whether it was chosen, and not what came of it.
    fileprivate var isOfSetup: Bool { !["status", "outcome", "started", "finished", "command"].contains(name) }
}

extension Report.Part {
    fileprivate init(sentences: [String]) { self.init(sentences.map(Report.Block.sentence)) }
}
