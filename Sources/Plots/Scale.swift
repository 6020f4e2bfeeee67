import Foundation

/// What a figure measures in one direction.
package struct Axis: Sendable {
    /// The quantity and its unit: `loss (nats)`.
    package let title: String
    /// No value lies beyond, and so the axis does not go there.
    package let limits: ClosedRange<Double>
    /// Whether only whole numbers make sense.
    package let isInteger: Bool
    /// Whether equal distances are equal ratios. What is not above 0 has no place then.
    package let isLogarithmic: Bool

    package init(
        _ title: String, limits: ClosedRange<Double> = -Double.infinity...Double.infinity, isInteger: Bool = false,
        isLogarithmic: Bool = false
    ) {
        (self.title, self.limits, self.isInteger, self.isLogarithmic) = (title, limits, isInteger, isLogarithmic)
    }

    /// Whether a value has a place on the axis.
    func has(_ value: Double) -> Bool { !isLogarithmic || value > 0 }

    /// What distances are measured in: the value or its logarithm. What has no place lies infinitely far below.
    func position(of value: Double) -> Double { isLogarithmic ? log10(max(value, 0)) : value }
}

/// The range of an axis, and its ticks at round numbers.
package struct Scale: Sendable {
    private let axis: Axis
    /// The positions of both ends, which are logarithms where the axis is logarithmic.
    private let span: ClosedRange<Double>

    private var width: Double { span.upperBound - span.lowerBound }

    /// The values at both ends.
    package var range: ClosedRange<Double> { values(at: span) }

    /// The range, and as far again beyond both its ends.
    var reach: ClosedRange<Double> { values(at: (span.lowerBound - width)...(span.upperBound + width)) }

    /// The range of the values that have a place on the axis and 3 % more at both ends; if they are all the same, some room around
    /// them.
    package init(_ values: some Sequence<Double>, _ axis: Axis) {
        self.axis = axis
        let positions = values.lazy.filter(axis.has).map(axis.position)
        let (low, high) = (positions.min() ?? 0, positions.max() ?? 1)
        // Nearer together than that, ticks could not be told apart.
        let isConstant = high - low <= 1e-9 * (axis.isLogarithmic ? 1 : max(abs(low), abs(high)))
        let roomOfOne = axis.isLogarithmic ? log10(2) : low == 0 || axis.isInteger ? 0.5 : abs(low) / 10
        let room = isConstant ? roomOfOne : 0.03 * (high - low)
        let limits = (low: axis.position(of: axis.limits.lowerBound), high: axis.position(of: axis.limits.upperBound))
        span = max(low - room, min(limits.low, low))...min(high + room, max(limits.high, high))
    }

    private func values(at positions: ClosedRange<Double>) -> ClosedRange<Double> {
        axis.isLogarithmic ? pow(10, positions.lowerBound)...pow(10, positions.upperBound) : positions
    }

    /// Where a value lies, from 0 to 1; a value beyond the range lies at its end.
    package func place(_ value: Double) -> Double {
        (axis.position(of: value).clamped(to: span) - span.lowerBound) / width
    }

    /// Round numbers in the range, as close together as there is room for, as labels have them: multiples of 1, 2 or 5 times a
    /// power of ten; of a logarithmic axis those numbers themselves, or powers of ten where it has three or more.
    package func ticks(atMost count: Int) -> [(value: Double, label: String)] {
        (axis.isLogarithmic ? logarithmicTicks(atMost: count) : nil) ?? evenTicks(atMost: count)
    }

    private func evenTicks(atMost count: Int) -> [(value: Double, label: String)] {
        let range = range
        var step = pow(10, floor(log10((range.upperBound - range.lowerBound) / Double(max(count, 1)))))
        // Of the smallest numbers there are, a part is 0.
        step = max(step, axis.isInteger ? 1 : .leastNormalMagnitude)
        func places() -> [Double] {
            // Near zero rounding leaves something like -1e-17.
            let (first, last) = (ceil(range.lowerBound / step - 1e-9), floor(range.upperBound / step + 1e-9))
            return first > last ? [] : stride(from: first, through: last, by: 1).map { $0 == 0 ? 0 : $0 * step }
        }
        for factor in [2, 2.5, 2, 2, 2.5] where places().count > max(count, 1) { step *= factor }
        let values = places()
        let largest = values.lazy.map(abs).max() ?? 0
        return values.map { ($0, Self.label($0, step: step, largest: largest)) }
    }

    /// Nil where the range has not even two of them.
    private func logarithmicTicks(atMost count: Int) -> [(value: Double, label: String)]? {
        let exponents = Int(span.lowerBound.rounded(.down))...Int(span.upperBound.rounded(.up))
        func numbers(_ digits: [Int]) -> [Double] {
            // Read, because a product would be rounded.
            exponents.flatMap { exponent in digits.compactMap { Double("\($0)e\(exponent)") } }
                .filter { span.contains(log10($0)) && (!axis.isInteger || $0 >= 1) }
        }
        func fits(_ ticks: [Double]) -> Bool { ticks.count > 1 && ticks.count <= max(count, 2) }
        let powers = numbers([1])
        let finest = width < 3 ? numbers([1, 2, 5]) : powers
        let thinned = (1...max(powers.count, 1)).lazy.map { step in
            powers.filter { Int(log10($0).rounded()) % step == 0 }
        }
        let ends = [powers.first, powers.last].compactMap { $0 }
        guard let ticks = fits(finest) ? finest : thinned.first(where: fits) ?? (powers.count > 1 ? ends : nil) else {
            return nil
        }
        return ticks.map { ($0, Self.label($0, step: $0, largest: $0)) }
    }

    /// As many digits as tell neighbours apart: `0.25`, `12,000`, `5e-5`.
    private static func label(_ value: Double, step: Double, largest: Double) -> String {
        if value == 0 { return "0" }
        if value < 0 { return "−" + label(-value, step: step, largest: largest) }
        let exponent = Int(floor(log10(step) + 1e-9))
        if largest >= 1e6 || largest < 1e-4 {
            let power = Int(floor(log10(value) + 1e-9))
            return String(format: "%.\(min(max(power - exponent, 0), 15))f", value / pow(10, Double(power)))
                + "e\(power)"
        }
        let text = String(format: "%.\(max(-exponent, 0))f", value)
        return value < 10_000 ? text : Int(value.rounded()).formatted(.number.locale(Locale(identifier: "en_US")))
    }
}

extension Double {
    func clamped(to range: ClosedRange<Double>) -> Double {
        Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}
