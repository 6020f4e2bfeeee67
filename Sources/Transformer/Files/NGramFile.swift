import Foundation
import NGrams
import Tokenization

extension NGramClassifier {
    /// The file of a model's folder that has it.
    static let fileName = "ngrams.safetensors"

    /// Its tables there.
    private static let tableNames = ["tokens", "characters"]

    /// Reads that of a model's folder.
    ///
    /// - Parameters:
    ///   - labels: how many the model has
    ///   - tokenizer: the model's
    /// - Throws: ``ModelError`` that names the file and what is wrong with it.
    init(ofModelIn folder: URL, labels: Int, _ tokenizer: Tokenizer) throws {
        let file = folder.appending(path: Self.fileName)
        let stored = try SafeTensors(contentsOf: file)
        let tables = try zip(Self.tableNames, Self.widths).map { name, width in
            let count = stored.tensors[name]?.shape.first ?? 0
            return NGramTable(
                items: try stored.numbers(name, "I32", shape: [count, width], as: Int32.self), width: width)
        }
        let count = tables.reduce(0) { $0 + $1.count }
        let frequencies = try stored.numbers("frequencies", "F32", shape: [count], as: Float.self)
        let logits = stored.tensors["weights"]?.shape.last ?? 0
        guard Self.logits(of: labels).contains(logits) else {
            throw ModelError(
                "\(file.path): is for \(logits) labels, and the model has \(labels); train the model again")
        }
        let weights = try stored.numbers("weights", "F32", shape: [count + 1, logits], as: Float.self)
        guard tables.allSatisfy(\.isInOrder), (frequencies + weights).allSatisfy(\.isFinite) else {
            throw ModelError("\(file.path): is damaged; train or fetch the model again")
        }
        self.init(
            tables: tables, frequencies: frequencies, weights: weights, labels: labels,
            characters: tokenizer.charactersOfTokens)
    }

    /// Writes the file.
    ///
    /// - Throws: what the file system says.
    func write(to folder: URL) throws {
        try SafeTensors.write(
            zip(Self.tableNames, tables).map { .init($0, "I32", shape: [$1.count, $1.width], $1.items) } + [
                .init("frequencies", "F32", shape: [frequencies.count], frequencies),
                .init("weights", "F32", shape: [frequencies.count + 1, logits], weights),
            ], to: folder.appending(path: Self.fileName))
    }
}
