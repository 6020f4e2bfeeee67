import Kernels

/// What is right for some texts beside what was predicted.
enum PairedTargets {
    /// The id of each text's label.
    case one(actual: [Int], predicted: [Int])
    /// The ids of each text's labels.
    case several(actual: [[Int]], predicted: [[Int]])
}

extension Targets {
    /// What is right beside what was predicted, which is of the same kind and for as many texts; there is at least one.
    func paired(with predicted: Targets) -> PairedTargets {
        precondition(count == predicted.count && count > 0, "one prediction for each text")
        switch (self, predicted) {
        case (.one(let actual), .one(let predicted)): return .one(actual: actual, predicted: predicted)
        case (.several(let actual), .several(let predicted)): return .several(actual: actual, predicted: predicted)
        default: preconditionFailure("targets of another kind than the predictions")
        }
    }

    /// Whether texts can have several labels.
    package var areSeveral: Bool { if case .several = self { true } else { false } }
}
