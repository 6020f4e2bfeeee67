import Foundation
import Transformer

/// A file that a command writes besides its output. It is opened before the work, which may be long, and what stands in it is
/// replaced only when there is something to write.
struct OutputFile {
    private let path: String
    private let handle: FileHandle
    /// Whether anything was written, in place of what was there.
    private(set) var hasBegun = false

    /// Opens the file, and makes it if there is none.
    ///
    /// - Parameters:
    ///   - others: what the command reads or writes otherwise: files, `-` for standard input, and folders with all that is in them
    ///   - source: the file of which it tells, if it is to be as private
    /// - Throws: ``OutputError`` if it cannot be written, or is one of the others.
    init(_ path: String, besides others: [String], privateLike source: String? = nil) throws {
        self.path = path
        try Self.check(path, besides: others)
        // Not by renaming a temporary file: the path may be a link or a device.
        var status = stat()
        let mode = source.map { stat($0, &status) == 0 ? status.st_mode & 0o666 : 0o600 } ?? 0o644
        let descriptor = open(path, O_WRONLY | O_CREAT, mode)
        guard descriptor >= 0 else {
            throw OutputError(description: "\(path): cannot be written: \(String(cString: strerror(errno)))")
        }
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    /// Checks that a file is none of others.
    ///
    /// - Throws: ``OutputError`` if it is one of the others.
    static func check(_ path: String, besides others: [String]) throws {
        for other in others {
            // The file itself, what a link stands for, and the folders that it is in.
            var place = URL(filePath: path).resolvingSymlinksInPath()
            while place.pathComponents.count > 1 {
                if isSame(place.path, other) {
                    throw OutputError(
                        description: "\(path): would replace what is read from \(other); choose another file")
                }
                place.deleteLastPathComponent()
            }
        }
    }

    /// Appends text; what was there before the first one is gone.
    ///
    /// - Throws: ``OutputError`` if the disk is full, for example.
    mutating func write(_ text: String) throws {
        // A device has no length.
        if !hasBegun { ftruncate(handle.fileDescriptor, 0) }
        hasBegun = true
        do {
            try handle.write(contentsOf: Data(text.utf8))
        } catch {
            throw failure(error.localizedDescription)
        }
    }

    /// Replaces what stands in the file by text; an ordinary file has either the one or the other, also if the disk is full.
    ///
    /// - Throws: ``OutputError`` if it cannot be written.
    mutating func replace(with text: String) throws {
        var status = stat()
        let isOrdinary = lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_nlink == 1
        let file = URL(filePath: path)
        // Without permission to write to the folder, it can only be written in place.
        guard isOrdinary, access(file.deletingLastPathComponent().path, W_OK) == 0 else { return try write(text) }
        do {
            try replaceFile(at: file, with: Data(text.utf8))
        } catch {
            // What was made for it alone.
            if status.st_size == 0 { unlink(path) }
            throw failure(error.localizedDescription)
        }
    }

    private func failure(_ cause: String) -> OutputError {
        OutputError(description: "\(path): cannot be written: \(cause)")
    }

    /// Whether two paths lead to the same file; `-` is standard input.
    static func isSame(_ one: String, _ other: String) -> Bool {
        func place(_ path: String) -> (dev_t, ino_t)? {
            var status = stat()
            let isThere = (path == "-" ? fstat(STDIN_FILENO, &status) : stat(path, &status)) == 0
            return isThere ? (status.st_dev, status.st_ino) : nil
        }
        guard let one = place(one), let other = place(other) else { return false }
        return one == other
    }
}
