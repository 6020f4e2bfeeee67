import AddNorm
import Foundation

// classify MODEL TEXT…: prints the label of each text, and how probable it is.
let (model, texts) = (CommandLine.arguments.dropFirst().first ?? "model", Array(CommandLine.arguments.dropFirst(2)))
let classifier = try TextClassifier(contentsOf: URL(filePath: model))
for (text, answer) in zip(texts, try await classifier.classify(texts)) {
    print(answer.label, answer.confidence, text, separator: "\t")
}
