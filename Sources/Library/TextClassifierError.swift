import Foundation

/// Why a model cannot be opened or used.
public enum TextClassifierError: LocalizedError, CustomStringConvertible, Sendable, Equatable {
    /// The model folder is missing, damaged, or not of a kind that can be read. The message names the file, the cause and what to
    /// do.
    case cannotOpen(String)
    /// The model has no label of this name.
    case unknownLabel(String, known: [String])
    /// The model cannot do what it was asked: its parameters are damaged, or there is no room for the results. The message says
    /// which.
    case cannotRun(String)

    /// A sentence for a person.
    public var description: String {
        switch self {
        case .cannotOpen(let message), .cannotRun(let message): message
        case .unknownLabel(let name, let known):
            "the model has no label '\(name)'; it has \(known.map { "'\($0)'" }.joined(separator: ", "))"
        }
    }

    /// The same, for Foundation.
    public var errorDescription: String? { description }
}
