import Foundation
import Kernels
import Training

/// Values that a hyper-parameter may have in a search.
package struct SearchDimension: Sendable, Equatable {
    private enum Values: Equatable {
        case choices([String])
        /// Equally probable in each decade where the ends are far apart, else everywhere.
        case range(ClosedRange<Double>, isWhole: Bool)
    }

    /// The name of the hyper-parameter: `learning_rate`.
    package let name: String
    private let values: Values

    /// Reads what a user writes: `learning-rate=1e-5..5e-4` or `epochs=2,3,4`.
    package init?(text: String) {
        guard let sign = text.firstIndex(of: "=") else { return nil }
        name = String(text[..<sign].replacing("-", with: "_"))
        let values = String(text[text.index(after: sign)...])
        let ends = values.components(separatedBy: "..")
        if ends.count == 2 {
            guard let low = Double(ends[0]), let high = Double(ends[1]), low < high, high.isFinite else { return nil }
            self.values = .range(low...high, isWhole: ends.allSatisfy { Int($0) != nil })
        } else {
            let choices = values.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            guard !choices.isEmpty else { return nil }
            self.values = .choices(choices)
        }
    }

    /// A random value, as text.
    func value(using random: inout RandomNumbers) -> String {
        switch values {
        case .choices(let choices): return choices.randomElement(using: &random) ?? ""
        case .range(let range, let isWhole):
            let (low, high) = (range.lowerBound, range.upperBound)
            let share = Double.random(in: 0...1, using: &random)
            let isLogarithmic = low > 0 && high / low >= 10
            let value = isLogarithmic ? exp(log(low) + share * (log(high) - log(low))) : low + share * (high - low)
            return isWhole ? "\(Int(value.rounded()))" : String(format: "%.3g", value)
        }
    }

    /// What is varied where nothing else is said: what most often pays; of numbers, no weights of classes.
    package static func usual(for hyperparameters: Hyperparameters) -> [SearchDimension] {
        let texts =
            switch hyperparameters.kind {
            case .fineTuning:
                [
                    "learning-rate=2e-5..5e-4", "epochs=2,3,4,5", "layer-decay=0.7..1", "batch-size=16,32",
                    "pooling=cls,mean",
                    "dropout=0,0.1,0.2", "class-weights=none,balanced",
                ]
            case .lora:
                [
                    "learning-rate=5e-4..5e-3", "epochs=2,3,4,5", "lora-rank=4,8,16", "lora-targets=query,all",
                    "batch-size=16,32",
                ]
            case .headOnly:
                ["learning-rate=1e-3..5e-2", "epochs=20,40,80", "pooling=cls,mean", "class-weights=none,balanced"]
            case .newModel:
                [
                    "learning-rate=3e-5..1e-3", "epochs=2,4,6,8", "batch-size=16,32,64", "dropout=0.1,0.2,0.3,0.4",
                    "class-weights=none,balanced",
                ]
            case .encoderAlone:
                [
                    "learning-rate=2e-4..3e-3", "epochs=6,8,10,14", "batch-size=16,32,64", "dropout=0.1,0.2,0.3,0.4",
                    "class-weights=none,balanced",
                ]
            }
        return texts.compactMap(SearchDimension.init).filter {
            hyperparameters.problemType != .regression || $0.name != Hyperparameters.declared.classWeights.name
        }
    }
}
