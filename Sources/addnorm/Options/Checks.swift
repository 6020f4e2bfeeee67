import Escaping
import ArgumentParser
import Foundation

/// Checks a number of things: at least one, and not so many that sums of such numbers could overflow.
func requirePositive(_ value: Int?, _ option: String, atMost most: Int = 1_000_000_000) throws {
    guard let value else { return }
    if value < 1 { throw ValidationError("\(option) must be at least 1.") }
    if value > most { throw ValidationError("\(option) must be at most \(most.formatted()).") }
}

/// Checks a margin of `--equivalent-within`, in percentage points.
func requireMargin(_ points: Double?) throws {
    guard let points, !(points > 0 && points <= 100) else { return }
    throw ValidationError("--equivalent-within must be more than 0 and at most 100 points.")
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

/// The options that can be given several times.
private let repeatableOptions: Set<Substring> = [
    "--train", "--unlabelled", "--text", "--text-pair", "--query", "--text-column", "--label-map", "--tag",
    "--group-by", "--vary",
]

/// Refuses other options that are given twice: all but one would be ignored.
func requireOptionsOnce(_ arguments: [String]) throws {
    // What a shell asks for has words of the user among them.
    if arguments.first?.hasPrefix("---") == true { return }
    var given: Set<Substring> = []
    for argument in arguments.prefix(while: { $0 != "--" }) where argument.hasPrefix("--") {
        let option = argument.prefix { $0 != "=" }
        if !given.insert(option).inserted && !repeatableOptions.contains(option) {
            throw ValidationError("\(option) is given twice.")
        }
    }
}

/// The option that an unknown one may stand for: that which begins so, or whose words begin with its letters.
///
/// - Parameter options: the known ones
func optionMeant(by unknown: String, among options: [String]) -> String? {
    options.first { $0.hasPrefix(unknown) }
        ?? options.first { option in
            option.dropFirst(2).split(separator: "-").map { $0.prefix(1) }.joined() == unknown.dropFirst(2)
        }
}
