/// What a model's answers are judged by: the best epoch is chosen by it, and runs are compared by it.
package enum EvaluationMetric: Sendable, Equatable, Hashable {
    case accuracy
    case macroF1
    case weightedF1
    /// The F1 of one label.
    case f1(of: String)
    /// Matthews' correlation of actual and predicted labels.
    case mcc
    /// The area under the ROC curve.
    case rocAuc
    /// The mean cross-entropy.
    case logLoss
    /// Of numbers: the mean squared error, the mean absolute error, and the correlations of Pearson and of Spearman.
    case mse, mae, pearson, spearman

    /// What it is where nobody has said.
    package static let usual = macroF1
    /// What it is of numbers, where nobody has said.
    package static let usualOfNumbers = mse
    /// Those of numbers, in the order that regressions' figures have; the others are of labels.
    package static let ofNumbers: [Self] = [.mse, .mae, .pearson, .spearman]

    /// Those without a label.
    private static let named: [String: Self] = [
        "accuracy": .accuracy, "macro_f1": .macroF1, "weighted_f1": .weightedF1, "mcc": .mcc, "roc_auc": .rocAuc,
        "log_loss": .logLoss, "loss": .logLoss, "mse": .mse, "mae": .mae, "pearson": .pearson, "spearman": .spearman,
    ]

    /// Reads `accuracy`, `macro_f1`, `weighted_f1`, `f1:LABEL`, `mcc`, `roc_auc`, `log_loss`, `mse`, `mae`, `pearson` or `spearman`.
    package init?(text: String) {
        if let metric = Self.named[text.replacing("-", with: "_")] {
            self = metric
        } else if text.hasPrefix("f1:"), text.count > 3 {
            self = .f1(of: String(text.dropFirst(3)))
        } else {
            return nil
        }
    }

    /// As a user writes it.
    package var text: String { self == .logLoss ? "log_loss" : name }

    /// What metrics of this kind are called in the table `metrics`.
    package var name: String {
        switch self {
        case .accuracy: "accuracy"
        case .macroF1: "macro_f1"
        case .weightedF1: "weighted_f1"
        case .f1(let label): "f1:\(label)"
        case .mcc: "mcc"
        case .rocAuc: "roc_auc"
        case .logLoss: "loss"
        case .mse: "mse"
        case .mae: "mae"
        case .pearson: "pearson"
        case .spearman: "spearman"
        }
    }

    /// As a sentence has it.
    package var words: String {
        switch self {
        case .accuracy: "accuracy"
        case .macroF1: "macro F1"
        case .weightedF1: "weighted F1"
        case .f1(let label): "F1 of '\(label)'"
        case .mcc: "MCC"
        case .rocAuc: "ROC AUC"
        case .logLoss: "log loss"
        case .mse: "mean squared error"
        case .mae: "mean absolute error"
        case .pearson: "Pearson"
        case .spearman: "Spearman"
        }
    }

    package var lowerIsBetter: Bool { [.logLoss, .mse, .mae].contains(self) }

    /// Whether it is a share, or a correlation of labels, whose differences are told in percentage points.
    package var isToldInPoints: Bool { self != .logLoss && !Self.ofNumbers.contains(self) }

    /// A value such that the higher one is the better; what is no number is worse than all that are.
    package func merit(_ value: Double?) -> Double {
        guard let value, !value.isNaN else { return -.infinity }
        return lowerIsBetter ? -value : value
    }
}

extension EvaluationMetric: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try String(from: decoder)
        guard let metric = EvaluationMetric(text: text) else {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "no metric"))
        }
        self = metric
    }

    package func encode(to encoder: any Encoder) throws { try text.encode(to: encoder) }
}
