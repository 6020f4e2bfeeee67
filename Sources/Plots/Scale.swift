import Foundation

/// What a figure measures in one direction.
package struct Axis: Sendable {
    /// The quantity and its unit: `loss (nats)`.
    package let title: String
    /// No value lies beyond, and so the axis does not go there.
    package let limits: ClosedRange<Double>
    /// Whether only whole numbers make sense.
    package let isInteger: Bool
    /// Whether equal distances are equal factors. Values that are not above 0 have no place then.
    package let isLogarithmic: Bool

    package init(
        _ title: String, limits: ClosedRange<Double> = -Double.infinity...Double.infinity, isInteger: Bool = false,
        isLogarithmic: Bool = false
    ) {
        (self.title, self.limits, self.isInteger, self.isLogarithmic) = (title, limits, isInteger, isLogarithmic)
    }

    /// Whether a value has a place.
    func has(_ value: Double) -> Bool { !isLogarithmic || value > 0 }
}

/// The range of an axis, and its ticks at round numbers.
package struct Scale: Sendable {
    /// Of values, or of their logarithms to the base 10.
    package let range: ClosedRange<Double>
    private let isInteger: Bool
    private let isLogarithmic: Bool

    var width: Double { range.upperBound - range.lowerBound }

    /// The range of the values and 3 % more at both ends; if they are all the same, some room around them.
    package init(_ values: some Sequence<Double>, _ axis: Axis) {
        (isInteger, isLogarithmic) = (axis.isInteger, axis.isLogarithmic)
        if axis.isLogarithmic {
            let logarithms = values.filter { $0 > 0 }.map { log10($0) }
            let (low, high) = (logarithms.min() ?? 0, logarithms.max() ?? 1)
            let room = high - low < 1e-9 ? 0.3 : 0.03 * (high - low)
            range = (low - room)...(high + room)
            return
        }
        let (low, high) = (values.min() ?? 0, values.max() ?? 1)
        // Nearer together than that, ticks could not be told apart.
        let isConstant = high - low <= 1e-9 * max(abs(low), abs(high))
        let room = isConstant ? (low == 0 || isInteger ? 0.5 : abs(low) / 10) : 0.03 * (high - low)
        range =
            max(low - room, min(axis.limits.lowerBound, low))...min(high + room, max(axis.limits.upperBound, high))
    }

    /// Where a value lies, from 0 to 1; a value beyond the range lies at its end.
    package func place(_ value: Double) -> Double { (position(value).clamped(to: range) - range.lowerBound) / width }

    private func position(_ value: Double) -> Double { isLogarithmic ? log10(max(value, 1e-300)) : value }

    /// A value that lies far beyond the range, moved nearer: by no more than the range's width beyond it.
    func nearer(_ value: Double) -> Double {
        let reach = (range.lowerBound - width)...(range.upperBound + width)
        return isLogarithmic ? pow(10, position(value).clamped(to: reach)) : value.clamped(to: reach)
    }

    /// The multiples of 1, 2 or 5 times a power of ten in the range, as close together as there is room for, as labels have
    /// them.
    package func ticks(atMost count: Int) -> [(value: Double, label: String)] {
        if isLogarithmic { return logarithmicTicks(atMost: max(count, 1)) }
        var step = pow(10, floor(log10(width / Double(max(count, 1)))))
        if isInteger { step = max(step, 1) }
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

    /// Powers of ten, or where there are fewer than three and there is room, also 2 and 5 times these.
    private func logarithmicTicks(atMost count: Int) -> [(value: Double, label: String)] {
        let (low, high) = (range.lowerBound - 1e-9, range.upperBound + 1e-9)
        func ticks(_ factors: [Int]) -> [(exponent: Int, factor: Int)] {
            (Int(floor(low)) - 1...Int(ceil(high))).flatMap { exponent in factors.map { (exponent, $0) } }
                .filter { (low...high).contains(Double($0.exponent) + log10(Double($0.factor))) }
        }
        let powers = ticks([1])
        let every = max(1, (powers.count + count - 1) / count)
        let fine = powers.count < 3 ? ticks([1, 2, 5]) : []
        let chosen = !fine.isEmpty && fine.count <= count ? fine : powers.filter { $0.exponent % every == 0 }
        return chosen.map { exponent, factor in
            (Double(factor) * pow(10, Double(exponent)), Self.label(factor, exponent))
        }
    }

    private static func label(_ factor: Int, _ exponent: Int) -> String {
        guard (-4...5).contains(exponent) else { return "\(factor)e\(exponent)" }
        let zeros = String(repeating: "0", count: abs(exponent))
        return exponent < 0 ? "0." + zeros.dropFirst() + "\(factor)" : "\(factor)" + zeros
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
