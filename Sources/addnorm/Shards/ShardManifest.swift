import Datasets
import Foundation
import Transformer

/// What stands beside each part of an output: what it was made of, and whether it is complete.
struct ShardManifest: Codable {
    /// A range of a file's bytes, or of a folder's files.
    struct Input: Codable, Equatable {
        let path: String
        let start, end, size: Int

        /// Whether both are the same place, wherever the data lies on the machine that has read it.
        func isSame(as other: Input) -> Bool { (start, end, size) == (other.start, other.end, other.size) }
    }

    enum State: String, Codable {
        case unfinished, finished
    }

    let shard, shards: Int
    let format: AnswerFormat.Kind
    /// The first line of the part, which a merged file has once; empty if there is none.
    let header: String
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
        if options != other.options || format != other.format || header != other.header { return "other options" }
        return nil
    }

    /// The same, of the same part.
    func difference(fromSamePart other: ShardManifest) -> String? {
        let isSame =
            inputSha256 == other.inputSha256 && input.count == other.input.count
            && zip(input, other.input).allSatisfy { $0.isSame(as: $1) }
        return difference(from: other) ?? (isSame ? nil : "other input")
    }

    // MARK: Files

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
    }

    init(
        _ shard: Shard, of pieces: [Piece], layout: Layout, _ format: AnswerFormat, model: ModelOptions,
        options: [String: String]
    ) throws {
        (self.shard, shards) = (shard.index, shard.count)
        (self.format, header) = (format.kind, format.header)
        input = pieces.map { piece in
            let range = piece.range ?? 0..<0
            return Input(
                path: absolutePath(piece.path), start: range.lowerBound, end: range.upperBound, size: piece.size)
        }
        inputSha256 = Datasets.sha256(
            of: Array(try pieces.map { try $0.sha256(layout) + "\n" }.joined().utf8))
        self.model = absolutePath(model.folder)
        modelSha256 = try ([model.base].compactMap { $0 } + [model.url]).map(Self.sha256(ofFolder:)).joined(
            separator: "+")
        self.options = options
        version = Program.version
    }

    /// The SHA-256 of the list that `sha256sum *` prints in a folder.
    private static func sha256(ofFolder folder: URL) throws -> String {
        let files = try FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil, options: .skipsHiddenFiles
        ).filter { !$0.resolvingSymlinksInPath().hasDirectoryPath }
        let lines = try files.sorted { $0.lastPathComponent.utf8.lexicographicallyPrecedes($1.lastPathComponent.utf8) }
            .map { "\(try Datasets.sha256(ofFile: $0).hash)  \($0.lastPathComponent)\n" }
        return Datasets.sha256(of: Array(lines.joined().utf8))
    }

    /// Writes it, in place of what stands there.
    ///
    /// - Throws: ``OutputError`` if it cannot be written.
    func write(to folder: URL) throws {
        let file = Self.file(stem, in: folder)
        do {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
            try replaceFile(at: file, with: try encoder.encode(self) + Data("\n".utf8))
        } catch {
            throw OutputError(description: "\(file.path): cannot be written: \(error.localizedDescription)")
        }
    }
}
