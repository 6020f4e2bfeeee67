import Reports
import RunStore
import Statistics

extension [SeedGroup] {
    /// Tables for a person: each group's figures, and tests of the first one against each other.
    var text: String {
        var table = TextTable(
            header: ["group", "figure", "runs", "mean", "sd", "95 % interval"], numeric: [2, 3, 4])
        for group in self {
            if group.figures.isEmpty {
                table.rows.append([group.name.printable, "", "\(group.runs.count)", "", "", ""])
            }
            for (place, figure) in group.figures.enumerated() {
                table.rows.append([
                    place == 0 ? group.name.printable : "", figure.name.printable, "\(figure.mean.count)",
                    figure.mean.mean.figure, figure.mean.standardDeviation?.figure ?? "",
                    figure.mean.interval.map { "\($0.low.figure) to \($0.high.figure)" } ?? "",
                ])
            }
        }
        return table.text
            + GroupTest.tests(of: self).map { test in
                let subject = count > 2 ? "\(test.a) and \(test.b), " : ""
                return "\(subject)\(test.figure.name): \(test.sentence)".printable + "\n"
            }.joined()
    }

    /// Says what is to be known of them.
    func warn() {
        for notice in notices { Output.warn(notice.printable) }
    }
}

/// A group by the names of its keys.
struct GroupDocument: Encodable {
    struct Figure: Encodable {
        let metric: String
        let data, dataSha256: Nullable<String>
        let n: Int
        let mean: Double
        let sd: Nullable<Double>
        let ci: Nullable<Interval>
    }

    let parameters: [String: Nullable<String>]
    let name: String
    let n: Int
    let runs: [String]
    let figures: [Figure]
    let differing: [String]

    init(_ group: SeedGroup) {
        parameters = Dictionary(group.parameters.map { ($0.name, Nullable($0.value)) }) { $1 }
        (name, n, runs, differing) = (group.name, group.runs.count, group.runs.map(\.name), group.differing)
        figures = group.figures.map {
            Figure(
                metric: $0.metric, data: Nullable($0.data), dataSha256: Nullable($0.dataSha256), n: $0.mean.count,
                mean: $0.mean.mean,
                sd: Nullable($0.mean.standardDeviation), ci: Nullable($0.mean.interval))
        }
    }
}
