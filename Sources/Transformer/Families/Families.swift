/// The families that can be read.
enum Families {
    static var all: [Family] {
        [.bert, .distilBERT, .roBERTa, .camemBERT, .xlmRoBERTa, .electra, .modernBERT]
    }

    /// The family of a `config.json`; without a `model_type` the first one, unless the architecture is another's.
    ///
    /// - Throws: ``ModelError`` if it is none of these.
    static func family(modelType: String?, architectures: [String]) throws -> Family {
        if let modelType {
            let type =
                modelType.hasPrefix(Family.ownPrefix.type)
                ? modelType.dropFirst(Family.ownPrefix.type.count) : modelType[...]
            if let family = all.first(where: { $0.modelType == type }) { return family }
            let known = all.map { "'\($0.modelType)'" }.joined(separator: ", ")
            throw ModelError("model_type is '\(modelType)'; only \(known) can be read")
        }
        guard let architecture = architectures.first else { return all[0] }
        if let family = all.first(where: { architecture.hasPrefix($0.architecturePrefix) }) { return family }
        let known = all.map { "\($0.name)'s" }.joined(separator: ", ")
        throw ModelError("the architecture is '\(architecture)'; only \(known) can be read")
    }
}
