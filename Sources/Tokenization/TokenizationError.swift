import Foundation

/// Why text cannot be tokenized.
package struct TokenizationError: LocalizedError, CustomStringConvertible {
    /// What went wrong, where, and what to do.
    package let description: String
    /// The same, for Foundation.
    package var errorDescription: String? { description }

    init(_ description: String) { self.description = description }
}
