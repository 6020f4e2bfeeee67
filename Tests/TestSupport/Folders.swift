import Foundation

/// Calls `body` with an empty folder, which is removed afterwards.
package func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
}

/// Calls an asynchronous `body` with an empty folder, which is removed afterwards.
package func withFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
}

/// Replaces the first occurrence of a text in a file; false if there is none.
package func replace(_ old: String, by new: String, in file: URL) throws -> Bool {
    let data = try Data(contentsOf: file)
    guard let range = data.range(of: Data(old.utf8)) else { return false }
    var changed = data
    changed.replaceSubrange(range, with: Data(new.utf8))
    try changed.write(to: file)
    return true
}
