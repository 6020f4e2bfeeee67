import Foundation
import Inference
import Kernels
import Transformer

/// What a decision between two labels can be best at. "Positive" is the second label.
package enum ThresholdMetric: String, CaseIterable, Sendable {
    /// The share of right decisions.
    case accuracy
    /// The mean recall of the labels that occur.
    case balancedAccuracy = "balanced_accuracy"
    /// F1 of the second label.
    case f1
    /// The mean F1 of the labels that occur, as truth or as decision.
    case macroF1 = "macro_f1"
    /// Matthews' correlation.
    case mcc

    /// The value for these numbers of true and false positives and negatives. Ratios whose denominator is 0 count as 0.
    func value(tp: Int, fp: Int, fn: Int, tn: Int) -> Double {
        func ratio(_ numerator: Int, _ denominator: Int) -> Double {
            denominator == 0 ? 0 : Double(numerator) / Double(denominator)
        }
        switch self {
        case .accuracy: return ratio(tp + tn, tp + fp + fn + tn)
        case .balancedAccuracy:
            let labels = (tp + fn > 0 ? 1.0 : 0) + (tn + fp > 0 ? 1 : 0)
            return (ratio(tp, tp + fn) + ratio(tn, tn + fp)) / labels
        case .f1: return ratio(2 * tp, 2 * tp + fp + fn)
        case .macroF1:
            let labels = (tp + fp + fn > 0 ? 1.0 : 0) + (tn + fp + fn > 0 ? 1 : 0)
            return (ratio(2 * tp, 2 * tp + fp + fn) + ratio(2 * tn, 2 * tn + fp + fn)) / labels
        case .mcc:
            let product = [tp + fp, tp + fn, tn + fp, tn + fn].reduce(1.0) { $0 * Double($1).squareRoot() }
            return product == 0 ? 0 : (Double(tp) * Double(tn) - Double(fp) * Double(fn)) / product
        }
    }

    /// The threshold with the best value if texts with p ≥ threshold are taken for positive. Compare in double precision: no Float32
    /// need lie between two probabilities, and a threshold does.
    ///
    /// Between two probabilities that follow each other, all thresholds are equally good: the middle is a candidate, and below the
    /// lowest and above the highest probability the middle between that and 0 or 1; 0.5 is one wherever it lies. Of equally good
    /// candidates the nearest to 0.5 is chosen, and of equally near ones the higher.
    ///
    /// - Parameters:
    ///   - probabilities: of the second label, in 0 … 1; not empty
    ///   - isPositive: whether each text has it
    /// - Complexity: O(*n* log *n*)
    package func bestThreshold(
        positive probabilities: [Float], isPositive: [Bool]
    ) -> (threshold: Double, value: Double) {
        precondition(probabilities.count == isPositive.count && !isPositive.isEmpty, "one truth for each text")
        let ranked = RankedScores(isPositive.count) { (probabilities[$0], isPositive[$0]) }
        let (positives, negatives) = (ranked.positives.count, ranked.negatives.count)
        var candidates: [(threshold: Double, value: Double)] = []
        var (tp, fp) = (0, 0)
        var last: Double?
        func add(above low: Double, upTo high: Double) {
            let threshold = low < 0.5 && high >= 0.5 ? 0.5 : (low + high) / 2
            candidates.append((threshold, value(tp: tp, fp: fp, fn: positives - tp, tn: negatives - fp)))
        }
        ranked.descend { score, positives, negatives in
            // No threshold leaves out texts with a probability of 1.
            if last != nil || score < 1 { add(above: Double(score), upTo: last ?? 1) }
            tp += positives
            fp += negatives
            last = Double(score)
        }
        add(above: 0, upTo: last ?? 1)
        // Values that differ only by rounding are equal.
        let best = candidates.lazy.map(\.value).max()! - 1e-12
        return candidates.lazy.filter { $0.value >= best }.min { abs($0.threshold - 0.5) < abs($1.threshold - 0.5) }!
    }
}

/// A threshold, and what it did to the texts that it was chosen for.
package struct TunedThreshold: Encodable, Sendable {
    /// The name of the metric that it makes largest.
    package let metric: String
    /// As it is for the probabilities that are reported.
    package let threshold: Double
    package let before: Double
    package let after: Double
}

extension ModelFolder {
    /// Chooses the threshold of the settings at which a metric is largest on labelled texts.
    ///
    /// - Throws: ``ModelError`` if the model does not choose one of two labels, or all texts have the same.
    package mutating func tuneThreshold(
        for metric: ThresholdMetric, on computed: LabeledLogits
    ) throws -> TunedThreshold {
        try requireThreshold()
        guard case .one(let labels) = computed.targets else { preconditionFailure("one label for each text") }
        guard Set(labels).count == 2 else {
            throw ModelError("all texts have the same label: no threshold can be chosen by them; give texts of both")
        }
        let before = try Predictions(logits: computed.logits, problemType: .singleLabel, settings)
        // Without the temperature, as the threshold is kept.
        let probabilities = softmax(computed.logits)
        func count(_ label: Int, _ answer: Int) -> Int {
            zip(labels, before).count { $0 == label && $1.labels == [answer] }
        }
        let best = metric.bestThreshold(
            positive: (0..<labels.count).map { probabilities.row($0)[1] }, isPositive: labels.map { $0 == 1 })
        settings.threshold = best.threshold
        return TunedThreshold(
            metric: metric.rawValue, threshold: settings.calibratedThreshold ?? best.threshold,
            before: metric.value(tp: count(1, 1), fp: count(0, 1), fn: count(1, 0), tn: count(0, 0)), after: best.value)
    }

    /// Checks that there can be a threshold.
    ///
    /// - Throws: ``ModelError`` if the model does not choose one of two labels.
    package func requireThreshold() throws {
        let configuration = classifier.configuration
        guard configuration.problemType == .singleLabel && configuration.labels.count == 2 else {
            throw ModelError(
                "a threshold is for models that choose one of two labels; this one has \(configuration.labels.count),"
                    + " and is for \(configuration.problemType.rawValue)")
        }
    }
}

extension InferenceSettings {
    /// The threshold as it is for the probabilities that are reported.
    package var calibratedThreshold: Double? {
        threshold.map { 1 / (1 + exp(-log($0 / (1 - $0)) / temperature)) }
    }
}
