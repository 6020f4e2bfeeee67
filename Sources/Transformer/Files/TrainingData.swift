import Foundation
import JSON

/// What a model was trained with, as `training_data.json` in its folder: the texts themselves are not in it, but whether a text was among them can
/// be told.
package struct TrainingData: Codable, Sendable, Equatable {
    /// A file of training texts.
    package struct File: Codable, Sendable, Equatable {
        package let sha256: String
        /// How many examples of it the model was trained with.
        package let examples: Int

        package init(sha256: String, examples: Int) { (self.sha256, self.examples) = (sha256, examples) }
    }

    package let files: [File]
    /// The new names that labels were given.
    package let labelMap: [String: String]
    /// Ascending, with 8 bytes each, the first being the highest.
    private let textHashes: Data

    private enum CodingKeys: String, CodingKey {
        case files
        case labelMap = "label_map"
        case textHashes = "text_hashes"
    }

    static let fileName = "training_data.json"

    /// - Parameter textHashes: of the texts, in any order
    package init(files: [File], labelMap: [String: String], textHashes: [UInt64]) {
        (self.files, self.labelMap) = (files, labelMap)
        self.textHashes = Data(
            Set(textHashes).sorted().flatMap { hash in (0..<8).map { UInt8(truncatingIfNeeded: hash >> (56 - 8 * $0)) }
            })
    }

    /// Reads what a model's folder says; nil where it says nothing, as one that others have made.
    ///
    /// - Throws: an error that names the file if it cannot be read.
    package init?(ofModelIn folder: URL) throws {
        let file = folder.appending(path: Self.fileName)
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        self = try readJSON(file)
    }

    /// The hashes of the texts.
    package var hashes: Set<UInt64> {
        var hashes: Set<UInt64> = []
        var hash: UInt64 = 0
        for (place, byte) in textHashes.enumerated() {
            hash = hash << 8 | UInt64(byte)
            if place % 8 == 7 { hashes.insert(hash) }
        }
        return hashes
    }
}
