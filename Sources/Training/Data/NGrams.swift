import Evaluation
import Foundation
import Kernels
import NGrams
import Transformer

extension ModelFolder {
    /// Learns the n-grams of a new model, beside which its encoder is trained.
    ///
    /// - Parameter encoded: take over what n-grams say of each sequence: of those to train with, without having seen their text
    /// - Throws: ``TrainingError`` if class weights are for labels that do not exist.
    mutating func learnNGrams(
        _ encoded: inout (training: EncodedExamples, development: EncodedExamples), _ hyperparameters: Hyperparameters,
        on workers: Workers
    ) throws {
        let training = encoded.training
        let configuration = classifier.configuration
        let classWeights = try hyperparameters.classWeights.weights(
            labels: configuration.labels, targets: training.targets)
        let learned = NGramClassifier.learn(
            zip(training.sequences.idsOfEach, training.texts.owners).map { ($0, $1) },
            training.targets(ofSequences: training.sequences.indices), labels: configuration.labels.count,
            classWeights: classWeights, characters: tokenizer.charactersOfTokens, seed: hyperparameters.seed,
            on: workers)
        ngrams = learned.classifier
        encoded.training.setLogits(ofNGrams: learned.crossFitted)
        encoded.development.setLogits(
            ofNGrams: learned.classifier.logits(of: encoded.development.sequences.idsOfEach, on: workers))
    }
}

extension DataFiles {
    /// The most labels, each of which has weights of its own.
    private static let mostLabelsOfNGrams = 200

    /// Whether there are memory and time for the n-grams of the training texts: up to six for each byte, which are counted and numbered once, and weighted by each thread that
    /// fits a classifier, with one number for each label.
    func haveRoomForNGrams(_ longTexts: LongTexts, on workers: Workers) -> Bool {
        let bytes = train.examples.reduce(0.0) { $0 + Double($1.input.joined.utf8.count) }
        let fits = Double(min(workers.count, NGramClassifier.fits))
        let perByte = 6 * (32 + 16 * fits) + 4 * fits * Double(labels.count)
        // Windows overlap by half.
        let copies = longTexts.method == .windows ? 2.0 : 1
        return labels.count <= Self.mostLabelsOfNGrams
            && bytes * perByte * copies < Double(ProcessInfo.processInfo.physicalMemory) / 2
    }
}
