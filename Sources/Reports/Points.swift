import Foundation
import Statistics

extension Double {
    /// A fraction as percentage points: one digit after the point, two where there would be no other.
    package var points: String {
        let value = 100 * self
        let text = String(format: abs(value) < 0.1 && value != 0 ? "%.2f" : "%.1f", abs(value))
        return (value < 0 && text.contains { $0 != "0" && $0 != "." } ? "−" : "") + text
    }

    /// The same with the digits that a user gave, and the unit.
    var pointsAsGiven: String {
        let text = String(format: "%.10g", 100 * self)
        return "\(text) \(text == "1" ? "point" : "points")"
    }

    /// A probability of chance, with four digits.
    package var pValue: String { self < 0.0001 ? "< 0.0001" : String(format: "%.4f", self) }

    /// Such a probability, as what speaks against a difference whose interval does not contain 0.
    func reason(tests: Int) -> String {
        "; p \(pValue)" + (tests > 1 ? " after correction for \(tests) tests" : "")
    }
}

extension Interval {
    /// In percentage points.
    package var points: String { "\(low.points) to \(high.points)" }

    var negated: Interval { Interval(low: -high, high: -low) }
}

extension Int {
    /// Rounded up to two digits.
    var rough: String {
        var unit = 1
        while self / unit >= 100 { unit *= 10 }
        return ((self + unit - 1) / unit * unit).formatted()
    }
}
