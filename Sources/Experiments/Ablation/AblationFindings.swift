import Foundation
import Statistics
import Transformer

/// What an ablation's figures say, in sentences. Each has a condition under which it is said, another under which its opposite is, and is left out
/// where neither is met.
package struct AblationFindings: Sendable {
    private let results: AblationResults

    package init(_ results: AblationResults) { self.results = results }

    // MARK: Signals

    /// Of what passes through the layers, in the deepest models.
    package var ofSignals: [String] {
        guard let depth = results.signals.map(\.depth).max(), depth > 2 else { return [] }
        let signals = results.signals.filter { $0.depth == depth }
        let withResidual = signals.filter { $0.variant.residual != .off }
        let without = signals.filter { $0.variant.residual == .off }
        var sentences: [String] = []
        for one in without {
            let cosine = one.layers[depth - 1].cosine
            let name = "Without the residual connection (\(one.variant))"
            let counterpart = withResidual.first {
                $0.variant == AddNormVariant(one.variant.norm, one.variant.placement, .on)
            }
            let other =
                counterpart.map { " With it (\($0.variant)), it is \(Self.text($0.layers[depth - 1].cosine))." } ?? ""
            if cosine > 0.99 {
                sentences.append(
                    "\(name) the tokens of a text become one: the mean cosine between them is \(Self.text(cosine)) after"
                        + " \(depth) layers, and above 0.99 from layer \(one.layers.collapse) on.\(other)")
            } else {
                sentences.append(
                    "\(name) the tokens of a text stay apart: the mean cosine between them is \(Self.text(cosine)) after \(depth) layers.\(other)"
                )
            }
            let ratio = one.firstToLast
            if ratio < 0.01 || ratio > 100 {
                sentences.append(
                    "\(name) the gradient of layer 1 is \(Self.text(ratio < 1 ? 1 / ratio : ratio)) times as \(ratio < 1 ? "small" : "large") as that of layer \(depth)."
                )
            } else if ratio.isFinite {
                sentences.append(
                    "\(name) the gradient of layer 1 is \(Self.text(ratio)) times that of layer \(depth): it neither vanishes nor explodes."
                )
            }
        }
        if let collapsed = Self.list(
            withResidual.filter { $0.layers[depth - 1].cosine > 0.99 }.map(\.variant.description))
        {
            sentences.append(
                "A residual connection alone does not keep tokens apart: after \(depth) layers, their mean cosine is above 0.99 with \(collapsed), too."
            )
        }
        for one in signals where one.variant == AddNormVariant(.none) {
            if !one.growth.isFinite || one.growth > 100 {
                let size = one.growth.isFinite ? "becomes \(Self.text(one.growth)) times as large" : "overflows"
                sentences.append(
                    "Without a norm (none) hidden states grow from layer to layer: their variance \(size).")
            } else {
                sentences.append(
                    "Without a norm (none) hidden states stay in range: their variance becomes \(Self.text(one.growth)) times as large."
                )
            }
        }
        if let post = signals.first(where: { $0.variant == AddNormVariant() }) {
            let norms = post.layers.map(\.gradientNorm)
            let place = (norms.indices.max { norms[$0] < norms[$1] } ?? 0) + 1
            let isNearOutput = place > depth - max(1, depth / 6)
            let size = "\(Self.text(norms[0])) in layer 1, \(Self.text(norms[depth - 1])) in layer \(depth)"
            sentences.append(
                isNearOutput
                    ? "With post-norm, the gradient is largest near the output (\(size), largest in layer \(place))."
                    : "With post-norm, the gradient is not largest near the output here, as is often said: \(size), largest in layer \(place)."
            )
        }
        if let pre = signals.first(where: { $0.variant == AddNormVariant(.layerNorm, .pre) }) {
            sentences.append(
                pre.growth > 2
                    ? "With pre-norm, hidden states grow with depth: their variance is \(Self.text(pre.growth)) times as large after \(depth) layers as after one."
                    : "With pre-norm, hidden states do not grow with depth here: their variance becomes \(Self.text(pre.growth)) times as large."
            )
        }
        return sentences
    }

    // MARK: Range

    /// The highest learning rate at which a form has trained, with so many layers and such a warm-up; nil if at none.
    package func highestRate(_ variant: AddNormVariant, depth: Int, warmup: Double) -> Double? {
        results.range.filter {
            $0.cell.variant == variant && $0.cell.depth == depth && $0.cell.warmupRatio == warmup
                && $0.outcome == .trained
        }.map(\.cell.learningRate).max()
    }

    private var rangeDepths: [Int] { Set(results.range.map(\.cell.depth)).sorted() }
    private var warmups: [Double] { Set(results.range.map(\.cell.warmupRatio)).sorted() }

    /// Of the learning rates at which training works.
    package var ofRange: [String] {
        guard let deepest = rangeDepths.last, !results.range.isEmpty else { return [] }
        var sentences: [String] = []
        for variant in results.request.variants {
            for whole in counterparts(of: variant) {
                if let sentence = compare(variant, with: whole) { sentences.append(sentence) }
            }
        }
        for variant in results.request.variants {
            if let sentence = warmUp(variant) { sentences.append(sentence) }
        }
        let trained = results.request.variants.filter { variant in
            warmups.contains { highestRate(variant, depth: deepest, warmup: $0) != nil }
        }
        let failed = results.request.variants.filter { !trained.contains($0) }
        if let names = Self.list(trained.map(\.description)) {
            sentences.append(
                "With \(deepest) layers, \(names) \(trained.count == 1 ? "trains" : "train") at one learning rate or more."
            )
        }
        if let names = Self.list(failed.map(\.description)) {
            sentences.append(
                "With \(deepest) layers, \(names) \(failed.count == 1 ? "trains" : "train") at none of those that were tried."
            )
        }
        return sentences
    }

    /// The forms that have what this one lacks: a residual connection, or a norm.
    private func counterparts(of variant: AddNormVariant) -> [AddNormVariant] {
        let whole =
            variant.residual == .off
            ? [AddNormVariant(variant.norm, variant.placement, .on)]
            : variant == AddNormVariant(.none) ? [AddNormVariant(), AddNormVariant(.layerNorm, .pre)] : []
        return whole.filter(results.request.variants.contains)
    }

    /// In how many pairs of depth and warm-up a form trains up to a lower rate than another.
    private func compare(_ variant: AddNormVariant, with reference: AddNormVariant) -> String? {
        var (lower, higher, same) = (0, 0, 0)
        for depth in rangeDepths {
            for warmup in warmups {
                let (one, other) = (
                    highestRate(variant, depth: depth, warmup: warmup) ?? 0,
                    highestRate(reference, depth: depth, warmup: warmup) ?? 0
                )
                if one < other { lower += 1 } else if one > other { higher += 1 } else { same += 1 }
            }
        }
        let lacks = variant.residual == .off ? "the residual connection" : "a norm"
        let cases = lower + higher + same
        if lower > 0 && higher == 0 {
            return
                "Without \(lacks) (\(variant)), the highest learning rate that still trains is lower than with \(reference) in \(lower) of \(cases) cases, and never higher."
        }
        if higher > 0 && lower == 0 {
            return
                "Without \(lacks) (\(variant)), the highest learning rate that still trains is not lower than with \(reference): it is higher in \(higher) of \(cases) cases."
        }
        return nil
    }

    /// What warm-up does for a form.
    private func warmUp(_ variant: AddNormVariant) -> String? {
        guard let without = warmups.first, without == 0, let with = warmups.last, with > 0 else { return nil }
        let pairs = rangeDepths.map { depth in
            (
                without: highestRate(variant, depth: depth, warmup: without) ?? 0,
                with: highestRate(variant, depth: depth, warmup: with) ?? 0
            )
        }
        if pairs.allSatisfy({ $0.with == 0 && $0.without == 0 }) { return nil }
        let (raised, lowered) = (pairs.count { $0.with > $0.without }, pairs.count { $0.with < $0.without })
        if raised > 0 && lowered == 0 {
            return
                "Warm-up raises the highest learning rate of \(variant) with \(raised) of \(pairs.count) depths."
        }
        return raised == 0
            ? "\(variant) does not need warm-up: its highest learning rate is no higher with it, at any depth." : nil
    }

    // MARK: Results

    /// A form's dev accuracies with some seeds, beside those of the first form.
    package struct Comparison: Sendable {
        package let variant: AddNormVariant
        package let depth: Int
        package let accuracy: MeanInterval
        package let test: WelchTest?
        /// After Holm's correction for all comparisons.
        package fileprivate(set) var p: Double?

        init(_ variant: AddNormVariant, depth: Int, accuracy: MeanInterval, test: WelchTest?) {
            (self.variant, self.depth, self.accuracy, self.test, p) = (variant, depth, accuracy, test, test?.p)
        }
    }

    /// All forms at all depths.
    package var comparisons: [Comparison] {
        func accuracies(_ variant: AddNormVariant, _ depth: Int) -> [Double] {
            results.results.filter { $0.cell.variant == variant && $0.cell.depth == depth }.map { $0.accuracy ?? 0 }
        }
        let reference = results.request.variants[0]
        var comparisons: [Comparison] = []
        for depth in Set(results.results.map(\.cell.depth)).sorted() {
            let base = accuracies(reference, depth)
            for variant in results.request.variants {
                let values = accuracies(variant, depth)
                if values.isEmpty { continue }
                let mean = MeanInterval(values, limits: 0...1)
                let test =
                    variant == reference || base.isEmpty ? nil : WelchTest(MeanInterval(base, limits: 0...1), mean)
                comparisons.append(Comparison(variant, depth: depth, accuracy: mean, test: test))
            }
        }
        let tested = comparisons.indices.filter { comparisons[$0].p != nil }
        for (place, p) in zip(tested, holm(tested.compactMap { comparisons[$0].p })) { comparisons[place].p = p }
        return comparisons
    }

    /// Of how well they train.
    package var ofResults: [String] {
        let reference = results.request.variants[0]
        let comparisons = comparisons
        return Set(comparisons.map(\.depth)).sorted().flatMap { depth -> [String] in
            let here = comparisons.filter { $0.depth == depth && $0.test != nil }
            func isDecided(_ one: Comparison) -> Bool { one.p.map { $0 < 0.05 } ?? false }
            func names(_ isWanted: (Double) -> Bool) -> String? {
                Self.list(
                    here.filter { isDecided($0) && isWanted($0.test?.difference ?? 0) }.map { one in
                        "\(one.variant) (by \(Self.points(one.test?.difference ?? 0)) points, p \(Self.text(one.p ?? 1)))"
                    })
            }
            var sentences: [String] = []
            if let better = names({ $0 > 0 }) {
                sentences.append("With \(depth) layers, better than \(reference): \(better).")
            }
            if let worse = names({ $0 < 0 }) {
                sentences.append("With \(depth) layers, worse than \(reference): \(worse).")
            }
            if sentences.isEmpty && !here.isEmpty {
                sentences.append("With \(depth) layers, no form is shown to be better or worse than \(reference).")
            }
            return sentences
        }
    }

    // MARK: Words

    static func text(_ value: Double) -> String {
        if !value.isFinite { return "overflow" }
        return value >= 1000 && value < 1e6 ? "\(Int(value.rounded()))" : String(format: "%.3g", value)
    }

    static func points(_ difference: Double) -> String { String(format: "%.1f", 100 * abs(difference)) }

    /// `a`, `a and b`, `a, b and c`; nil for none.
    static func list(_ words: [String]) -> String? {
        guard let last = words.last else { return nil }
        return words.count == 1 ? last : words.dropLast().joined(separator: ", ") + " and " + last
    }
}

extension [LayerSignal] {
    /// The number of the first layer from which on the mean cosine stays above 0.99.
    fileprivate var collapse: Int {
        lastIndex { $0.cosine <= 0.99 }.map { $0 + 2 } ?? 1
    }
}
