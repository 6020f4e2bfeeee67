import Foundation
import RunStore
import Statistics

extension Double {
    /// Four digits after the point: enough to tell two runs apart.
    package var figure: String { String(format: "%.4f", self) }

    /// Seconds, for a person: `12.3 s`, `4 min 05 s`.
    package var duration: String {
        self < 60
            ? String(format: "%.1f s", self)
            : String(format: "%d min %02d s", Int(clamping: self) / 60, Int(clamping: self) % 60)
    }

    /// A fraction as percentage points: one digit after the point, two where there would be no other.
    package var points: String {
        let value = 100 * self
        let text = String(format: abs(value) < 0.1 && value != 0 ? "%.2f" : "%.1f", abs(value))
        return (value < 0 && text.contains { $0 != "0" && $0 != "." } ? "−" : "") + text
    }

    /// A fraction as percentage points, with a plus sign if it is positive.
    var signedPoints: String { self > 0 ? "+" + points : points }

    /// A fraction as percentage points, with the digits that a user gave, and the unit.
    var pointsAsGiven: String {
        let text = String(format: "%.10g", 100 * self)
        return "\(text) \(text == "1" ? "point" : "points")"
    }

    /// A probability of chance, with four digits.
    package var pValue: String { self < 0.0001 ? "< 0.0001" : String(format: "%.4f", self) }

    /// A probability of chance, where it speaks against a difference although the interval does not contain 0.
    func reason(tests: Int) -> String {
        "; p \(pValue)" + (tests > 1 ? " after correction for \(tests) tests" : "")
    }
}

extension Interval {
    /// Both ends with four digits.
    var figures: String { "\(low.figure) to \(high.figure)" }

    /// Both ends in percentage points.
    var points: String { "\(low.points) to \(high.points)" }

    /// What is said of the better one of two groups or runs: `b is better by 2.0 points, 95 % interval 1.0 to 3.0`.
    ///
    /// - Parameters:
    ///   - difference: what this is the interval of, B minus A
    ///   - metric: what they differ in
    ///   - names: those of A and B
    func verdict(
        _ difference: Double, by metric: EvaluationMetric = .accuracy, between names: (a: String, b: String)
    ) -> String {
        let (size, interval) = difference > 0 ? (difference, self) : (-difference, Interval(low: -high, high: -low))
        let isB = (difference > 0) != metric.lowerIsBetter
        return "\(isB ? names.b : names.a) is better by \(metric.text(ofDifference: size)), 95 % interval"
            + " \(metric.text(of: interval))"
    }
}

extension EvaluationMetric {
    /// A difference, with its unit if it has one.
    func text(ofDifference difference: Double) -> String {
        isToldInPoints ? "\(difference.points) points" : difference.figure
    }

    /// An interval of differences.
    func text(of interval: Interval) -> String { isToldInPoints ? interval.points : interval.figures }
}

extension Int {
    /// The number with commas between thousands.
    package var grouped: String { formatted(.number.locale(Locale(identifier: "en_US"))) }

    /// Rounded up to two digits.
    var rough: String {
        var unit = 1
        while self / unit >= 100 { unit *= 10 }
        return ((self + unit - 1) / unit * unit).grouped
    }

    /// The number before a noun: `1 thread`, `2 threads`.
    package func of(_ noun: String) -> String { "\(self) \(noun)\(self == 1 ? "" : "s")" }
}

extension String {
    /// A time as the database has it, to the minute.
    var minute: String { prefix(16).replacing("T", with: " ") + " UTC" }

    /// The beginning, if it is longer.
    package func shortened(to length: Int) -> String { count > length ? prefix(length - 1) + "…" : self }
}
