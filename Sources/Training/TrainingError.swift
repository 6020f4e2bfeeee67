import Foundation

/// Why a training cannot begin or go on.
package struct TrainingError: LocalizedError, CustomStringConvertible {
    /// The cause and what to do.
    package let description: String
    /// The same, for Foundation.
    package var errorDescription: String? { description }

    package init(_ description: String) { self.description = description }
}
