/// How the rows of a text's tokens become its embedding, under the names that sentence-transformers has for it.
package enum EmbeddingPooling: String, Sendable, CaseIterable {
    /// The row of `[CLS]`, before the pooler.
    case cls
    /// The mean over the rows of all tokens.
    case mean
    /// The largest number of each column.
    case max

    /// What of the encoder's output has to be there: its first row, or all of them.
    var reads: Configuration.Pooling { self == .cls ? .cls : .mean }
}

/// `1_Pooling/config.json` of a sentence-transformers folder: how its tokens become one vector.
struct SentencePooling: Decodable {
    /// The ways that it names, the results of which follow one another.
    let modes: [String]
    /// Whether the tokens of a prompt are among those that are read.
    let includesPrompt: Bool

    private static let prefix = "pooling_mode_"

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: JSONName.self)
        var modes = container.allKeys.filter {
            $0.stringValue.hasPrefix(Self.prefix) && (try? container.decode(Bool.self, forKey: $0)) == true
        }.map { String($0.stringValue.dropFirst(Self.prefix.count)) }.sorted()
        // Newer versions name the mode, or several.
        if let mode = try? container.decode(String.self, forKey: "pooling_mode") { modes = [mode] }
        if let several = try? container.decode([String].self, forKey: "pooling_mode") { modes = several }
        self.modes = modes.isEmpty ? ["mean"] : modes
        includesPrompt = (try? container.decode(Bool.self, forKey: "include_prompt")) ?? true
    }

    /// Nil if it is a way that this package does not have.
    var pooling: EmbeddingPooling? {
        switch modes {
        case ["mean_tokens"], ["mean"]: .mean
        case ["cls_token"], ["cls"]: .cls
        case ["max_tokens"], ["max"]: .max
        default: nil
        }
    }
}
