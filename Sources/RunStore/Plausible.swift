/// What numbers that others may have written to the database can be. They are refused where they are read, so that nobody who computes with them has to
/// think of overflow.
enum Plausible {
    private static let mostThings = 1e12

    /// Checks a number of things.
    ///
    /// - Parameter column: what the error names
    static func count(_ value: Int, _ column: String) throws { try count(Double(value), column) }

    /// Checks a number of things, of which there can be a part.
    static func count(_ value: Double, _ column: String) throws { try number(value, column, in: 0...mostThings) }

    static func number(_ value: Double, _ column: String, in range: ClosedRange<Double>) throws {
        guard !range.contains(value) else { return }
        throw RunStoreError("\(column) is \(value) in a row: another program has changed the database")
    }
}

extension Int {
    /// The whole part of a number; of one that is too large to be computed with, the largest that is not.
    package init(clamping value: Double) {
        self = value.isNaN ? 0 : Int(Swift.min(Swift.max(value, -1e15), 1e15))
    }
}
