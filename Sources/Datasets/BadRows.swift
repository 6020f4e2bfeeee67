/// What becomes of a row that is wrong.
package enum BadRowPolicy: String, CaseIterable, Sendable, Codable {
    /// It is an error.
    case error
    /// It is left out and counted.
    case skip
    /// Of texts that are to be classified: it stays in its place, with what is wrong instead of a text.
    case keep
}

/// The rows that were left out because they are wrong.
package struct BadRows: Sendable {
    private let policy: BadRowPolicy
    /// How many there are.
    package private(set) var count = 0
    /// What is wrong with the first five, with file and line.
    package private(set) var messages: [String] = []

    init(_ policy: BadRowPolicy) { self.policy = policy }

    /// The same policy, and nothing counted.
    var none: BadRows { BadRows(policy) }

    /// Counts a row, or throws the error if rows must not be wrong.
    mutating func add(_ error: DatasetError) throws {
        if policy == .error { throw error }
        count += 1
        if messages.count < 5 { messages.append(error.description) }
    }

    /// Says, where no row is left, that all were wrong; does nothing if none was.
    func requireOthers(_ path: String) throws {
        guard let first = messages.first else { return }
        throw DatasetError(path, "not one row can be used, \(count) are wrong; the first: \(first)")
    }

    /// A sentence about the rows; nil if there are none.
    package func notice(_ path: String) -> String? {
        if count == 0 { return nil }
        let fate = policy == .keep ? "got no answer" : count == 1 ? "was skipped" : "were skipped"
        return "\(path): \(count) bad \(count == 1 ? "row" : "rows") \(fate)"
            + messages.map { "\n  \($0)" }.joined()
            + (count > messages.count ? "\n  …" : "")
    }
}
