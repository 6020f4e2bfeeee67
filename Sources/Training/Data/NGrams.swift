import Evaluation
import Foundation
import Kernels
import NGrams
import Transformer

extension ModelFolder {
    /// Learns the n-grams of a new model, beside which its encoder is trained.
    ///
    /// - Parameter encoded: take over what n-grams say of each sequence: of those to train with, without having seen their text
    mutating func learnNGrams(
        _ encoded: inout (training: EncodedExamples, development: EncodedExamples), seed: UInt64, on workers: Workers
    ) {
        let (training, development) = (encoded.training, encoded.development)
        let learned = NGramClassifier.learn(
            Array(training.sequences), texts: training.texts.owners,
            training.targets(ofSequences: training.sequences.indices), labels: classifier.configuration.labels.count,
            characters: tokenizer.charactersOfTokens, seed: seed, on: workers)
        ngrams = learned.classifier
        encoded.training.setLogits(ofNGrams: learned.crossFitted)
        encoded.development.setLogits(
            ofNGrams: workers.map(development.sequences.count) {
                learned.classifier.logits(of: development.sequences[$0])
            })
    }
}

extension DataFiles {
    /// Whether there is memory for the n-grams of the training texts: up to seven of 16 bytes for each character, in several copies, and numbers for each label.
    var haveRoomForNGrams: Bool {
        let bytes = train.examples.reduce(0) { $0 + $1.text.utf8.count }
        return bytes < Int(ProcessInfo.processInfo.physicalMemory) / (400 + 10 * labels.count)
    }
}
