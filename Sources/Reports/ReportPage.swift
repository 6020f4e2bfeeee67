import Escaping
import Foundation
import Kernels
import Plots
import RunStore
import Statistics

/// What is to know about one or several runs, as a page. The same database gives the same page.
package struct ReportPage {
    private let store: RunStore
    private let workers: Workers
    private let runs: [ComparedRun]
    private let groups: [SeedGroup]
    /// The document.
    package private(set) var html = ""

    /// Reads the runs and writes the page.
    ///
    /// - Parameter names: of the parameters that runs are grouped by; none: those of one training with several seeds
    package init(of runs: [Run], groupedBy names: [String] = [], in store: RunStore, on workers: Workers) throws {
        (self.store, self.workers) = (store, workers)
        self.runs = try runs.map { try ComparedRun($0, in: store) }
        groups = try SeedGroup.groups(of: self.runs, by: names)
        let title = runs.count == 1 ? "Run \(runs[0].name)" : "\(runs.count) runs"
        let evaluations = self.runs.flatMap { run in run.evaluations.map { (run: run.run, evaluation: $0) } }
        let sections = [
            try summary(), try comparison(), try curves(), overview(evaluations),
            try evaluations.map { try section($0.run, $0.evaluation) }.joined(), try hyperparameters(),
        ]
        html =
            Page(
                title: title, style: Self.style,
                body: "<header>\n<h1>\(title.escaped)</h1>\n</header>\n" + sections.joined()
            ).html
    }

    // MARK: What was trained

    /// One run as a list of facts; several as what they have in common, and a row for each.
    private func summary() throws -> String {
        let facts = try facts()
        let common = facts.filter { Set($0.values).count == 1 && !$0.values[0].isEmpty }.map { ($0.name, $0.values[0]) }
        if runs.count == 1 { return section("Summary", list(results(runs[0].summary) + common)) }
        let table = table(
            ["run", "status", "dev accuracy", "dev macro F1", "dev loss", "best epoch", "duration", "started"],
            runs.map { one in
                let (run, summary) = (one.run, one.summary)
                return [run.name, run.status.rawValue]
                    + [
                        summary?.bestDevAccuracy?.figure, summary?.devMacroF1?.figure, summary?.devLoss?.figure,
                        summary?.bestEpoch.map(String.init), summary?.seconds?.duration, run.startedAt.minute,
                    ].map { $0 ?? "–" }
            }, numeric: [2, 3, 4, 5, 6])
        return section("Summary", table + "<h3>The same in all</h3>\n" + list(common))
    }

    private func results(_ summary: RunSummary?) -> [(String, String)] {
        guard let summary, let accuracy = summary.bestDevAccuracy else {
            return [("dev accuracy", "no epoch has been completed")]
        }
        var text = "\(accuracy.figure) in epoch \(summary.bestEpoch ?? 0), the best"
        if let macroF1 = summary.devMacroF1 { text += "; macro F1 \(macroF1.figure)" }
        if let loss = summary.devLoss { text += "; loss \(loss.figure)" }
        return [("dev accuracy", text)]
    }

    /// What is known of the runs besides hyper-parameters; empty where there is nothing to say.
    private func facts() throws -> [(name: String, values: [String])] {
        let tags = try runs.map { try store.tags(of: $0.id).joined(separator: ", ") }
        let run = runs.map(\.run)
        let several = runs.count > 1
        return [
            ("note", run.map { $0.note ?? "" }), ("tags", tags),
            ("status", several ? [] : run.map { $0.status.rawValue }), ("error", run.map { $0.error ?? "" }),
            ("started", several ? [] : run.map { $0.startedAt.minute }),
            ("duration", several ? [] : runs.map { $0.summary?.seconds?.duration ?? "" }),
            ("started from", run.map { $0.model ?? "random weights" }), ("output", run.map(\.output)),
            ("train data", run.map(\.trainData)), ("dev data", run.map { $0.devData ?? "held out of the train data" }),
            ("parameters", run.map { $0.parameters.grouped }),
            ("host", run.map { "\($0.host), \($0.threads) \($0.threads == 1 ? "thread" : "threads")" }),
            ("version", run.map(\.version)), ("command", several ? [] : run.map(\.command)),
        ].filter { !$0.1.isEmpty }
    }

    /// Those that differ first, a column for each run; the others once.
    private func hyperparameters() throws -> String {
        let params = try runs.map { try store.params(of: $0.id) }
        let values = params.map { Dictionary($0.map { ($0.name, $0.value) }) { first, _ in first } }
        let rows = Set(values.flatMap(\.keys)).sorted().map { name in
            (name: name, values: values.map { $0[name] ?? "" })
        }
        if rows.isEmpty { return "" }
        let common = rows.filter { Set($0.values).count == 1 }.map { ($0.name, $0.values[0]) }
        if runs.count == 1 { return section("Hyper-parameters", list(common, isDense: true)) }
        let differing =
            (rows + (try facts())).filter { Set($0.values).count > 1 }.map { [$0.name] + $0.values }
        return section(
            "Hyper-parameters",
            (differing.isEmpty
                ? "<p>None differs.</p>\n"
                : "<h3>What differs</h3>\n" + table([""] + runs.map(\.run.name), differing))
                + "<h3>The same in all</h3>\n" + list(common, isDense: true))
    }

    // MARK: Several runs

    /// How several runs compare, and whether the difference is real.
    private func comparison() throws -> String {
        if runs.count == 1 { return "" }
        let comparison = try Comparison(runs, .init(), in: store, on: workers)
        var files: [String] = []
        for test in comparison.tests where !files.contains(test.dataSha256) { files.append(test.dataSha256) }
        let groups = groups.filter { $0.runs.count > 1 }
        return section(
            "Comparison",
            files.map { file in tested(comparison.tests.filter { $0.dataSha256 == file }) }.joined()
                + (groups.isEmpty ? "" : means(groups)) + paragraphs(comparison.notices + groups.notices))
    }

    /// The tests on one file.
    private func tested(_ tests: [PairedTest]) -> String {
        let isAdjusted = tests.contains { $0.adjustedP != nil }
        let first = tests[0]
        let rows = table(
            ["A", "B", "only A right", "only B right", "McNemar p"] + (isAdjusted ? ["Holm p"] : [])
                + ["accuracy, B − A (points)", "95 % interval"],
            tests.map { test in
                [test.a, test.b, test.onlyA.grouped, test.onlyB.grouped, test.p.pValue]
                    + (isAdjusted ? [test.adjustedP?.pValue ?? ""] : [])
                    + [test.difference.accuracy.points, test.difference.accuracyInterval.points]
            }, numeric: [2, 3, 4, 5, 6, 7])
        return "<h3>\("Accuracy on \(first.texts.grouped) texts of \(first.data)".escaped)</h3>\n" + rows
            + paragraphs(tests.map { "\($0.a) and \($0.b): \($0.sentence)." })
    }

    /// The means of groups of seeds.
    private func means(_ groups: [SeedGroup]) -> String {
        let rows = table(
            ["group", "figure", "runs", "mean", "sd", "95 % interval"],
            groups.flatMap { group in
                group.figures.map { figure in
                    [
                        group.name, figure.name, figure.mean.count.grouped, figure.mean.mean.figure,
                        figure.mean.standardDeviation?.figure ?? "–",
                        figure.mean.interval.map { "\($0.low.figure) to \($0.high.figure)" } ?? "–",
                    ]
                }
            }, numeric: [2, 3, 4, 5])
        return "<h3>Means of groups</h3>\n" + rows
            + paragraphs(GroupTest.tests(of: groups).map { "\($0.figure.name): \($0.sentence)." })
    }

    private func paragraphs(_ sentences: [String]) -> String {
        sentences.map { "<p>\($0.escaped)</p>\n" }.joined()
    }

    // MARK: Curves

    private func curves() throws -> String {
        let recorded = Set(try store.metricNames(of: runs.map(\.id)))
        if recorded.isEmpty { return section("Curves", "<p>No metrics have been recorded yet.</p>\n") }
        let groups = groups.map { ($0.name, $0.runs.map(\.id)) }
        let figures = try ["loss", "accuracy", "macro_f1", "learning_rate"].filter(recorded.contains).map { metric in
            try Curves(of: metric, groups: groups, in: store).figure
        }
        let drawn = figures.map { $0.html(width: 540, height: 320) }.joined()
        return section("Curves", "<div class=\"figures\">\n\(drawn)</div>\n")
    }

    // MARK: Evaluations

    private func overview(_ evaluations: [(run: Run, evaluation: Evaluation)]) -> String {
        if evaluations.isEmpty { return section("Evaluations", "<p>The models have not been evaluated.</p>\n") }
        if evaluations.count == 1 { return "" }
        let rows = evaluations.map { run, evaluation in
            [
                run.name, evaluation.data, evaluation.examples.grouped, evaluation.accuracy.figure,
                interval(evaluation.accuracyLow, evaluation.accuracyHigh), evaluation.macroF1.figure,
                interval(evaluation.macroF1Low, evaluation.macroF1High), evaluation.loss?.figure ?? "–",
            ]
        }
        return section(
            "Evaluations",
            table(
                ["run", "data", "texts", "accuracy", "95 % interval", "macro F1", "95 % interval", "loss"], rows,
                numeric: [2, 3, 4, 5, 6, 7]))
    }

    private func section(_ run: Run, _ evaluation: Evaluation) throws -> String {
        let id = evaluation.id
        let figures: [[String]] = [
            ["accuracy", evaluation.accuracy.figure, interval(evaluation.accuracyLow, evaluation.accuracyHigh)],
            ["macro F1", evaluation.macroF1.figure, interval(evaluation.macroF1Low, evaluation.macroF1High)],
            ["weighted F1", evaluation.weightedF1.figure, ""],
        ]
        let others: [(String, Double?)] = [
            ("ROC AUC", evaluation.rocAuc), ("average precision", evaluation.averagePrecision),
            ("Matthews correlation", evaluation.mcc), ("log loss (nats)", evaluation.loss),
            ("calibration error", evaluation.ece),
        ]
        let name = runs.count == 1 ? "Evaluation" : run.name
        return section(
            "\(name) on \(URL(filePath: evaluation.data).lastPathComponent)",
            "<p class=\"quiet\">\(evaluation.data.escaped), \(evaluation.examples.grouped) texts,"
                + " evaluated \(evaluation.evaluatedAt.minute)</p>\n<div class=\"tables\">\n"
                + block(
                    "Figures",
                    table(
                        ["", "", "95 % interval"],
                        figures + others.compactMap { name, value in value.map { [name, $0.figure, ""] } },
                        numeric: [1, 2]
                    ))
                + labels(try store.classMetrics(of: id)) + matrix(try store.confusions(of: id))
                + calibration(CalibrationBins(try store.confidences(of: id))) + "</div>\n"
                + mistakes(try store.mistakes(of: id, atMost: Self.mostMistakes), of: evaluation))
    }

    private func labels(_ labels: [ClassMetric]) -> String {
        if labels.isEmpty { return "" }
        let shown =
            labels.count > Self.mostLabels
            ? Array(labels.sorted { ($0.f1, $0.label) < ($1.f1, $1.label) }[..<Self.mostLabels]) : labels
        let title =
            shown.count < labels.count
            ? "The \(shown.count) of \(labels.count.grouped) labels with the lowest F1" : "Labels"
        return block(
            title,
            table(
                ["label", "precision", "recall", "F1", "texts"],
                shown.map { [$0.label, $0.precision.figure, $0.recall.figure, $0.f1.figure, $0.support.grouped] },
                numeric: [1, 2, 3, 4]))
    }

    /// Rows actual, columns predicted; the shade is the share of the row.
    private func matrix(_ confusions: [Confusion]) -> String {
        if confusions.isEmpty { return "" }
        var (counts, sums): ([[String]: Int], [String: Int]) = ([:], [:])
        for confusion in confusions {
            counts[[confusion.actual, confusion.predicted]] = confusion.count
            sums[confusion.actual, default: 0] += confusion.count
        }
        let all = Set(counts.keys.joined()).sorted()
        var shown = all
        if all.count > Self.mostColumns {
            // The pairs that are confused most, as long as there is room for both labels.
            var chosen: Set<String> = []
            for (pair, _) in counts.filter({ $0.key[0] != $0.key[1] && $0.value > 0 }).sorted(by: {
                ($1.value, $0.key[0], $0.key[1]) < ($0.value, $1.key[0], $1.key[1])
            }) where chosen.union(pair).count <= Self.mostColumns {
                chosen.formUnion(pair)
            }
            shown = chosen.sorted()
        }
        if shown.isEmpty { return "" }
        let title =
            shown.count < all.count
            ? "The \(shown.count) of \(all.count.grouped) labels most often confused" : "Confusion matrix"
        func header(_ label: String, _ scope: String) -> String {
            "<th scope=\"\(scope)\"><span dir=\"auto\" title=\"\(label.escaped)\">\(label.escaped)</span></th>"
        }
        let rows = shown.map { actual in
            let cells = shown.map { predicted in
                let count = counts[[actual, predicted]] ?? 0
                // The root, so that a tenth is seen.
                let share = String(format: "%.2f", (Double(count) / Double(max(sums[actual] ?? 0, 1))).squareRoot())
                let kind = count == 0 ? "zero" : actual == predicted ? "right" : "wrong"
                return "<td class=\"\(kind)\" style=\"--share:\(share)\">\(count.grouped)</td>"
            }
            return "<tr>\(header(actual, "row"))\(cells.joined())</tr>\n"
        }
        let isWide = shown.count > 4 || shown.contains { $0.count > 12 }
        return block(
            title,
            """
            <p class="quiet">Rows: the actual label; columns: the predicted one. The stronger the shade, the larger the share of the row.</p>
            <div class="scroll"><table class="matrix\(isWide ? " upright" : "")">
            <thead><tr><td></td>\(shown.map { header($0, "col") }.joined())</tr></thead>
            <tbody>\(rows.joined())</tbody>
            </table></div>

            """)
    }

    private func calibration(_ calibration: CalibrationBins) -> String {
        let bins = calibration.bins.filter { $0.count > 0 }
        let points = bins.compactMap { bin in
            bin.confidence.map { confidence in
                let interval = wilsonInterval(bin.right, of: bin.count)
                return Figure.Point(
                    confidence, Double(bin.right) / Double(bin.count), low: interval.low, high: interval.high,
                    count: bin.count)
            }
        }
        guard let first = points.first else { return "" }
        let figure = Figure(
            "Accuracy by confidence",
            note: "Dashed: as it should be. Bars: 95 % intervals. Above: numbers of texts.",
            x: .init("confidence", limits: 0...1), y: .init("accuracy", limits: 0...1),
            [
                Figure.Series("answers", isNamed: false, .points, color: 0, points),
                Figure.Series(
                    "as it should be", isNamed: false, .dashed, color: nil,
                    [first.x, 1].map { Figure.Point($0, $0) }),
            ])
        let rows = bins.map {
            [
                String(format: "%.2f to %.2f", $0.lower, $0.upper), $0.count.grouped, $0.confidence?.figure ?? "",
                $0.accuracy?.figure ?? "",
            ]
        }
        return block(
            "Calibration",
            figure.html(width: 540, height: 320)
                + table(["confidence", "texts", "mean", "accuracy"], rows, numeric: [0, 1, 2, 3]))
    }

    private func mistakes(_ mistakes: [PredictionRecord], of evaluation: Evaluation) -> String {
        if mistakes.isEmpty { return "" }
        let hasTexts = mistakes.contains { $0.text != nil }
        return "<h3>The most confident mistakes</h3>\n"
            + table(
                ["row", "actual", "predicted", "confidence"] + (hasTexts ? ["text"] : []),
                mistakes.map {
                    ["\($0.row)", $0.actual, $0.predicted, $0.confidence.figure] + (hasTexts ? [$0.text ?? ""] : [])
                }, numeric: [0, 3], name: "mistakes")
    }

    private static let (mostLabels, mostColumns, mostMistakes) = (30, 12, 20)
    /// Longer cells of tables may be broken into lines.
    private static let shortest = 24

    // MARK: HTML

    private func section(_ title: String, _ body: String) -> String {
        "<section>\n<h2>\(title.escaped)</h2>\n\(body)</section>\n"
    }

    private func block(_ title: String, _ body: String) -> String {
        "<div>\n<h3>\(title.escaped)</h3>\n\(body)</div>\n"
    }

    private func list(_ entries: [(String, String)], isDense: Bool = false) -> String {
        "<dl\(isDense ? " class=\"dense\"" : "")>\n"
            + entries.map { "<div><dt>\($0.escaped)</dt><dd dir=\"auto\">\($1.escaped)</dd></div>\n" }.joined()
            + "</dl>\n"
    }

    /// - Parameters:
    ///   - header: not escaped yet, as the rows
    ///   - numeric: the columns that are aligned to the right
    private func table(_ header: [String], _ rows: [[String]], numeric: Set<Int> = [], name: String = "") -> String {
        func cells(_ row: [String], _ tag: String) -> String {
            row.enumerated().map { column, cell in
                let kind = numeric.contains(column) ? "number" : cell.count > Self.shortest ? "long" : "short"
                return "<\(tag) class=\"\(kind)\" dir=\"auto\">\(cell.escaped)</\(tag)>"
            }.joined()
        }
        return """
            <div class="scroll"><table class="\(name)">
            <thead><tr>\(cells(header, "th"))</tr></thead>
            <tbody>
            \(rows.map { "<tr>\(cells($0, "td"))</tr>\n" }.joined())</tbody>
            </table></div>

            """
    }

    private func interval(_ low: Double?, _ high: Double?) -> String {
        guard let low, let high else { return "" }
        return "\(low.figure) to \(high.figure)"
    }

    private static let style = """
        :root { --right: 0 114 178; --wrong: 213 94 0; --most: .55 }
        @media (prefers-color-scheme: dark) { :root { --right: 60 150 215; --wrong: 240 120 50; --most: .6 } }
        body { max-width: 72rem; line-height: 1.5 }
        h1 { font-size: 1.6rem }
        h2 { font-size: 1.2rem; margin: 0 0 .6rem }
        h3 { font-size: 1rem; margin: 1.2rem 0 .3rem }
        h2, h3, p.quiet { break-after: avoid; overflow-wrap: anywhere }
        section { border-top: 1px solid var(--line); margin-top: 1.5rem; padding-top: 1rem }
        .quiet, th, dt { color: var(--quiet); font-weight: normal }
        p.quiet { margin: 0 0 .4rem; font-size: .85rem }
        dl { margin: 0; font-size: .9rem }
        dl div { display: grid; grid-template-columns: 9rem 1fr; gap: .5rem; break-inside: avoid }
        dd { margin: 0; overflow-wrap: anywhere }
        .dense { columns: 20rem }
        .dense div { grid-template-columns: 10rem 1fr }
        .scroll { overflow-x: auto; max-width: 100% }
        table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums }
        th, td { padding: .15rem .8rem .15rem 0; text-align: start; vertical-align: top }
        thead th { border-bottom: 1px solid var(--line); vertical-align: bottom }
        tr { break-inside: avoid }
        .short, .number { white-space: nowrap }
        .long { min-width: 9rem; overflow-wrap: anywhere }
        .number { text-align: right }
        .figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); gap: 1.5rem 2rem }
        .tables { columns: 30rem; column-gap: 2rem }
        .tables > div { break-inside: avoid }
        .tables h3 { margin-top: 0; padding-top: 1rem }
        figure { margin: 0; break-inside: avoid }
        figure + .scroll { margin-top: .8rem }
        .matrix th, .matrix td { padding: .2rem .4rem; white-space: nowrap; text-align: right }
        .matrix td { min-width: 1.3rem; -webkit-print-color-adjust: exact; print-color-adjust: exact }
        .matrix span { display: inline-block; max-width: 9rem; overflow: hidden; text-overflow: ellipsis; vertical-align: bottom }
        .matrix tbody th { padding-left: 0; text-align: start }
        .upright thead span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 9rem }
        .zero { color: var(--quiet) }
        .right { background: rgb(var(--right) / calc(var(--share) * var(--most))) }
        .wrong { background: rgb(var(--wrong) / calc(var(--share) * var(--most))) }
        @media (max-width: 36rem) {
          dl div, .dense div { grid-template-columns: 8.5rem 1fr }
          th, td { padding-right: .5rem }
          .mistakes tr { display: grid; grid-template-columns: 3rem minmax(0, 1fr) minmax(0, 1fr) 5.5rem; padding-bottom: .4rem }
          .mistakes td { white-space: normal; min-width: 0; overflow-wrap: anywhere }
          .mistakes :nth-child(5) { grid-column: 1 / -1 }
        }
        @media print {
          :root { --right: 0 114 178; --wrong: 213 94 0; --most: .55 }
          html { font-size: 10pt }
          .figures { grid-template-columns: 1fr 1fr }
          .tables { columns: 2; break-inside: avoid }
          .scroll { overflow: visible }
          table { font-size: .8rem }
        }
        """
}

extension Double {
    fileprivate var figure: String { String(format: "%.4f", self).replacing("-", with: "−") }

    /// Seconds, for a person.
    fileprivate var duration: String {
        self < 60 ? String(format: "%.1f s", self) : String(format: "%d min %02d s", Int(self) / 60, Int(self) % 60)
    }
}

extension Int {
    /// With commas between thousands.
    fileprivate var grouped: String { formatted(.number.locale(Locale(identifier: "en_US"))) }
}

extension String {
    /// A time as the database has it, to the minute.
    fileprivate var minute: String { prefix(16).replacing("T", with: " ") + " UTC" }
}
