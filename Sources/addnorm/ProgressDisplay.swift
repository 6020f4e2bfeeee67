import Foundation
import Training

/// Shows a training on standard error: a bar on a terminal, plain lines elsewhere.
final class ProgressDisplay {
    private var lastShown = ContinuousClock.now
    private var hasBar = false

    /// How often a step is shown.
    private static let interval = Output.isTerminal ? Duration.milliseconds(100) : .seconds(10)

    func show(_ event: TrainingEvent) {
        switch event {
        case .notice(let text):
            line("note: " + text)
        case .started(let run, let parameters, let examples, let devExamples, let steps):
            line(
                "run '\(run)': \(parameters.formatted()) parameters, \(examples) training and \(devExamples) dev examples,"
                    + " \(steps) steps")
        case .step(let report):
            guard ContinuousClock.now - lastShown >= Self.interval else { return }
            lastShown = .now
            show(report)
        case .epoch(let report):
            line(
                "epoch \(report.epoch): train loss \(report.trainLoss.figure), dev loss \(report.devLoss.figure),"
                    + " accuracy \(report.accuracy.figure), macro F1 \(report.macroF1.figure)"
                    + (report.isBest ? emphasized(" (best)") : ""))
        }
    }

    /// Takes the bar away.
    func finish() {
        if hasBar { Output.note("\r\u{1B}[K") }
        hasBar = false
    }

    private func show(_ report: StepReport) {
        let figures =
            "loss \(report.loss.figure), \(Int(report.tokensPerSecond).formatted()) tokens/s,"
            + " \(report.secondsLeft.duration) left"
        if Output.isTerminal {
            let width = 20
            let done = width * report.step / report.steps
            let bar = String(repeating: "━", count: done) + String(repeating: "─", count: width - done)
            Output.note("\r\u{1B}[K\(emphasized(bar)) epoch \(report.epoch)/\(report.epochs), \(figures)")
            hasBar = true
        } else {
            Output.note("step \(report.step)/\(report.steps), epoch \(report.epoch)/\(report.epochs): \(figures)\n")
        }
    }

    private func line(_ text: String) {
        finish()
        Output.note(text + "\n")
    }

    private func emphasized(_ text: String) -> String {
        Output.hasColor ? "\u{1B}[32m\(text)\u{1B}[0m" : text
    }
}
