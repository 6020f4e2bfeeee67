import Foundation

/// Why a model cannot be built, read or written.
package struct ModelError: LocalizedError, CustomStringConvertible {
    /// The file where there is one, the cause and what to do.
    package let description: String
    /// The same, for Foundation.
    package var errorDescription: String? { description }

    /// Whether a disk is full, so that a later attempt may succeed.
    package let isOutOfSpace: Bool

    package init(_ description: String) { self.init(description, isOutOfSpace: false) }

    init(_ description: String, isOutOfSpace: Bool) {
        (self.description, self.isOutOfSpace) = (description, isOutOfSpace)
    }

    /// Logits are infinite, or no numbers.
    package static let overflow = ModelError(
        "the model's outputs are not numbers: its parameters are damaged, or training diverged")

    /// Puts the file before the cause in errors of `body`, which knows the contents alone.
    static func naming<Result>(_ file: URL, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as ModelError {
            throw ModelError("\(file.path): \(error)")
        }
    }
}
