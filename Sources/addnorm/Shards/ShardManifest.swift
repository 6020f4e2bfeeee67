import Datasets
import Foundation
import Transformer

/// What stands beside each part of an output: what it was made of, and whether it is complete.
struct ShardManifest: Codable {
    /// A file or folder of the whole work, wherever it lies on the machine that has read it.
    struct File: Codable, Equatable {
        let name: String
        /// In bytes; of a folder, the number of its files.
        let size: Int
    }

    /// What the shard has of one of them: bytes of a file, or files of a folder.
    struct Input: Codable, Equatable {
        let file, start, end: Int
    }

    enum State: String, Codable {
        case unfinished, finished
    }

    let shard, shards: Int
    let format: AnswerFormat.Kind
    /// The first line of the part, which a merged file has once; empty if there is none.
    let header: String
    let files: [File]
    let input: [Input]
    let inputSha256: String
    let model: String
    let modelSha256: String
    /// What else decides about the answers.
    let options: [String: String]
    /// The version of the program.
    let version: String
    var state = State.unfinished
    /// How many texts are answered, and the bytes of the part; 0 as long as it is not finished.
    var rows = 0
    var bytes = 0
    /// Of the part; empty as long as it is not finished.
    var sha256 = ""

    /// Why another part is none of the same work, or another output for the same input; nil if it is.
    func difference(from other: ShardManifest) -> String? {
        if modelSha256 != other.modelSha256 { return "another model (\(other.model))" }
        if shards != other.shards { return "another number of shards (\(other.shards))" }
        if files != other.files { return "other input" }
        if options != other.options || format != other.format || header != other.header { return "other options" }
        return nil
    }

    /// The same, of the same part.
    func difference(fromSamePart other: ShardManifest) -> String? {
        if let difference = difference(from: other) { return difference }
        if inputSha256 != other.inputSha256 || input != other.input { return "other input" }
        return other.state == .unfinished && version != other.version ? "another version (\(other.version))" : nil
    }

    // MARK: Files

    /// The stems of all manifests in a folder.
    static func stems(in folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.wholeMatch(of: /part-[0-9]+-of-[0-9]+\.json/) != nil }.map { String($0.dropLast(5)) }
    }

    /// What a part and its manifest are called, but for the ending.
    static func stem(_ shard: Int, of shards: Int) -> String { "part-\(shard)-of-\(shards)" }

    var stem: String { Self.stem(shard, of: shards) }
    /// The name of the part.
    var part: String { "\(stem).\(format.rawValue)" }

    static func file(_ stem: String, in folder: URL) -> URL { folder.appending(path: "\(stem).json") }

    /// - Returns: nil if there is none
    /// - Throws: ``OutputError`` if it cannot be read.
    init?(_ stem: String, in folder: URL) throws {
        let file = Self.file(stem, in: folder)
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            self = try decoder.decode(ShardManifest.self, from: try Data(contentsOf: file))
        } catch {
            throw OutputError(
                description: "\(file.path): is no manifest of a shard, or of another version; remove it and its part")
        }
        guard Shard(shard, of: shards) != nil, self.stem == stem,
            input.allSatisfy({ files.indices.contains($0.file) && 0 <= $0.start && $0.start <= $0.end })
        else {
            throw OutputError(description: "\(file.path): is not the manifest of such a shard; remove it")
        }
    }

    init(
        _ shard: Shard, of input: ShardInput, files: [String], layout: Layout, _ format: AnswerFormat,
        model: ModelOptions,
        options: [String: String]
    ) throws {
        (self.shard, shards) = (shard.index, shard.count)
        (self.format, header) = (format.kind, format.header)
        self.files = zip(files, input.sizes).map { File(name: URL(filePath: $0).lastPathComponent, size: $1) }
        self.input = input.pieces.map { piece in
            let range = piece.range ?? 0..<input.sizes[piece.source]
            return Input(file: piece.source, start: range.lowerBound, end: range.upperBound)
        }
        inputSha256 = Datasets.sha256(ofLines: try input.pieces.map { try $0.sha256(layout) })
        self.model = absolutePath(model.folder)
        modelSha256 = try ([model.base].compactMap { $0 } + [model.url]).map(Self.sha256(ofFolder:)).joined(
            separator: "+")
        self.options = options
        version = Program.version
    }

    /// The SHA-256 of the list that `sha256sum *` prints in a folder, of its ordinary files.
    private static func sha256(ofFolder folder: URL) throws -> String {
        let files = try FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil, options: .skipsHiddenFiles
        ).filter { file in
            var status = stat()
            return stat(file.path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        }
        let lines = try files.sorted { $0.lastPathComponent.utf8.lexicographicallyPrecedes($1.lastPathComponent.utf8) }
            .map { "\(try Datasets.sha256(ofFile: $0).hash)  \($0.lastPathComponent)" }
        return Datasets.sha256(ofLines: lines)
    }

    /// Writes it, in place of what stands there.
    ///
    /// - Throws: ``OutputError`` if it cannot be written.
    func write(to folder: URL) throws {
        let file = Self.file(stem, in: folder)
        do {
            try replaceFile(at: file, with: Data(try Output.document(self).utf8))
        } catch {
            throw OutputError(description: "\(file.path): cannot be written: \(error.localizedDescription)")
        }
    }
}
