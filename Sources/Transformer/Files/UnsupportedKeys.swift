import JSON

/// Keys of `config.json` that would change the arithmetic to one that this package does not have. Decoding fails if one of them
/// has a value that does.
struct UnsupportedKeys: Decodable {
    private static let keys: [JSONName] = [
        "position_embedding_type", "is_decoder", "add_cross_attention", "pruned_heads", "quantization_config",
        "auto_map", "rope_scaling",
    ]

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: JSONName.self)
        for key in Self.keys where try container.contains(key) && !container.decodeNil(forKey: key) {
            if let flag = try? container.decode(Bool.self, forKey: key), !flag { continue }
            if let text = try? container.decode(String.self, forKey: key), text == "absolute" { continue }
            if let map = try? container.decode([String: Ignored].self, forKey: key), map.isEmpty { continue }
            if let list = try? container.decode([Ignored].self, forKey: key), list.isEmpty { continue }
            let value = try? container.decode(String.self, forKey: key)
            throw JSONFileError(
                "\(key.stringValue)\(value.map { " '\($0)'" } ?? "") asks for arithmetic that this program does not have, which is not"
                    + " supported")
        }
    }

    /// Any value.
    private struct Ignored: Decodable {
        init(from decoder: any Decoder) throws {}
    }
}
