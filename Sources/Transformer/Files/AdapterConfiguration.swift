import Foundation
import JSON

/// `adapter_config.json`, as PEFT reads and writes it for a LoRA.
///
/// What would change the arithmetic to one that this package does not have is refused by its name. Which layers have updates is in the tensors.
struct AdapterConfiguration {
    /// The folder of the model that the adapter is for, or its name elsewhere; nil if the file does not say.
    var base: String?
    /// Without ``LoRA/targets``, which are those that the tensors have.
    var rank: Int
    var alpha: Double
    var dropout = 0.0
    var isRankStabilized = false
    /// The ends of the names of what has updates; nil if the file has an expression in their place.
    var targetModules: [String]?
    /// What is saved as a whole.
    var modulesToSave: [String] = []
    /// Whether PEFT computes the same from the folder.
    var isForPEFT = true

    /// PEFT's name for a LoRA. What PEFT has no model for has another, so that it refuses the folder instead of computing something else.
    private static let (type, ownType) = ("LORA", "ADDNORM_LORA")
    /// PEFT's name for classifiers of texts.
    private static let task = "SEQ_CLS"

    /// Reads the file of a folder.
    ///
    /// - Throws: ``ModelError`` or `JSONFileError` that names the file and what cannot be.
    init(contentsOf folder: URL) throws {
        let file = folder.appending(path: ModelFile.adapterConfiguration)
        guard let keys = JSONValue(parsing: try readSmallFile(file), atMost: 1_000_000), keys.object != nil else {
            throw ModelError("\(file.path): not a JSON object")
        }
        func refuse(_ cause: String) -> ModelError { ModelError("\(file.path): \(cause)") }
        let type = keys["peft_type"].string
        guard let type, [Self.type, Self.ownType].contains(type) else {
            throw refuse("peft_type is '\(type ?? "")'; only 'LORA' can be read")
        }
        if let task = keys["task_type"].string, ![Self.task, "FEATURE_EXTRACTION"].contains(task) {
            throw refuse("task_type is '\(task)'; only adapters of classifiers of texts, '\(Self.task)', can be read")
        }
        if let cause = Self.unsupported(keys) {
            throw refuse(
                "\(cause), which is not supported; merge the adapter into its model with PEFT, by merge_and_unload")
        }
        guard let rank = keys["r"].int, let alpha = keys["lora_alpha"].double else {
            throw refuse("r and lora_alpha are not two numbers")
        }
        (self.rank, self.alpha) = (rank, alpha)
        dropout = keys["lora_dropout"].double ?? 0
        isRankStabilized = keys["use_rslora"].bool ?? false
        base = keys["base_model_name_or_path"].string.flatMap { $0.isEmpty ? nil : $0 }
        targetModules = keys["target_modules"].array?.compactMap(\.string)
        modulesToSave = keys["modules_to_save"].array?.compactMap(\.string) ?? []
        isForPEFT = type == Self.type
    }

    /// What asks for other arithmetic than a LoRA's; nil if nothing does.
    private static func unsupported(_ keys: JSONValue) -> String? {
        for (key, value) in keys.object ?? [] {
            let isEmpty =
                value.isNull || value.bool == false || value.object?.isEmpty == true || value.array?.isEmpty == true
            switch key {
            case "bias" where value.string != "none" && !isEmpty: return "bias is '\(value.string ?? "")'"
            case "use_rslora": continue
            case "init_lora_weights":
                // Those that begin by changing the weights of the model itself.
                let changing = ["pissa", "olora", "corda", "lora_ga", "loftq"]
                if let text = value.string?.lowercased(), changing.contains(where: text.hasPrefix) {
                    return "init_lora_weights is '\(text)'"
                }
            case "fan_in_fan_out", "lora_bias", "rank_pattern", "alpha_pattern", "layers_to_transform",
                "layer_replication",
                "trainable_token_indices", "target_parameters", "alora_invocation_tokens", "loftq_config",
                "megatron_config",
                "arrow_config", "monteclora_config", "kasa_config", "velora_config":
                if !isEmpty { return "\(key) is set" }
            case _ where key.hasPrefix("use_") && !isEmpty: return "\(key) is set"
            default: continue
            }
        }
        return nil
    }

    /// Says what the adapter of a model is.
    ///
    /// - Parameters:
    ///   - base: the folder of the model that it is for
    ///   - isForPEFT: whether PEFT computes the same
    init(_ lora: LoRA, for configuration: Configuration, base: String?, family: Family) {
        (rank, alpha, dropout, isRankStabilized) = (lora.rank, lora.alpha, lora.dropout, lora.isRankStabilized)
        self.base = base
        targetModules = family.moduleEnds(of: lora.targets, layers: configuration.layers)
        let modules = (lora.hasPooler ? ["classifier", "pooler"] : ["classifier"]).map(family.headModule)
        modulesToSave = modules.enumerated().filter { modules.firstIndex(of: $1) == $0 }.map(\.element)
        isForPEFT = family.foreignPart(of: configuration) == nil
    }

    /// Writes the file to a folder.
    ///
    /// - Throws: what the file system says.
    func write(to folder: URL) throws {
        let keys: [String: Any] = [
            "peft_type": isForPEFT ? Self.type : Self.ownType, "task_type": Self.task,
            "base_model_name_or_path": base ?? NSNull(), "r": rank, "lora_alpha": Int(exactly: alpha) ?? alpha,
            "lora_dropout": dropout, "use_rslora": isRankStabilized, "target_modules": targetModules ?? [],
            "modules_to_save": modulesToSave, "bias": "none", "fan_in_fan_out": false, "inference_mode": true,
            "init_lora_weights": true, "use_dora": false, "rank_pattern": [:] as [String: Any],
            "alpha_pattern": [:] as [String: Any], "layers_to_transform": NSNull(), "layers_pattern": NSNull(),
        ]
        let options: JSONSerialization.WritingOptions = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try (JSONSerialization.data(withJSONObject: keys, options: options) + Data("\n".utf8)).write(
            to: folder.appending(path: ModelFile.adapterConfiguration))
    }
}

extension JSONValue {
    /// A number.
    fileprivate var double: Double? { if case .number(let text) = self { Double(text) } else { nil } }
}

extension Family {
    /// PEFT's names of the modules that have an update for a target.
    func moduleNames(of target: LoRA.Target, layers: Int) -> [String] {
        target.paths(layers: layers).map { String(tensorName(of: "\($0).weight").dropLast(".weight".count)) }
    }

    /// What PEFT is told to find these targets by: the ends of the names of modules, as short as they can be without others ending so.
    func moduleEnds(of targets: [LoRA.Target], layers: Int) -> [String] {
        func names(_ targets: [LoRA.Target]) -> [String] { targets.flatMap { moduleNames(of: $0, layers: layers) } }
        let (all, wanted) = (names(LoRA.Target.allCases) + [layerName(of: "classifier") ?? ""], names(targets))
        var ends: [String] = []
        for name in wanted where !ends.contains(where: { name.hasSuffix("." + $0) }) {
            let parts = name.split(separator: ".")
            let end = (1...parts.count).lazy.map { parts.suffix($0).joined(separator: ".") }.first { end in
                all.allSatisfy { ($0 == end || $0.hasSuffix("." + end)) ? wanted.contains($0) : true }
            }
            ends.append(end ?? name)
        }
        return ends
    }
}
