import CFileSystem
import Foundation
import Kernels

// The one way in which folders and files are replaced. Whatever happens meanwhile, a full disk, a killed process or a power cut: what stood there
// stands there still, or what was to stand there does, whole.

/// Makes a folder, in place of what stands there.
///
/// `fill` writes to a hidden folder beside it. Once all that is in there is on the disk, the two are exchanged in one step, and the old one is removed.
/// What killed processes have left of earlier attempts is removed first.
///
/// - Throws: what `fill` or the file system says.
package func replaceFolder(at folder: URL, fill: (_ temporary: URL) throws -> Void) throws {
    // Through a link, to what it stands for.
    let folder = folder.resolvingSymlinksInPath()
    try FileManager.default.createDirectory(
        at: folder.deletingLastPathComponent(), withIntermediateDirectories: true)
    let temporary = try HiddenPlace(folderBeside: folder)
    defer { temporary.remove() }
    try fill(temporary.url)
    // Depth first, so that a folder is written after what is in it.
    let contents = FileManager.default.enumerator(at: temporary.url, includingPropertiesForKeys: nil)?.allObjects ?? []
    for case let entry as URL in contents.reversed() { try synchronize(entry) }
    try synchronize(temporary.url)
    try temporary.moveIntoPlace()
}

/// Writes a file, in place of what stands there, whose permissions it takes over.
///
/// - Throws: what the file system says.
package func replaceFile(at file: URL, with contents: Data) throws {
    try replaceFile(at: file) { try $0.write(contentsOf: contents) }
}

/// Writes a file piece by piece, in place of what stands there, whose permissions it takes over.
///
/// - Throws: what `write` or the file system says; an error if a folder, a pipe or a device stands there.
package func replaceFile(at file: URL, write: (FileHandle) throws -> Void) throws {
    let file = file.resolvingSymlinksInPath()
    var status = stat()
    let isThere = stat(file.path, &status) == 0
    if isThere && status.st_mode & S_IFMT != S_IFREG { throw ModelError("it is not an ordinary file.") }
    let temporary = try HiddenPlace(beside: file) { open($0, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666) }
    defer { temporary.remove() }
    let handle = try FileHandle(forWritingTo: temporary.url)
    if isThere { fchmod(handle.fileDescriptor, status.st_mode & 0o777) }
    try write(handle)
    try handle.synchronize()
    try handle.close()
    try temporary.moveIntoPlace()
}

/// Checks that ``replaceFolder(at:fill:)`` could make a folder, and leaves nothing behind.
///
/// - Throws: what is in the way.
func checkReplacing(_ folder: URL) throws {
    let files = FileManager.default
    if let target = try? files.destinationOfSymbolicLink(atPath: folder.path), !files.fileExists(atPath: folder.path) {
        throw ModelError("it is a link to \(target), where nothing is.")
    }
    // Beside the first folder that would be made, so that a training that never begins leaves none behind.
    var first = folder.resolvingSymlinksInPath()
    while first.pathComponents.count > 2 && !files.fileExists(atPath: first.deletingLastPathComponent().path) {
        first.deleteLastPathComponent()
    }
    try HiddenPlace(folderBeside: first).remove()
}

/// Whether a name is that of a hidden file or folder that a killed process may have left in place of another.
package func isLeftover(_ name: String) -> Bool { name.hasPrefix(".") && name.contains(HiddenPlace.mark) }

/// Makes sure that what is written to a file, or which names are in a folder, is on the disk.
package func synchronize(_ place: URL) throws {
    let descriptor = open(place.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw POSIXError.current }
    // EINVAL: there is nothing to be done for such a file or folder.
    let isWritten = fsync(descriptor) == 0 || errno == EINVAL
    let failure = POSIXError.current
    close(descriptor)
    guard isWritten else { throw failure }
}

/// A hidden file or folder beside the one that it is to replace. It is locked as long as its process lives, so that others can tell it from what killed
/// processes have left.
private struct HiddenPlace {
    /// In all such names, and in no others.
    static let mark = ".addnorm-"
    /// At the end of the name of what is being replaced in two steps.
    private static let old = ".old"

    let url: URL
    private let target: URL
    /// Holds the lock.
    private let descriptor: Int32

    /// - Parameter make: makes the file or folder and opens it; -1 if it cannot
    init(beside target: URL, make: (_ path: String) -> Int32) throws {
        self.target = target
        let parent = target.deletingLastPathComponent()
        let prefix = ".\(target.lastPathComponent)\(Self.mark)"
        for name in try FileManager.default.contentsOfDirectory(atPath: parent.path) where name.hasPrefix(prefix) {
            let leftover = parent.appending(path: name)
            // Killed in the middle of ``moveInSteps()``.
            if name.hasSuffix(Self.old) && access(target.path, F_OK) != 0 { rename(leftover.path, target.path) }
            Self.removeUnlocked(leftover)
        }
        while true {
            let url = parent.appending(path: prefix + UUID().uuidString.prefix(8))
            let descriptor = make(url.path)
            guard descriptor >= 0 else { throw POSIXError.current }
            // Another process may have taken it for a leftover just before it was locked. Not every file system has locks.
            let isTaken = flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
            if !isTaken && access(url.path, F_OK) == 0 {
                (self.url, self.descriptor) = (url, descriptor)
                return
            }
            close(descriptor)
        }
    }

    init(folderBeside target: URL) throws {
        try self.init(beside: target) { mkdir($0, 0o777) == 0 ? open($0, O_RDONLY | O_CLOEXEC) : -1 }
    }

    private static func removeUnlocked(_ place: URL) {
        let descriptor = open(place.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { try? FileManager.default.removeItem(at: place) }
    }

    /// Gives what is here the target's name; what had it before is here afterwards.
    func moveIntoPlace() throws {
        let (here, there) = (url.path, target.path)
        if access(there, F_OK) != 0 {
            guard rename(here, there) == 0 else { throw POSIXError.current }
        } else if cfs_exchange(here, there) != 0 {
            guard [EINVAL, ENOSYS, ENOTSUP].contains(errno) else { throw POSIXError.current }
            try moveInSteps()
        }
        try synchronize(target.deletingLastPathComponent())
    }

    /// The same where the file system cannot exchange: for a moment the target is not there.
    private func moveInSteps() throws {
        let old = url.path + Self.old
        guard rename(target.path, old) == 0 else { throw POSIXError.current }
        guard rename(url.path, target.path) == 0 else {
            let failure = POSIXError.current
            rename(old, target.path)
            throw failure
        }
        guard rename(old, url.path) == 0 else { throw POSIXError.current }
    }

    /// Removes what is here, and gives the lock back.
    func remove() {
        // Once more if that fails: it may have been a signal.
        for _ in 0..<2 where access(url.path, F_OK) == 0 { try? FileManager.default.removeItem(at: url) }
        close(descriptor)
    }
}
