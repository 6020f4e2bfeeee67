import Datasets
import Foundation
import Transformer

/// The outputs of all shards.
struct ShardFolder {
    private let folder: URL
    /// Those that are finished, in their order.
    let finished: [ShardManifest]
    /// The numbers of those that are not, and of these, those that have begun.
    let missing, unfinished: [Int]
    /// The first that has begun: what is true of all.
    let first: ShardManifest

    /// Reads all manifests of a folder.
    ///
    /// - Throws: ``OutputError`` if there are none, one cannot be read, or they are not of one work.
    init(_ path: String) throws {
        let folder = URL(filePath: path)
        self.folder = folder
        let stems: [String]
        do {
            stems = try ShardManifest.stems(in: folder)
        } catch {
            throw OutputError(description: "\(path): cannot be listed: \(error.localizedDescription)")
        }
        let found = try stems.compactMap { try ShardManifest($0, in: folder) }.sorted { $0.shard < $1.shard }
        guard let first = found.first else {
            throw OutputError(description: "\(path): no shards are there; 'predict --output' writes them")
        }
        self.first = first
        for other in found {
            if let difference = first.difference(from: other) {
                throw OutputError(
                    description:
                        "\(path): \(other.part) is of \(difference) than \(first.part); keep each work in a folder of its own"
                )
            }
        }
        finished = found.filter {
            $0.state == .finished && FileManager.default.fileExists(atPath: folder.appending(path: $0.part).path)
        }
        let done = Set(finished.map(\.shard))
        missing = (0..<first.shards).filter { !done.contains($0) }
        unfinished = found.map(\.shard).filter { !done.contains($0) }
    }

    /// How many shards there are to be.
    var count: Int { first.shards }
    /// The rows of those that are finished.
    var rows: Int { finished.reduce(0) { $0 + $1.rows } }

    /// Checks that all are finished, and that their inputs make the whole input.
    ///
    /// - Throws: ``OutputError`` that says what is missing, or there twice.
    func requireWhole() throws {
        if let missing = missing.first {
            throw OutputError(
                description:
                    "\(folder.path): shard \(missing) of \(count) is missing; 'shards status' lists all that are")
        }
        // Where the next input has to begin.
        var (file, start) = (0, 0)
        func skipEmptyAndEnded() {
            while file < first.files.count, start == first.files[file].size { (file, start) = (file + 1, 0) }
        }
        for manifest in finished {
            for input in manifest.input {
                skipEmptyAndEnded()
                guard input.file == file, input.start == start else {
                    throw OutputError(
                        description:
                            "\(folder.path): \(manifest.part) does not begin where the one before ends; remove it and its manifest, and run it again"
                    )
                }
                start = input.end
            }
        }
        skipEmptyAndEnded()
        if file < first.files.count {
            throw OutputError(
                description:
                    "\(folder.path): the last part ends before the input does; remove it and its manifest, and run it again"
            )
        }
    }

    /// Writes one file of all parts.
    ///
    /// - Returns: its rows
    /// - Throws: ``OutputError`` if a part is not what its manifest says, or the file cannot be written.
    func merge(to file: URL) throws -> Int {
        do {
            try write(to: file)
        } catch let error as OutputError {
            throw error
        } catch {
            throw OutputError(description: "\(file.path): cannot be written: \(error.localizedDescription)")
        }
        return rows
    }

    private func write(to file: URL) throws {
        try replaceFile(at: file) { handle in
            for (index, manifest) in finished.enumerated() {
                let part = folder.appending(path: manifest.part)
                let rows = try manifest.format.wholeRows(of: part).rows - (manifest.header.isEmpty ? 0 : 1)
                guard try manifest.isTrue(of: part), rows == manifest.rows else {
                    throw OutputError(
                        description:
                            "\(part.path): is not what its manifest says; remove both, and run shard \(manifest.shard) again"
                    )
                }
                let source = try FileHandle(forReadingFrom: part)
                if index > 0 { try source.seek(toOffset: UInt64(manifest.header.utf8.count)) }
                while let piece = try source.read(upToCount: 1 << 20), !piece.isEmpty {
                    try handle.write(contentsOf: piece)
                }
            }
        }
    }
}
