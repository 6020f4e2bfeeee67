import Foundation
import Inference
import JSON
import Kernels
import Testing
import Transformer

/// Vectors of texts against those of sentence-transformers; `scripts/fixtures/sentence_embeddings.py` has written the files.
@Suite struct TextEmbedderTests {
    private struct Fixtures: Decodable {
        struct Case: Decodable {
            let pooling: String
            let normalized: Bool
            let vectors: [[Float]]
        }
        let texts: [String]
        let cases: [Case]
        let folder: [[Float]]
    }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    private static let model = folder.appending(path: "sentence-transformer")

    private static func fixtures() throws -> Fixtures {
        try readJSON(folder.appending(path: "sentence_embeddings.json"))
    }

    private static func difference(_ found: Matrix, _ expected: [[Float]]) -> Float {
        let expected = expected.flatMap { $0 }
        return found.values.count == expected.count
            ? zip(found.values, expected).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }

    @Test func everyPoolingIsThatOfSentenceTransformers() throws {
        let fixtures = try Self.fixtures()
        #expect(fixtures.cases.count == 6)
        for expected in fixtures.cases {
            let pooling = try #require(EmbeddingPooling(rawValue: expected.pooling))
            var model = try EmbeddingModel(contentsOf: Self.model, pooling: pooling)
            model.settings.prompt = ""
            for batchSize in [1, 2, 32] {
                var embedder = TextEmbedder(model, batchSize: batchSize, on: Workers(count: 2))
                let found = try embedder.embeddings(of: fixtures.texts, normalized: expected.normalized)
                // The numbers of vectors as they are go up to 4 here, where either side's own rounding of Float32 is nearly as much as that.
                let largest = expected.vectors.joined().reduce(1) { max($0, abs($1)) }
                let limit = expected.normalized ? 1e-6 : 1e-6 * largest
                let difference = Self.difference(found, expected.vectors)
                #expect(
                    difference < limit,
                    "\(expected.pooling), \(expected.normalized), \(batchSize) texts at a time: \(difference)")
            }
        }
    }

    /// The largest numbers, of length 1, of a prompt and the text, of which 9 tokens are read.
    @Test func aFolderSaysHowItsVectorsAreMade() throws {
        let fixtures = try Self.fixtures()
        let model = try EmbeddingModel(contentsOf: Self.model)
        #expect(model.pooling == .max && model.settings.normalizes && model.settings.maximumLength == 9)
        #expect(model.settings.prompt == "token12 token13 ")
        var embedder = TextEmbedder(model, on: Workers(count: 2))
        #expect(Self.difference(try embedder.embeddings(of: fixtures.texts), fixtures.folder) < 1e-6)
        #expect(embedder.count == 5 && embedder.countOfLonger == 1)
        #expect(embedder.notice == "1 of 5 texts have more than 9 tokens and were cut off")
    }

    /// What would silently be another vector is an error that names it.
    @Test(
        arguments: [
            ("1_Pooling/config.json", #"{"pooling_mode": "weightedmean"}"#, "'weightedmean' is not computed here"),
            ("1_Pooling/config.json", #"{"pooling_mode_lasttoken": true}"#, "'lasttoken' is not computed here"),
            (
                "1_Pooling/config.json", #"{"pooling_mode": ["mean", "max"]}"#,
                "'mean' and 'max' is not computed here"
            ),
            ("1_Pooling/config.json", #"{"pooling_mode": "max", "include_prompt": false}"#, "include_prompt"),
            ("modules.json", #"[{"type": "x.Transformer"}, {"type": "x.Pooling"}, {"type": "x.Dense"}]"#, "'x.Dense'"),
            ("config_sentence_transformers.json", #"{"default_prompt_name": "other"}"#, "'other'"),
        ])
    func whatIsNotComputedIsRefusedByName(_ file: String, _ content: String, _ message: String) throws {
        let copy = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.copyItem(at: Self.model, to: copy)
        defer { try? FileManager.default.removeItem(at: copy) }
        try Data(content.utf8).write(to: copy.appending(path: file))
        let error = #expect(throws: ModelError.self) { _ = try EmbeddingModel(contentsOf: copy) }
        let description = error?.description ?? ""
        #expect(description.contains(message) && description.contains(file), "\(description)")
    }

    /// Somebody who says how tokens become one vector needs no folder that says so.
    @Test func aPoolingThatIsWantedReplacesOneThatIsNotComputed() throws {
        let copy = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.copyItem(at: Self.model, to: copy)
        defer { try? FileManager.default.removeItem(at: copy) }
        try Data(#"{"pooling_mode": "weightedmean"}"#.utf8).write(to: copy.appending(path: "1_Pooling/config.json"))
        #expect(try EmbeddingModel(contentsOf: copy, pooling: .mean).pooling == .mean)
    }

    /// A tokenizer that keeps capital letters cannot do what the folder asks for.
    @Test func lowerCaseIsRefusedWhereTheTokenizerKeepsCapitals() throws {
        let copy = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.copyItem(at: Self.model, to: copy)
        defer { try? FileManager.default.removeItem(at: copy) }
        try Data(#"{"max_seq_length": 5, "do_lower_case": true}"#.utf8).write(
            to: copy.appending(path: "sentence_bert_config.json"))
        #expect(try EmbeddingModel(contentsOf: copy).settings.maximumLength == 5)
        let file = copy.appending(path: "tokenizer.json")
        let tokenizer = try String(contentsOf: file, encoding: .utf8).replacing(
            "\"lowercase\": true", with: "\"lowercase\": false")
        try Data(tokenizer.utf8).write(to: file)
        let error = #expect(throws: ModelError.self) { _ = try EmbeddingModel(contentsOf: copy) }
        #expect(error?.description.contains("do_lower_case") == true)
    }
}
