/// What a model reads at once: a text, or two that are read together, as a premise and a hypothesis are, or a question and its answer.
package struct Text: Sendable, Hashable, ExpressibleByStringLiteral {
    package let first: String
    /// Nil: there is only one.
    package let second: String?
    /// Whether of two that are too long the first alone is cut off; else the longer one is, first.
    package let keepsSecond: Bool

    package init(_ first: String, _ second: String? = nil, keepsSecond: Bool = false) {
        (self.first, self.second, self.keepsSecond) = (first, second, keepsSecond)
    }

    package init(stringLiteral text: String) { self.init(text) }

    /// One or two.
    package var parts: [String] { [first] + (second.map { [$0] } ?? []) }
    /// All as one, where they are shown or compared; empty if they are.
    package var joined: String {
        guard let second else { return first }
        return size == 0 ? "" : first + Self.separator + second
    }
    static let separator = " | "
    /// The bytes of all, as UTF-8.
    package var size: Int { first.utf8.count + (second?.utf8.count ?? 0) }
}
