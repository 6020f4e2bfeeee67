import RunStore
import Tokenization
import Transformer

/// A value of a hyper-parameter: the command line, the database and checkpoints have it as text.
package protocol HyperparameterValue: Sendable {
    /// Reads what ``text`` has written, or a user.
    init?(text: String)
    var text: String { get }
    /// The texts of all values, if these are few; else empty.
    static var choices: [String] { get }
    /// Whether there can be no value, which is written `none`.
    static var isOptional: Bool { get }
}

extension HyperparameterValue {
    package static var choices: [String] { [] }
    package static var isOptional: Bool { false }
}

extension HyperparameterValue where Self: LosslessStringConvertible {
    package init?(text: String) { self.init(text) }
    package var text: String { description }
}

extension HyperparameterValue where Self: RawRepresentable & CaseIterable, RawValue == String {
    package init?(text: String) { self.init(rawValue: text) }
    package var text: String { rawValue }
    package static var choices: [String] { allCases.map(\.rawValue) }
}

extension Bool: HyperparameterValue {}
extension Int: HyperparameterValue {}
extension UInt64: HyperparameterValue {}
extension Double: HyperparameterValue {}
extension AddNormVariant.Norm: HyperparameterValue {}
extension AddNormVariant.Placement: HyperparameterValue {}
extension AddNormVariant.Residual: HyperparameterValue {}
extension Configuration.Pooling: HyperparameterValue {}
extension Configuration.ProblemType: HyperparameterValue {}
extension LongTexts.Method: HyperparameterValue {}
extension Precision: HyperparameterValue {}
extension SubwordKind: HyperparameterValue {}
extension EvaluationMetric: HyperparameterValue {}

extension Optional: HyperparameterValue where Wrapped: HyperparameterValue {
    package init?(text: String) {
        if text == "none" {
            self = .none
        } else if let value = Wrapped(text: text) {
            self = value
        } else {
            return nil
        }
    }

    package var text: String { self?.text ?? "none" }
    package static var choices: [String] { Wrapped.choices }
    package static var isOptional: Bool { true }
}
