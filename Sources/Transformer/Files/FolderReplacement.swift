import Foundation

/// Makes a folder whole or not at all: `fill` writes to a temporary folder beside it, which is renamed at the end. What stood
/// at `folder` before is removed, and is put back if anything fails.
///
/// - Throws: what `fill` or the file system says; nothing is left behind then.
package func replaceFolder(at folder: URL, fill: (_ temporary: URL) throws -> Void) throws {
    let files = FileManager.default
    // Through a link, to what it stands for.
    let folder = folder.resolvingSymlinksInPath()
    let temporary = temporaryFolder(beside: folder)
    defer { try? files.removeItem(at: temporary) }
    try files.createDirectory(at: temporary, withIntermediateDirectories: true)
    try fill(temporary)
    guard files.fileExists(atPath: folder.path) else { return try files.moveItem(at: temporary, to: folder) }
    let old = temporaryFolder(beside: folder)
    try files.moveItem(at: folder, to: old)
    do {
        try files.moveItem(at: temporary, to: folder)
    } catch {
        try? files.moveItem(at: old, to: folder)
        throw error
    }
    try? files.removeItem(at: old)
}

/// Checks that ``replaceFolder(at:fill:)`` could make a folder, and leaves nothing behind.
///
/// - Throws: what the file system says.
func tryReplacingFolder(at folder: URL) throws {
    let files = FileManager.default
    // Where the first folder would be made, so that a training that never begins leaves no folders behind.
    var first = folder.standardizedFileURL
    while first.pathComponents.count > 2 && !files.fileExists(atPath: first.deletingLastPathComponent().path) {
        first.deleteLastPathComponent()
    }
    let probe = temporaryFolder(beside: first)
    try files.createDirectory(at: probe, withIntermediateDirectories: false)
    try files.removeItem(at: probe)
}

/// A hidden name beside `folder` that nothing else has.
private func temporaryFolder(beside folder: URL) -> URL {
    let folder = folder.standardizedFileURL
    let name = ".\(folder.lastPathComponent).\(UUID().uuidString.prefix(8))"
    return folder.deletingLastPathComponent().appending(path: name)
}
