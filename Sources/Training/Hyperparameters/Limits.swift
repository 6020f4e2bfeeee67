import Foundation

/// Which values of a type are allowed.
package struct Limits<Value>: Sendable {
    /// What is wrong with a value, as a sentence about it goes on: "must be at least 1"; nil if it is allowed.
    let problem: @Sendable (Value) -> String?

    /// All values are allowed.
    static var none: Self { Limits { _ in nil } }

    /// What is given has limits; it need not be given.
    static func ifGiven<Given>(_ limits: Limits<Given>) -> Self where Value == Given? {
        Limits { $0.flatMap(limits.problem) }
    }
}

extension Limits where Value: Comparable & Sendable {
    /// Numbers that reach some bounds, or lie beyond others.
    ///
    /// - Parameters:
    ///   - ceiling: so large that nobody means more: it is spoken of only where it is exceeded
    ///   - reason: why it cannot be less
    static func bounds(
        atLeast: Value? = nil, above: Value? = nil, atMost: Value? = nil, below: Value? = nil, ceiling: Value? = nil,
        because reason: String? = nil
    ) -> Self {
        Limits { number in
            if let ceiling, number > ceiling { return "must be at most \(text(ceiling))" }
            let isAllowed =
                (number as? Double)?.isFinite ?? true
                && atLeast.map { number >= $0 } ?? true && above.map { number > $0 } ?? true
                && atMost.map { number <= $0 } ?? true && below.map { number < $0 } ?? true
            if isAllowed { return nil }
            let bounds = [("at least", atLeast), ("above", above), ("at most", atMost), ("below", below)]
            return "must be "
                + bounds.compactMap { word, bound in bound.map { "\(word) \(text($0))" } }.joined(separator: " and ")
                + (reason.map { ": \($0)" } ?? "")
        }
    }

    private static func text(_ number: Value) -> String {
        if let number = number as? Int { return number.formatted() }
        let text = "\(number)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}

extension Limits where Value == Int {
    /// A number of things, and not so many that sums of such numbers could overflow.
    static var count: Self { bounds(atLeast: 1, ceiling: 1_000_000_000) }
}

extension Limits where Value == Double {
    static var positive: Self { bounds(above: 0) }
}
