/// A family of encoders that `transformers` knows: what is its own in `config.json`, and what its tensors are called.
///
/// Keys that all families share are ``ConfigurationFile``'s. A family is one file of this folder and a line in ``Families``.
package struct Family {
    /// The family's name for people.
    let name: String
    /// `model_type` in `config.json`.
    let modelType: String
    /// What the names of its `architectures` begin with.
    let architecturePrefix: String
    /// The keys of `config.json` that say what shape a model has.
    let keys: [ConfigurationKey<Configuration>]
    /// What files call a layer: by its path in the layout, where `#` stands for the number of an encoder layer, as it does in the
    /// name. The parameters of a layer are its `weight` and its `bias`.
    let layerNames: [String: String]
    /// Tensors that files may have, and that follow from the configuration.
    let derivedTensors: Set<String>
    /// What the family calls a tensor today that an older or partial file has another name for.
    let currentName: (_ tensor: String) -> String

    /// The architecture that this package writes, and whose head it can read.
    var architecture: String { architecturePrefix + "ForSequenceClassification" }

    /// What a file of the encoder alone calls a tensor: without the prefix.
    func encoderName(of tensor: String) -> String {
        let prefix = modelType + "."
        return tensor.hasPrefix(prefix) ? String(tensor.dropFirst(prefix.count)) : tensor
    }

    /// Before `model_type`, and in place of the family's name in `architectures`, where the model computes what `transformers` has no class for: it then
    /// refuses the folder, instead of reading it as something else.
    static let ownPrefix = (type: "addnorm-", architecture: "AddNorm")

    /// What such a model has, and no class of `transformers`; nil if that computes the same from its folder.
    package func foreignPart(of configuration: Configuration) -> String? {
        let variant = configuration.addNorm
        if variant != AddNormVariant() {
            return variant == AddNormVariant(.layerNorm, .pre)
                ? "pre-norm" : "Add & Norm of the form \(variant), \(variant.formula)"
        }
        if configuration.ngrams { return "n-grams beside the encoder" }
        return configuration.pooling == .mean ? "mean pooling" : nil
    }

    /// What files call the parameter that the layout calls `parameter`.
    func tensorName(of parameter: String) -> String {
        var path = parameter.split(separator: ".").map(String.init)
        var kind = path.removeLast()
        if let matrix = path.last, [LowRankUpdate.inputName, LowRankUpdate.outputName].contains(matrix) {
            kind = "\(path.removeLast()).\(kind)"
        }
        var number = ""
        if let index = path.firstIndex(where: { Int($0) != nil }) {
            number = path[index]
            path[index] = "#"
        }
        guard let layer = layerNames[path.joined(separator: ".")] else {
            preconditionFailure("\(name) has no name for \(parameter)")
        }
        return layer.replacing("#", with: number) + "." + kind
    }
}
