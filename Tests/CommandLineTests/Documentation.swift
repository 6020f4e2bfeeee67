import Foundation

/// README.md and the pages of docs/, whose examples the tests run.
enum Documentation {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// All blocks of code in this language.
    static func blocks(of language: String) throws -> [String] {
        let docs = root.appending(path: "docs")
        let pages = try FileManager.default.contentsOfDirectory(atPath: docs.path).filter { $0.hasSuffix(".md") }
            .sorted()
        return try ([root.appending(path: "README.md")] + pages.map { docs.appending(path: $0) }).flatMap { page in
            // Every second piece is between two fences.
            let pieces = try String(contentsOf: page, encoding: .utf8).split(
                separator: "```", omittingEmptySubsequences: false)
            return pieces.indices.filter { $0 % 2 == 1 && pieces[$0].hasPrefix(language + "\n") }
                .map { String(pieces[$0].dropFirst(language.count + 1)) }
        }
    }
}
