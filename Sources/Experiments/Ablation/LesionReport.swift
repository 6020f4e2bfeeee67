import Plots
import Reports
import Transformer

extension LesionStudy {
    /// What the parts carry.
    package var part: Report.Part {
        let least = results.min { $0.accuracy < $1.accuracy }
        let idle = results.filter { $0.p >= 0.05 }
        var sentences = ["The whole model has an accuracy of \(accuracy.figure) on \(texts) texts."]
        if let least, least.p < 0.05 {
            sentences.append("Most is lost without \(least.name): the accuracy becomes \(least.accuracy.figure).")
        }
        if !idle.isEmpty {
            sentences.append(
                "Of \(results.count) parts, \(idle.count) can each be taken away without a loss that is shown (McNemar's test, Holm's correction)."
            )
        }
        for target in Lesion.Target.allCases {
            let ofKind = results.filter { $0.lesion.target == target }
            if ofKind.isEmpty { continue }
            let mean = ofKind.reduce(0) { $0 + $1.accuracy } / Double(ofKind.count)
            sentences.append(
                "Without one \(target.rawValue): \(mean.figure) in the mean, from \((ofKind.map(\.accuracy).min() ?? 0).figure) to \((ofKind.map(\.accuracy).max() ?? 0).figure)."
            )
        }
        return Report.Part(
            [
                .table(
                    ReportTable(
                        results,
                        [
                            .count("layer") { $0.lesion.layer + 1 }, .text("step", \.lesion.step.rawValue),
                            .text("taken away", \.lesion.target.rawValue), .figure("accuracy", \.accuracy),
                            .number("points lost") { String(format: "%.1f", 100 * (accuracy - $0.accuracy)) },
                            .count("only whole right", \.onlyWhole), .count("only lesioned right", \.onlyLesioned),
                            .number("McNemar p") { $0.p.pValue },
                        ]))
            ] + sentences.map { .sentence($0) })
    }

    /// A page of its own.
    package var report: Report {
        let figure = Figure(
            "What is left without one part", note: "dashed: the whole model",
            x: Axis("layer", isInteger: true), y: Axis("accuracy", limits: 0...1),
            [
                Figure.Series(
                    "whole", .dashed, color: nil,
                    [Figure.Point(1, accuracy), Figure.Point(Double((results.last?.lesion.layer ?? 0) + 1), accuracy)])
            ]
                + Lesion.Step.allCases.flatMap { step in
                    Lesion.Target.allCases.map { (step, $0) }
                }.enumerated().map { place, kind in
                    Figure.Series(
                        "\(kind.0.rawValue), \(kind.1.rawValue)", color: place,
                        results.filter { $0.lesion.step == kind.0 && $0.lesion.target == kind.1 }.map {
                            Figure.Point(Double($0.lesion.layer + 1), $0.accuracy)
                        })
                }.filter { !$0.points.isEmpty })
        return Report(
            "What a model's own Add & Norm carries",
            [
                Report.Section(
                    "Lesions",
                    [
                        Report.Part([
                            .formula(
                                "sublayer taken away: F(x) = 0\nresidual taken away: x + F(x) becomes F(x)\nnorm taken away: norm(x) = x"
                            ),
                            .figure(figure),
                        ]), part,
                    ])
            ])
    }
}

extension LesionStudy.Result {
    fileprivate var name: String {
        "the \(lesion.target.rawValue == "sublayer" ? lesion.step.rawValue : lesion.target.rawValue + " of the " + lesion.step.rawValue) of layer \(lesion.layer + 1)"
    }
}
