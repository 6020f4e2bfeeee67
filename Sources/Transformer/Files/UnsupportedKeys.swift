import JSON

/// Keys of `config.json` that would change the arithmetic to one that this package does not have. Decoding fails if one of them
/// has a value that does.
struct UnsupportedKeys: Decodable {
    private enum Key: String, CodingKey, CaseIterable {
        case positionEmbeddingType = "position_embedding_type"
        case isDecoder = "is_decoder"
        case addCrossAttention = "add_cross_attention"
        case prunedHeads = "pruned_heads"
        case quantizationConfig = "quantization_config"
        case autoMap = "auto_map"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for key in Key.allCases where try container.contains(key) && !container.decodeNil(forKey: key) {
            if let flag = try? container.decode(Bool.self, forKey: key), !flag { continue }
            if let text = try? container.decode(String.self, forKey: key), text == "absolute" { continue }
            if let map = try? container.decode([String: Ignored].self, forKey: key), map.isEmpty { continue }
            if let list = try? container.decode([Ignored].self, forKey: key), list.isEmpty { continue }
            let value = try? container.decode(String.self, forKey: key)
            throw JSONFileError(
                "\(key.rawValue)\(value.map { " '\($0)'" } ?? "") asks for other arithmetic than BERT's, which is not"
                    + " supported")
        }
    }

    /// Any value.
    private struct Ignored: Decodable {
        init(from decoder: any Decoder) throws {}
    }
}
