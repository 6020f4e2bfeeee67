import ArgumentParser
import Datasets
import Escaping
import Foundation
import Reports
import RunStore
import Transformer

struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a model is: its shape, its labels, what it was trained with, and its figures.",
        discussion: """
              addnorm show models/reviews
              addnorm show run-7 --json
            """)

    @Argument(
        help: ArgumentHelp(
            "The folder of a model, or the id or name of the run that has written it.", valueName: "model"),
        completion: .directory)
    var model: String

    @OptionGroup
    var answer: AnswerOptions

    func run() throws {
        let path = answer.database.folder(ofModel: model)
        let url = URL(filePath: path)
        let folder = try ModelFolder(contentsOf: url, mapped: true, notice: Output.warn)
        let configuration = folder.classifier.configuration
        let data = try TrainingData(ofModelIn: url)
        let store = try? answer.database.open(for: .read)
        let run = try store?.writer(ofModel: absolutePath(path))
        let compared = try run.flatMap { run in try store.map { try ComparedRun(run, in: $0) } }
        let foreignPart = folder.family.foreignPart(of: configuration)
        let hasInt8 = folder.classifier.hasInt8
        let settings = folder.settings
        // The layout of a mapped file counts what nobody reads of it.
        let parameters = folder.classifier.layout.parameters.reduce(0) { $0 + $1.block.count }
        if answer.json {
            return try Output.write(
                json: JSONObject([
                    "model": path, "family": folder.family.name, "parameters": parameters,
                    "layers": configuration.layers,
                    "hidden_size": configuration.hiddenSize, "heads": configuration.heads,
                    "intermediate_size": configuration.intermediateSize, "vocab_size": configuration.vocabularySize,
                    "max_length": configuration.maximumLength, "pooling": configuration.pooling.rawValue,
                    "norm": configuration.addNorm.norm.rawValue,
                    "norm_placement": configuration.addNorm.placement.rawValue,
                    "residual": configuration.addNorm.residual.rawValue, "labels": configuration.labels,
                    "problem_type": configuration.problemType.rawValue, "temperature": settings.temperature,
                    "threshold": settings.calibratedThreshold, "long_texts": settings.longTexts?.method.rawValue,
                    "training_files": data?.files, "label_map": data?.labelMap, "run": run?.name,
                    "evaluations": compared?.evaluations, "loads_in_transformers": foreignPart == nil && !hasInt8,
                    "weights": hasInt8 ? WeightFormat.int8 : nil,
                    "lora_rank": configuration.lora?.rank, "lora_alpha": configuration.lora?.alpha,
                    "lora_targets": configuration.lora?.targets.map(\.rawValue), "base": folder.base,
                    "ngrams": folder.ngrams?.frequencies.count,
                ]))
        }
        let shape =
            "\(folder.family.name), \(configuration.layers) layers of \(configuration.hiddenSize), \(configuration.heads) heads,"
            + " \(configuration.vocabularySize.grouped) tokens; \(parameters.grouped) parameters"
        let labels =
            configuration.labels.prefix(20).joined(separator: ", ") + (configuration.labels.count > 20 ? ", …" : "")
        let map = data.map {
            $0.labelMap.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        }
        let facts: [(name: String, value: String?)] = [
            ("model", path), ("encoder", shape),
            (
                "reads",
                "\(configuration.maximumLength) tokens at most; \(settings.longTexts?.method.rawValue ?? "truncate")"
            ),
            ("weights", hasInt8 ? "8 bits, for predict and evaluate" : nil),
            ("pooling", configuration.pooling.rawValue), ("Add & Norm", configuration.addNorm.formula),
            (
                "n-grams",
                folder.ngrams.map { "\($0.frequencies.count.grouped) of tokens and characters beside the encoder" }
            ),
            ("adapter", configuration.lora?.description), ("beside", folder.base),
            ("labels", "\(configuration.labels.count): \(labels)"),
            ("problem type", configuration.problemType.rawValue),
            ("calibration", settings.temperature == 1 ? "none" : "temperature \(settings.temperature.figure)"),
            ("threshold", settings.calibratedThreshold.map(\.figure)),
            (
                "trained with",
                data.map {
                    $0.files.map { "\($0.examples.of("text")) of \($0.sha256.prefix(12))…" }.joined(separator: ", ")
                }
            ),
            ("label map", map?.isEmpty == false ? map : nil),
            ("run", run.map { "'\($0.name)', \($0.startedAt), from \($0.model ?? "random weights")" }),
            ("train data", run?.trainFiles.joined(separator: ", ")), ("dev data", run?.devData),
            ("dev \(compared?.metric.words ?? "")", compared?.devValue?.figure),
            (
                "transformers",
                hasInt8
                    ? "refuses it; for other programs, take the model that it was made of"
                    : foreignPart.map { "has no class for \($0), and refuses it; for other programs: addnorm export" }
                        ?? "can load it"
            ),
        ]
        let table = ReportTable(
            facts.filter { $0.value != nil }, [.text("fact", \.name), .text("value") { $0.value ?? "" }])
        try Output.write(table.text)
        if let compared, !compared.evaluations.isEmpty {
            try Output.write("\n" + ReportTable(compared.evaluations).text)
        }
    }
}
