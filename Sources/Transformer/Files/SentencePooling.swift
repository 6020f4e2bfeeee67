/// `1_Pooling/config.json` of a sentence-transformers folder: how its tokens become one vector.
struct SentencePooling: Decodable {
    /// Nil if it is a way that this package does not have.
    let pooling: Configuration.Pooling?

    private static let prefix = "pooling_mode_"

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: JSONName.self)
        var modes = container.allKeys.filter {
            $0.stringValue.hasPrefix(Self.prefix) && (try? container.decode(Bool.self, forKey: $0)) == true
        }.map { String($0.stringValue.dropFirst(Self.prefix.count)) }
        // Newer versions name the mode.
        if let mode = try? container.decode(String.self, forKey: "pooling_mode") { modes = [mode] }
        switch modes {
        case ["mean_tokens"], ["mean"]: pooling = .mean
        case ["cls_token"], ["cls"]: pooling = .cls
        default: pooling = nil
        }
    }
}
