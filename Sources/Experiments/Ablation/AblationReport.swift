import Foundation
import Plots
import Reports
import RunStore
import Statistics
import Transformer

extension AblationResults {
    /// What has been found, question by question: a formula, a picture, figures, and what they say.
    package var report: Report {
        Report(
            "What Add & Norm does: \(experiment)",
            [
                Report.Section("The forms", [forms]),
                Report.Section("1. What passes through the layers at the first step", signalParts),
                Report.Section("2. At which learning rates it trains", rangeParts),
                Report.Section("3. How fast and how well", resultParts),
            ])
    }

    /// The same for a terminal: without pictures.
    package var parts: [Report.Part] {
        (signalParts + rangeParts + resultParts).map(\.withoutPictures)
    }

    private func color(_ variant: AddNormVariant) -> Int { request.variants.firstIndex(of: variant) ?? 0 }

    // MARK: Forms

    private var forms: Report.Part {
        Report.Part([
            .sentence(
                "Every sublayer F of a Transformer encoder, attention or feed-forward network, stands inside a step that adds its input and normalises."
                    + " Here that step is taken apart: the same encoders are built with other forms of it, and measured."
            ),
            .table(ReportTable(request.variants, [.text("form", \.description), .text("step", \.formula)])),
            .note(
                "LayerNorm(x) = (x − μ) / σ · gain + bias, with the mean μ and the standard deviation σ of the features of one token. RMSNorm leaves out μ,"
                    + " DyT is tanh(αx), BatchNorm takes μ and σ of a feature over the tokens of a batch. N layers: α = (2N)^¼ for DeepNorm; a begins at 0 for ReZero."
            ),
        ])
    }

    // MARK: Signals

    private var signalParts: [Report.Part] {
        guard let depth = signals.map(\.depth).max() else { return [] }
        let deepest = signals.filter { $0.depth == depth }
        let depths = Set(signals.map(\.depth)).sorted()
        func series(_ value: (LayerSignal) -> Double) -> [Figure.Series] {
            deepest.map { one in
                Figure.Series(
                    one.variant.description, color: color(one.variant),
                    one.layers.enumerated().map { Figure.Point(Double($0 + 1), value($1)) })
            }
        }
        let layers = Axis("layer", limits: 1...Double(depth), isInteger: true)
        return [
            Report.Part(
                [
                    .sentence(
                        "Before anything is learned, one batch is run forward, and its loss back. Where the gradient dies on its way down, the first layers cannot"
                            + " learn; where the tokens of a text become alike, nothing is left that tells texts apart."
                    ),
                    .formula(
                        "gradient of layer l = ‖∂loss / ∂θₗ‖, over the parameters θₗ of the layer\ncosine = mean of hᵢ · hⱼ / (‖hᵢ‖ ‖hⱼ‖) over pairs of tokens of a text\nvariance = mean over tokens of the variance of their features"
                    ),
                    .figure(
                        Figure(
                            "The gradient by layer",
                            note: "new encoders of \(depth) layers, one batch, mean over \(request.seeds) seeds",
                            x: layers, y: Axis("norm of the gradient", isLogarithmic: true), series(\.gradientNorm))),
                    .figure(
                        Figure(
                            "How alike the tokens of a text are",
                            note: "1: all are the same, and what distinguishes them is lost",
                            x: layers, y: Axis("mean cosine", limits: -1...1), series(\.cosine))),
                    .figure(
                        Figure(
                            "The size of hidden states", x: layers,
                            y: Axis("variance of features", isLogarithmic: true),
                            series(\.variance))),
                ] + ratioFigure(depths) + [
                    .table(
                        ReportTable(
                            request.variants,
                            [.text("form", \.description)]
                                + depths.map { depth in
                                    .number("gradient 1 / \(depth)") { variant in
                                        of(variant, depth).map { AblationFindings.text($0.firstToLast) }
                                    }
                                } + [
                                    .number("cosine, layer \(depth)") { variant in
                                        of(variant, depth).map { AblationFindings.text($0.layers[depth - 1].cosine) }
                                    },
                                    .number("variance, layer \(depth) / 1") { variant in
                                        of(variant, depth).map { AblationFindings.text($0.growth) }
                                    },
                                ]))
                ] + AblationFindings(self).ofSignals.map { .sentence($0) })
        ]
    }

