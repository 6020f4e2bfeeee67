import Foundation

/// Why a model cannot be opened or used.
public enum TextClassifierError: LocalizedError, CustomStringConvertible, Sendable, Equatable {
    /// The model folder is missing, damaged, or not of a kind that can be read. The message names the file, the cause and what to
    /// do.
    case cannotOpen(String)
    /// The model has no label of this name.
    case unknownLabel(String, known: [String])
    /// The model's outputs are not numbers: its parameters are damaged.
    case overflow

    /// A sentence for a person.
    public var description: String {
        switch self {
        case .cannotOpen(let message): message
        case .unknownLabel(let name, let known):
            "the model has no label '\(name)'; it has \(known.map { "'\($0)'" }.joined(separator: ", "))"
        case .overflow: "the model's outputs are not numbers: its parameters are damaged"
        }
    }

    /// The same, for Foundation.
    public var errorDescription: String? { description }
}
