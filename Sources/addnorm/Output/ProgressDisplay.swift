import Escaping
import Foundation
import Training

/// Shows a training on standard error: a bar on a terminal, plain lines elsewhere.
final class ProgressDisplay {
    /// Takes what is worth keeping: epochs and notices.
    private let keep: (String) -> Void
    private var lastShown = ContinuousClock.now
    private var hasBar = false
    /// Whether what the encoder reads are windows of texts.
    private var hasWindows = false

    /// How often a step is shown.
    private static let interval = Output.isTerminal ? Duration.milliseconds(100) : .seconds(10)

    /// - Parameter lines: takes what is worth keeping
    init(lines: @escaping (String) -> Void = Output.note) { keep = lines }

    func show(_ event: TrainingEvent) {
        switch event {
        case .notice(let text):
            line("note: " + text.printableLines)
        case .data(let report):
            hasWindows = report.longTexts == .windows
            finish()
            Output.note(report.text)
        case .fold(let fold, let folds, let share, let loss, let secondsLeft):
            guard isDue() else { return }
            show(
                Int(clamping: 1000 * share), of: 1000,
                "training \(fold) of \(folds): loss \(loss.figure), \(secondsLeft.duration) left")
        case .started(let run, let parameters, let trained, let examples, let devExamples, let steps):
            let share = trained == parameters ? "" : " (\(trained.formatted()) are trained)"
            line(
                "run '\(run)': \(parameters.formatted()) parameters\(share), \(examples) training and \(devExamples) dev examples,"
                    + " \(steps) steps")
        case .features(let done, let total):
            guard isDue(isLast: done == total) else { return }
            show(done, of: total, "the frozen encoder has read \(done) of \(total) \(hasWindows ? "windows" : "texts")")
        case .step(let report):
            guard isDue() else { return }
            let speed = report.tokensPerSecond.map { " \(Int(clamping: $0).formatted()) tokens/s," } ?? ""
            let figures = "loss \(report.loss.figure),\(speed) \(report.secondsLeft.duration) left"
            let epoch = "epoch \(report.epoch)/\(report.epochs)"
            show(
                report.step, of: report.steps,
                Output.isTerminal ? "\(epoch), \(figures)" : "step \(report.step)/\(report.steps), \(epoch): \(figures)"
            )
        case .epoch(let report):
            line(
                "epoch \(report.epoch): train loss \(report.trainLoss.figure), dev loss \(report.devLoss.figure),"
                    + " accuracy \(report.accuracy.figure), macro F1 \(report.macroF1.figure)\(report.judgement)"
                    + (report.isBest ? emphasized(" (best)") : ""))
        }
    }

    /// Takes the bar away.
    func finish() {
        if hasBar { Output.note("\r\u{1B}[K") }
        hasBar = false
    }

    /// Whether a step is to be shown: not if another one just was, unless it is the last.
    private func isDue(isLast: Bool = false) -> Bool {
        let isDue = isLast || ContinuousClock.now - lastShown >= Self.interval
        if isDue { lastShown = .now }
        return isDue
    }

    private func show(_ done: Int, of total: Int, _ text: String) {
        guard Output.isTerminal else { return Output.note(text + "\n") }
        let width = 20
        let filled = width * done / total
        let bar = String(repeating: "━", count: filled) + String(repeating: "─", count: width - filled)
        Output.note("\r\u{1B}[K\(emphasized(bar)) \(text)")
        hasBar = true
    }

    private func line(_ text: String) {
        finish()
        keep(text + "\n")
    }

    private func emphasized(_ text: String) -> String {
        Output.hasColor ? "\u{1B}[32m\(text)\u{1B}[0m" : text
    }
}
