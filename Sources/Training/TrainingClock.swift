/// How fast a training is, in this process: pauses in which nothing is trained do not count.
struct TrainingClock {
    private let start = ContinuousClock.now
    private var trainingStart = ContinuousClock.now
    private var pauses = Duration.zero
    private var tokens = 0
    private var steps = 0

    /// Seconds since the beginning, with all pauses.
    var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }

    /// What came before was preparation, or another part of the training.
    mutating func beginTraining() { (trainingStart, pauses, tokens, steps) = (.now, .zero, 0, 0) }

    mutating func addStep(tokens count: Int) {
        steps += 1
        tokens += count
    }

    /// Since `begin` nothing was trained.
    mutating func addPause(since begin: ContinuousClock.Instant) { pauses += .now - begin }

    private var elapsed: Double { (ContinuousClock.now - trainingStart - pauses) / .seconds(1) }
    var tokensPerSecond: Double { Double(tokens) / elapsed }
    /// The time that so many more steps take.
    func secondsLeft(for more: Int) -> Double { Double(more) * elapsed / Double(steps) }
}
