import Datasets
import Foundation

/// The output of one shard, in a folder that the processes of all shards write to: a file that is there when it is complete, and a manifest beside it.
///
/// As long as it is not, its lines are in a file of another name, of which only one process has the lock. Whoever is killed leaves whole lines and at most a
/// part of one, so that another process can go on.
struct ShardPart {
    private let folder: URL
    private var manifest: ShardManifest
    private let handle: FileHandle
    /// How many rows are in it.
    private(set) var rows: Int

    private static let ending = ".unfinished"

    /// What is found where a part is to be written.
    enum Found {
        /// It is complete, with so many rows.
        case finished(Int)
        case unfinished(ShardPart)
    }

    /// Opens the output of a shard.
    ///
    /// - Parameter resumes: whether a part that is not finished goes on; else it begins anew
    /// - Throws: ``OutputError`` if what is there is of other work, or another process is writing it.
    static func open(_ manifest: ShardManifest, in folder: URL, resumes: Bool) throws -> Found {
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw OutputError(description: "\(folder.path): cannot be made: \(error.localizedDescription)")
        }
        let others = try ShardManifest.stems(in: folder).filter { !$0.hasSuffix("-of-\(manifest.shards)") }
        if let other = others.first {
            throw OutputError(
                description:
                    "\(folder.path): has \(other) already, of another number of shards; choose another folder, or the same number"
            )
        }
        let found = try ShardManifest(manifest.stem, in: folder)
        if let part = try finished(found, manifest, in: folder) { return .finished(part) }
        if resumes, let found, let difference = manifest.difference(fromSamePart: found) {
            throw otherWork(found, difference, in: folder)
        }
        let handle = try locked(folder.appending(path: manifest.part + ending).path)
        // Another process may have finished it meanwhile.
        if let part = try finished(ShardManifest(manifest.stem, in: folder), manifest, in: folder) {
            unlink(folder.appending(path: manifest.part + ending).path)
            return .finished(part)
        }
        var part = ShardPart(folder: folder, manifest: manifest, handle: handle, rows: 0)
        if resumes, found != nil { try part.keepWholeRows() } else { try handle.truncate(atOffset: 0) }
        if try handle.offset() == 0 { try part.append(manifest.header) }
        try manifest.write(to: folder)
        return .unfinished(part)
    }

    /// The rows of a part that is complete; nil if it is not.
    ///
    /// - Throws: ``OutputError`` if it is of other work, or is not what its manifest says.
    private static func finished(_ found: ShardManifest?, _ manifest: ShardManifest, in folder: URL) throws -> Int? {
        let file = folder.appending(path: (found ?? manifest).part)
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        guard var found else {
            throw OutputError(
                description: "\(file.path): has no manifest beside it; choose another folder, or remove it")
        }
        if let difference = manifest.difference(fromSamePart: found) {
            throw otherWork(found, difference, in: folder)
        }
        guard try found.isTrue(of: file) else {
            throw OutputError(
                description: "\(file.path): is not what its manifest says; remove both, and run this shard again")
        }
        // Somebody was killed before the last step.
        if found.state == .unfinished {
            found.state = .finished
            try found.write(to: folder)
        }
        return found.rows
    }

    private static func otherWork(_ found: ShardManifest, _ difference: String, in folder: URL) -> OutputError {
        OutputError(
            description:
                "\(folder.appending(path: found.part).path): is of \(difference); choose another folder, or remove it and its manifest"
        )
    }

    /// Opens a file that no other process has opened in this way.
    private static func locked(_ path: String) throws -> FileHandle {
        while true {
            let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else { throw failure(path, String(cString: strerror(errno))) }
            let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                if errno == EWOULDBLOCK {
                    throw OutputError(description: "\(path): another process is writing this shard")
                }
                throw failure(path, "it cannot be locked: \(String(cString: strerror(errno)))")
            }
            // Who had the lock may have given the file its name.
            var (own, there) = (stat(), stat())
            if fstat(descriptor, &own) == 0, stat(path, &there) == 0, own.st_ino == there.st_ino,
                own.st_dev == there.st_dev
            {
                return handle
            }
        }
    }

    /// Cuts off a row that is not whole, and counts the others.
    private mutating func keepWholeRows() throws {
        let unfinished = folder.appending(path: manifest.part + Self.ending)
        let header = manifest.header.isEmpty ? 0 : 1
        let (rows, bytes) = try manifest.format.wholeRows(of: unfinished)
        self.rows = max(0, rows - header)
        try handle.truncate(atOffset: UInt64(rows < header ? 0 : bytes))
    }

    /// Appends rows.
    ///
    /// - Throws: ``OutputError`` if the disk is full, for example.
    mutating func write(_ lines: String, rows count: Int) throws {
        try append(lines)
        rows += count
    }

    private func append(_ text: String) throws {
        do {
            try handle.write(contentsOf: Data(text.utf8))
        } catch {
            throw Self.failure(folder.appending(path: manifest.part + Self.ending).path, error.localizedDescription)
        }
    }

    /// Gives the file its name, and writes the manifest.
    ///
    /// - Parameter inputSha256: of what was read
    /// - Throws: ``OutputError`` if it cannot, or if that is not what the manifest says.
    mutating func finish(inputSha256: String) throws {
        let (file, unfinished) = (
            folder.appending(path: manifest.part), folder.appending(path: manifest.part + Self.ending)
        )
        guard inputSha256 == manifest.inputSha256 else {
            throw OutputError(
                description:
                    "\(unfinished.path): the input has changed while it was read; remove it, and run this shard again")
        }
        guard fsync(handle.fileDescriptor) == 0 else { throw Self.failure(file.path, String(cString: strerror(errno))) }
        (manifest.sha256, manifest.bytes) = try sha256(ofFile: unfinished)
        manifest.rows = rows
        // Whoever finds the part knows by this whether it is whole.
        try manifest.write(to: folder)
        guard rename(unfinished.path, file.path) == 0 else {
            throw Self.failure(file.path, String(cString: strerror(errno)))
        }
        manifest.state = .finished
        // It is replaced by renaming, after which the folder is synchronised, and with it the part's name.
        try manifest.write(to: folder)
    }

    private static func failure(_ path: String, _ cause: String) -> OutputError {
        OutputError(description: "\(path): cannot be written: \(cause)")
    }
}

extension ShardManifest {
    /// Whether a finished part is what it was.
    func isTrue(of file: URL) throws -> Bool {
        let (hash, bytes) = try Datasets.sha256(ofFile: file)
        return hash == sha256 && bytes == self.bytes
    }
}

extension AnswerFormat.Kind {
    /// How many rows in a file are whole, and their bytes.
    ///
    /// - Throws: ``OutputError`` if it cannot be read.
    func wholeRows(of file: URL) throws -> (rows: Int, bytes: Int) {
        var (rows, bytes, count, isQuoted) = (0, 0, 0, false)
        do {
            let handle = try FileHandle(forReadingFrom: file)
            while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty {
                for byte in piece {
                    count += 1
                    // A quote in a field is doubled.
                    if self == .csv && byte == UInt8(ascii: "\"") { isQuoted.toggle() }
                    if byte == UInt8(ascii: "\n") && !isQuoted { (rows, bytes) = (rows + 1, count) }
                }
            }
        } catch {
            throw OutputError(description: "\(file.path): cannot be read: \(error.localizedDescription)")
        }
        return (rows, bytes)
    }
}
