import Kernels
import Transformer

/// How much each class counts in the loss.
package enum ClassWeights: HyperparameterValue, Equatable {
    /// All the same.
    case none
    /// The rarer, the more: texts / (classes · texts of the class), as scikit-learn has it.
    case balanced
    /// A weight for each label that is named, and 1 for the others.
    case byLabel([String: Double])

    /// Reads `none`, `balanced` or `label=weight,…`.
    package init?(text: String) {
        switch text {
        case "none": self = .none
        case "balanced": self = .balanced
        default:
            var weights: [String: Double] = [:]
            for entry in text.split(separator: ",", omittingEmptySubsequences: false) {
                // The last sign, because a label can have one.
                guard let sign = entry.lastIndex(of: "="), sign > entry.startIndex,
                    let weight = Double(entry[entry.index(after: sign)...]), weight > 0, weight < 1e6,
                    weights.updateValue(weight, forKey: String(entry[..<sign])) == nil
                else { return nil }
            }
            self = .byLabel(weights)
        }
    }

    package var text: String {
        switch self {
        case .none: "none"
        case .balanced: "balanced"
        case .byLabel(let weights): weights.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: ",")
        }
    }

    /// The weight of each class.
    ///
    /// - Parameters:
    ///   - labels: their names, by id
    ///   - targets: of all training texts
    /// - Returns: one for each label; nil if all count the same
    /// - Throws: ``TrainingError`` if a weight is given for a label that does not exist, or texts can have several labels.
    package func weights(labels: [String], targets: Targets) throws -> [Double]? {
        if self == .none { return nil }
        guard case .one(let targets) = targets else {
            throw TrainingError("--class-weights is for texts with one label each; these can have several")
        }
        switch self {
        case .none: return nil
        case .balanced:
            var counts = [Int](repeating: 0, count: labels.count)
            for target in targets { counts[target] += 1 }
            let classes = counts.count { $0 > 0 }
            return counts.map { $0 == 0 ? 1 : Double(targets.count) / Double(classes * $0) }
        case .byLabel(let weights):
            if let unknown = weights.keys.sorted().first(where: { !labels.contains($0) }) {
                throw TrainingError(
                    "--class-weights: there is no label '\(unknown)'; the labels are \(labels.joined(separator: ", "))")
            }
            return labels.map { weights[$0] ?? 1 }
        }
    }
}
