/// What is there, or not.
package enum Switch: String, Sendable, CaseIterable, HyperparameterValue {
    case on, off
}
