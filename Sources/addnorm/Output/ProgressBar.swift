import Foundation
import Synchronization

/// How far a long work has come, on standard error: a bar on a terminal, plain lines elsewhere. Any thread may use it.
final class ProgressBar: Sendable {
    private struct State {
        var lastShown = ContinuousClock.now
        var isThere = false
    }

    private let state = Mutex(State())
    /// Takes what is worth keeping.
    private let keep: @Sendable (String) -> Void

    /// How often it is shown.
    private static let interval = Output.isTerminal ? Duration.milliseconds(100) : .seconds(10)

    /// - Parameter lines: takes what is worth keeping
    init(lines: @escaping @Sendable (String) -> Void = Output.note) { keep = lines }

    /// Shows the progress, unless that was just done; the end is always shown.
    ///
    /// - Parameter text: is made only if it is shown
    func show(_ done: Int, of total: Int, _ text: @autoclosure () -> String) {
        state.withLock { state in
            guard done == total || ContinuousClock.now - state.lastShown >= Self.interval else { return }
            state.lastShown = .now
            guard Output.isTerminal else { return Output.note(text() + "\n") }
            let width = 20
            let filled = width * done / max(total, 1)
            let bar = String(repeating: "━", count: filled) + String(repeating: "─", count: width - filled)
            Output.note("\r\u{1B}[K\(Output.emphasized(bar)) \(text())")
            state.isThere = true
        }
    }

    /// Writes a line that stays.
    func line(_ text: String) {
        finish()
        keep(text + "\n")
    }

    /// Takes the bar away.
    func finish() {
        state.withLock { state in
            if state.isThere { Output.note("\r\u{1B}[K") }
            state.isThere = false
        }
    }
}
