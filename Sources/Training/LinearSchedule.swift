/// The learning rate of each step: a linear rise, then a linear fall that would reach 0 one step after the last.
package struct LinearSchedule {
    let peak: Double
    let warmupSteps: Int
    package let totalSteps: Int

    init(peak: Double, warmupRatio: Double, totalSteps: Int) {
        self.peak = peak
        self.totalSteps = totalSteps
        warmupSteps = Int((warmupRatio * Double(totalSteps)).rounded(.up))
    }

    /// - Parameter step: counted from 0
    package func rate(at step: Int) -> Double {
        if step < warmupSteps { return peak * Double(step + 1) / Double(warmupSteps) }
        return peak * Double(totalSteps - step) / Double(max(totalSteps - warmupSteps, 1))
    }
}
