/// What becomes of a step whose loss or gradients are not finite.
package enum NonFiniteSteps: String, HyperparameterValue, CaseIterable {
    /// The training ends.
    case stop
    /// The step is left out; the next one has another learning rate and another batch.
    case skip = "skip-step"
}