    /// Against depth, if there are several.
    private func ratioFigure(_ depths: [Int]) -> [Report.Block] {
        if depths.count < 2 { return [] }
        let figure = Figure(
            "The first layer's gradient against the last one's", note: "1: both are equal",
            x: Axis("layers", isInteger: true), y: Axis("ratio", isLogarithmic: true),
            request.variants.map { variant in
                Figure.Series(
                    variant.description, color: color(variant),
                    signals.filter { $0.variant == variant }.map { Figure.Point(Double($0.depth), $0.firstToLast) })
            })
        return [.figure(figure)]
    }

    private func of(_ variant: AddNormVariant, _ depth: Int) -> Signals? {
        signals.first { $0.variant == variant && $0.depth == depth }
    }

    // MARK: Range

    private static let outcomes: [Run.Outcome] = [.trained, .stuck, .diverged]

    private var rangeParts: [Report.Part] {
        if range.isEmpty { return [] }
        let rates = Set(range.map(\.cell.learningRate)).sorted()
        let warmups = Set(range.map(\.cell.warmupRatio)).sorted()
        let depths = Set(range.map(\.cell.depth)).sorted()
        func kind(_ variant: AddNormVariant, depth: Int, warmup: Double, rate: Double) -> Int? {
            range.first {
                $0.cell.variant == variant && $0.cell.depth == depth && $0.cell.warmupRatio == warmup
                    && $0.cell.learningRate == rate
            }.flatMap { Self.outcomes.firstIndex(of: $0.outcome) }
        }
        let grid = OutcomeGrid(
            "What trains",
            note: "trainings of \(range[0].cell.steps) steps of \(request.training.hyperparameters.stepSize) texts",
            columnsTitle: "learning rate", columns: rates.map { "\($0)" },
            kinds: [
                .init("trained", mark: "●", color: 2), .init("stuck", mark: "–", color: nil),
                .init("diverged", mark: "✕", color: 1),
            ],
            groups: request.variants.map { variant in
                .init(
                    "\(variant): \(variant.formula)",
                    depths.flatMap { depth in
                        warmups.map { warmup in
                            .init(
                                "\(depth) layers, " + (warmup == 0 ? "no warm-up" : "warm-up \(warmup)"),
                                rates.map { kind(variant, depth: depth, warmup: warmup, rate: $0) })
                        }
                    })
            })
        let findings = AblationFindings(self)
        let columns = depths.flatMap { depth in warmups.map { (depth: depth, warmup: $0) } }
        return [
            Report.Part(
                [
                    .sentence(
                        "What a form can do shows in the range of learning rates at which it trains, not at a single one, which may be the best of one form and the"
                            + " worst of another."),
                    .formula(
                        "trained: accuracy on the dev data above that of the commonest label, \(majority.figure), by more than chance\ndiverged: a loss that is not finite, or ends above \((1.5 * entropy).figure), half as large again as without reading\nstuck: neither"
                    ),
                    .grid(grid),
                    .table(
                        ReportTable(
                            request.variants,
                            [.text("highest rate that trains", \.description)]
                                + columns.map { column in
                                    .number("\(column.depth) layers" + (column.warmup == 0 ? "" : ", warm-up")) {
                                        variant in
                                        findings.highestRate(variant, depth: column.depth, warmup: column.warmup)
                                            .map { "\($0)" } ?? "none"
                                    }
                                })),
                ] + findings.ofRange.map { .sentence($0) })
        ]
    }

    // MARK: Results

