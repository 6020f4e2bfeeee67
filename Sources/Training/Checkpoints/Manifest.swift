import Datasets
import Foundation
import JSON

/// What the files of a folder were when they were written. A file that a disk has changed, cut off or lost is found by it.
struct Manifest: Codable, Equatable {
    private struct File: Codable, Equatable {
        /// The path within the folder.
        let name: String
        let bytes: Int
        let sha256: String
    }

    /// By their names.
    private let files: [File]

    private static let fileName = "manifest.json"

    /// The size of all files.
    var bytes: Int { files.reduce(0) { $0 + $1.bytes } }

    /// Describes the files of a folder and of the folders in it.
    ///
    /// - Throws: what the file system says.
    private init(of folder: URL) throws {
        files = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted().compactMap { name in
            let file = folder.appending(path: name)
            var status = stat()
            guard name != Self.fileName, lstat(file.path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                return nil
            }
            let (hash, bytes) = try sha256(ofFile: file)
            return File(name: name, bytes: bytes, sha256: hash)
        }
    }

    /// Describes the files of a folder in one more file there.
    ///
    /// - Throws: what the file system says.
    static func write(to folder: URL) throws -> Manifest {
        let manifest = try Manifest(of: folder)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(manifest).write(to: folder.appending(path: fileName))
        return manifest
    }

    /// Whether all files of a folder are there, as they were written, and no others.
    static func agrees(with folder: URL) -> Bool {
        guard let data = try? readSmallFile(folder.appending(path: fileName)),
            let manifest = try? JSONDecoder().decode(Manifest.self, from: data)
        else { return false }
        return manifest == (try? Manifest(of: folder))
    }
}
