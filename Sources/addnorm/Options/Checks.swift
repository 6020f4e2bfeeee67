import Escaping
import ArgumentParser
import Foundation

/// Checks a number of things: at least one, and not so many that sums of such numbers could overflow.
func requirePositive(_ value: Int?, _ option: String, atMost most: Int = 1_000_000_000) throws {
    guard let value else { return }
    if value < 1 { throw ValidationError("\(option) must be at least 1.") }
    if value > most { throw ValidationError("\(option) must be at most \(most.formatted()).") }
}

/// Checks a name for a run.
func requireRunName(_ name: String, _ option: String) throws {
    // A number however it is written, so that nobody takes it for an id.
    if name.isEmpty || Int(name) != nil || name.allSatisfy(\.isNumber) {
        throw ValidationError("\(option) must not be empty or a number, or it could be taken for a run's id.")
    }
    if name.hasPrefix("-") || name != name.trimmingCharacters(in: .whitespaces) {
        throw ValidationError(
            "\(option) must not begin with '-', which begins an option, nor begin or end with a blank.")
    }
    if name != name.printable { throw ValidationError("\(option) must not contain control characters.") }
}
