import Kernels

/// A family of encoders that `transformers` knows: what is its own in `config.json`, and what its tensors are called.
///
/// Keys that all families share are ``ConfigurationFile``'s. A family is one file of this folder and a line in ``Families``.
package struct Family {
    /// The family's name for people.
    package let name: String
    /// `model_type` in `config.json`.
    let modelType: String
    /// What the names of its `architectures` begin with.
    let architecturePrefix: String
    /// Before the names of the encoder's tensors, in files that have a head as well.
    let prefix: String
    /// What its models are where `config.json` says nothing.
    let defaults: Configuration
    /// The keys of `config.json` that say what shape a model has.
    let keys: [ConfigurationKey<Configuration>]
    /// What files call a layer of the encoder: by its path in the layout, where `#` stands for the number of an encoder layer, as it does in the
    /// name. The parameters of a layer are its `weight` and its `bias`. Layers of one name lie one below the other in one tensor, in the order of
    /// ``fusedLayers``.
    let encoderNames: [String: String]
    /// The same of the head.
    let headNames: [String: String]
    /// Layers that have one tensor together, by their paths.
    var fusedLayers: [String] = []
    /// The class of its tokenizers, where a folder has a model of SentencePiece and does not name it; nil: XLM-R's.
    var tokenizerClass: String?
    /// How a new head reads the tokens of a text, where a folder says nothing: as the family's in `transformers` does, unless something else is better.
    var pooling = Configuration.Pooling.cls

    /// Tensors that older versions of `transformers` have saved, and that follow from the configuration.
    var derivedTensors: Set<String> {
        Set(["embeddings.position_ids", "embeddings.token_type_ids"].map { prefix + $0 })
    }

    /// The architecture that this package writes, and whose head it can read.
    var architecture: String { architecturePrefix + "ForSequenceClassification" }

    /// The defaults of a family, with some that are not BERT's.
    static func defaults(_ change: (inout Configuration) -> Void) -> Configuration {
        var configuration = Configuration(
            vocabularySize: 0, hiddenSize: 0, layers: 0, heads: 0, intermediateSize: 0, labels: [])
        change(&configuration)
        return configuration
    }

    // MARK: Names of tensors

    /// What a file of the encoder alone calls a tensor: without the prefix.
    func encoderName(of tensor: String) -> String {
        tensor.hasPrefix(prefix) ? String(tensor.dropFirst(prefix.count)) : tensor
    }

    /// What the family calls a tensor today that an older or partial file has another name for: encoders alone have no prefix, and the first files had
    /// TensorFlow's names for the parameters of LayerNorm.
    func currentName(of tensor: String) -> String {
        let isAlone = encoderNames.values.contains { tensor.hasPrefix($0.prefix { $0 != "." } + ".") }
        return (isAlone ? prefix + tensor : tensor)
            .replacing(/LayerNorm\.gamma$/, with: "LayerNorm.weight")
            .replacing(/LayerNorm\.beta$/, with: "LayerNorm.bias")
    }

    /// What files call a layer; nil if the family has none of this path.
    func layerName(of path: String) -> String? { encoderNames[path].map { prefix + $0 } ?? headNames[path] }

    /// The module of `transformers` that a layer of the head belongs to, inside of which PEFT replaces it.
    func headModule(of path: String) -> String {
        encoderName(of: layerName(of: path) ?? path).prefix { $0 != "." }.description
    }

    /// Whether an adapter always has a dense layer of the pooler of its own: PEFT replaces it with the classifier where its module is the classifier's, or
    /// only ends as that does.
    var poolerIsOfClassifier: Bool { headModule(of: "pooler").hasSuffix(headModule(of: "classifier")) }

    /// What files call the parameter that the layout calls `parameter`.
    func tensorName(of parameter: String) -> String {
        let (path, number, kind) = Self.parts(of: parameter)
        guard let layer = layerName(of: path) else {
            preconditionFailure("\(name) has no name for \(parameter)")
        }
        return layer.replacing("#", with: number) + "." + kind
    }

    /// Which part of a tensor a parameter is, and of how many.
    func part(of parameter: String) -> (index: Int, count: Int) {
        fusedLayers.firstIndex(of: Self.parts(of: parameter).path).map { ($0, fusedLayers.count) } ?? (0, 1)
    }

    /// The path of a parameter's layer, with `#` for the layer's number, the number, and what it is there.
    private static func parts(of parameter: String) -> (path: String, number: String, kind: String) {
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
        return (path.joined(separator: "."), number, kind)
    }

    /// The tensors that a file has of these parameters: their names, shapes, and where they lie in the buffer.
    func tensors(of parameters: [Parameter]) -> [(name: String, shape: [Int], block: Block)] {
        parameters.compactMap { parameter in
            let part = part(of: parameter.name)
            // The first of several stands for all: their memory follows.
            guard part.index == 0 else { return nil }
            var (shape, block) = (parameter.shape, parameter.block)
            if part.count > 1 {
                shape[0] *= part.count
                block = Block(offset: block.offset, columns: part.count * block.count)
            }
            return (tensorName(of: parameter.name), shape, block)
        }
    }

    // MARK: What others compute of it

    /// Before `model_type`, and in place of the family's name in `architectures`, where the model computes what `transformers` has no class for: it then
    /// refuses the folder, instead of reading it as something else.
    static let ownPrefix = (type: "addnorm-", architecture: "AddNorm")

    /// Whether its Add & Norm is the family's.
    package func hasOwnForm(_ configuration: Configuration) -> Bool { configuration.addNorm == defaults.addNorm }

    /// What such a model has, and no class of `transformers`; nil if that computes the same from its folder.
    package func foreignPart(of configuration: Configuration) -> String? {
        let variant = configuration.addNorm
        if !hasOwnForm(configuration) {
            return variant == AddNormVariant(.layerNorm, .pre)
                ? "pre-norm" : "Add & Norm of the form \(variant), \(variant.formula)"
        }
        if configuration.ngrams { return "n-grams beside the encoder" }
        return configuration.pooling == .mean && !configuration.pooler.isForMean ? "mean pooling" : nil
    }

    /// Why a model of this family can have no such adapter; nil if it can.
    func problem(of lora: LoRA) -> String? {
        guard let target = lora.targets.first(where: { fusedLayers.contains($0.path) }) else { return nil }
        let others = LoRA.Target.ofLayers.filter { !fusedLayers.contains($0.path) }.map(\.rawValue)
        return
            "LoRA has the target '\(target.rawValue)', which in \(name) is a part of one matrix with others; choose among"
            + " \(others.joined(separator: ", "))"
    }
}
