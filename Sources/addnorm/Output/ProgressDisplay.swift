import Escaping
import Foundation
import Training

/// Shows a training on standard error: a bar on a terminal, plain lines elsewhere.
final class ProgressDisplay {
    private let bar: ProgressBar
    /// Whether what the encoder reads are windows of texts.
    private var hasWindows = false

    /// - Parameter lines: takes what is worth keeping: epochs and notices
    init(lines: @escaping @Sendable (String) -> Void = Output.note) { bar = ProgressBar(lines: lines) }

    func show(_ event: TrainingEvent) {
        switch event {
        case .notice(let text):
            bar.line("note: " + text.printableLines)
        case .data(let report):
            hasWindows = report.longTexts == .windows
            finish()
            Output.note(report.text)
        case .fold(let fold, let folds, let share, let loss, let secondsLeft):
            bar.show(
                Int(clamping: 1000 * share), of: 1000,
                "training \(fold) of \(folds): loss \(loss.figure), \(secondsLeft.duration) left")
        case .started(let run, let parameters, let trained, let examples, let devExamples, let steps):
            let share = trained == parameters ? "" : " (\(trained.formatted()) are trained)"
            bar.line(
                "run '\(run)': \(parameters.formatted()) parameters\(share), \(examples) training and \(devExamples) dev examples,"
                    + " \(steps) steps")
        case .features(let done, let total):
            bar.show(
                done, of: total, "the frozen encoder has read \(done) of \(total) \(hasWindows ? "windows" : "texts")")
        case .contrastiveStep(let step, let steps, let loss, let speed, let secondsLeft):
            bar.show(
                step, of: steps,
                "the encoder is tuned: step \(step)/\(steps), loss \(loss.figure), \(Int(clamping: speed).formatted()) tokens/s,"
                    + " \(secondsLeft.duration) left")
        case .step(let report):
            bar.show(report.step, of: report.steps, Self.text(report))
        case .epoch(let report):
            bar.line(
                "epoch \(report.epoch): train loss \(report.trainLoss.figure), "
                    + (["dev loss \(report.devLoss.figure)"] + report.told).joined(separator: ", ")
                    + (report.isBest ? Output.emphasized(" (best)") : ""))
        }
    }

    /// Takes the bar away.
    func finish() { bar.finish() }

    private static func text(_ report: StepReport) -> String {
        let speed = report.tokensPerSecond.map { " \(Int(clamping: $0).formatted()) tokens/s," } ?? ""
        let figures = "loss \(report.loss.figure),\(speed) \(report.secondsLeft.duration) left"
        let epoch = "epoch \(report.epoch)/\(report.epochs)"
        return Output.isTerminal ? "\(epoch), \(figures)" : "step \(report.step)/\(report.steps), \(epoch): \(figures)"
    }
}
