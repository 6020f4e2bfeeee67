import ArgumentParser
import Escaping
import Foundation
import RunStore

// What a shell asks for while a command is typed. Whatever goes wrong, it gets no names and no message.

extension CompletionKind {
    /// Names in the database that the command line names so far.
    static let runs = names(of: .runs)
    static let tags = names(of: .tags)
    static let projects = names(of: .projects)
    static let metrics = names(of: .metrics)
    static let parameters = names(of: .parameters)

    private static func names(of kind: RunStore.Named) -> CompletionKind {
        .custom { words, _, _ in
            guard let path = database(in: words) else { return [] }
            return RunStore.names(of: kind, path: path).map(quoted)
        }
    }

    /// The file of `--db`, else of the environment, as the program itself would choose it.
    private static func database(in words: [String]) -> String? {
        var arguments: [String] = []
        if let index = words.lastIndex(where: { $0 == "--db" || $0.hasPrefix("--db=") }) {
            // Bash makes three words of --db=FILE.
            let rest = words[(index + 1)...].first { $0 != "=" }
            let value = words[index] == "--db" ? rest ?? "" : String(words[index].dropFirst("--db=".count))
            arguments = ["--db", unquoted(value)]
        }
        return try? DatabaseOptions.parse(arguments).path
    }

    /// A word as its shell would read it, but for variables.
    private static func unquoted(_ word: String) -> String {
        var result = String.UnicodeScalarView()
        var quote: Unicode.Scalar?
        var isEscaped = false
        for character in word.unicodeScalars {
            if isEscaped {
                result.append(character)
                isEscaped = false
            } else if character == "\\" && quote != "'" {
                isEscaped = true
            } else if character == quote {
                quote = nil
            } else if quote == nil && (character == "'" || character == "\"") {
                quote = character
            } else {
                result.append(character)
            }
        }
        return word.hasPrefix("~/") ? NSHomeDirectory() + String(result.dropFirst()) : String(result)
    }

    /// A name as the shell that asks takes it literally.
    private static func quoted(_ name: String) -> String {
        switch CompletionShell.requesting {
        // Bash expands completions as it expands the words of a command, and a name could contain a command.
        case .bash: name.shellLiteral
        case .zsh: name.zshCompletion
        default: name
        }
    }
}