    private var resultParts: [Report.Part] {
        guard let depth = results.map(\.cell.depth).max() else { return [] }
        let findings = AblationFindings(self)
        let comparisons = findings.comparisons
        let threshold = lossThreshold
        func trainings(_ variant: AddNormVariant, _ depth: Int) -> [AblationOutcome] {
            results.filter { $0.cell.variant == variant && $0.cell.depth == depth }
        }
        func curve(_ variant: AddNormVariant) -> [Figure.Point] {
            let losses = trainings(variant, depth).map(\.losses)
            let steps = losses.map(\.count).min() ?? 0
            let width = max(1, steps / 50)
            return stride(from: 0, to: steps - width + 1, by: width).map { start in
                let values = losses.flatMap { $0[start..<start + width] }
                return Figure.Point(Double(start + width), values.reduce(0, +) / Double(values.count))
            }
        }
        let accuracy = Figure(
            "Accuracy against depth",
            note: "each form at its best learning rate; band: 95 % interval of the mean over \(request.seeds) seeds",
            x: Axis("layers", isInteger: true), y: Axis("dev accuracy", limits: 0...1),
            request.variants.map { variant in
                Figure.Series(
                    variant.description, color: color(variant),
                    comparisons.filter { $0.variant == variant }.map {
                        Figure.Point(
                            Double($0.depth), $0.accuracy.mean, low: $0.accuracy.interval?.low,
                            high: $0.accuracy.interval?.high)
                    })
            })
        return [
            Report.Part(
                [
                    .sentence(
                        "Each form at the learning rate and warm-up at which its loss has become least in the second question, with seeds that have chosen nothing."
                    ),
                    .formula(
                        "accuracy = share of the \(devTexts) dev texts whose answer is right\nt = difference of means / √(s₁²/n + s₂²/n): Welch's test against \(request.variants[0]), p after Holm's correction"
                    ),
                    .figure(
                        Figure(
                            "The loss in the course of training",
                            note: "\(depth) layers, mean over \(request.seeds) seeds",
                            x: Axis("step", limits: 0...Double.infinity, isInteger: true),
                            y: Axis("loss (nats)", limits: 0...Double.infinity),
                            request.variants.map { Figure.Series($0.description, color: color($0), curve($0)) })),
                    .figure(accuracy),
                    .table(
                        ReportTable(
                            comparisons,
                            [
                                .count("layers", \.depth), .text("form", \.variant.description),
                                .number("learning rate") { one in
                                    trainings(one.variant, one.depth).first.map { "\($0.cell.learningRate)" }
                                },
                                .number("warm-up") { one in
                                    trainings(one.variant, one.depth).first.map { "\($0.cell.warmupRatio)" }
                                },
                                .figure("accuracy", \.accuracy.mean),
                                .number("95 % interval") { one in
                                    one.accuracy.interval.map { "\($0.low.figure) to \($0.high.figure)" }
                                },
                                .number("steps to loss \(threshold.figure)") { one in
                                    trainings(one.variant, one.depth).steps(to: threshold)
                                },
                                .number("points against \(request.variants[0])") { one in
                                    one.test.map { String(format: "%+.1f", 100 * $0.difference) }
                                },
                                .number("p") { $0.p?.pValue },
                            ])),
                ] + findings.ofResults.map { .sentence($0) })
        ]
    }

    /// Halfway from the loss without reading to nothing.
    private var lossThreshold: Double { entropy / 2 }
}

extension [AblationOutcome] {
    /// The mean over trainings of the first step from which on the mean of twenty losses is below a threshold; `never` if one of them has not got there.
    fileprivate func steps(to threshold: Double) -> String {
        let steps = map { outcome in
            (0..<Swift.max(0, outcome.losses.count - 19)).first {
                outcome.losses[$0..<$0 + 20].reduce(0, +) < 20 * threshold
            }.map { $0 + 20 }
        }
        let reached = steps.compactMap { $0 }
        return reached.count < count || isEmpty ? "never" : "\(reached.reduce(0, +) / reached.count)"
    }
}

extension Report.Part {
    /// What a terminal shows well.
    fileprivate var withoutPictures: Report.Part {
        Report.Part(
            heading: heading,
            blocks.filter { block in
                if case .figure = block { false } else { true }
            })
    }
}
