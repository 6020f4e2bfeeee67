import Evaluation
import Inference
import Kernels
import Statistics
import Transformer

/// What a trained model's own Add & Norm carries: it is run once as it is, and once without each of its parts in turn, on the same texts
/// (after Veit, Wilber & Belongie, *Residual Networks Behave Like Ensembles of Relatively Shallow Networks*, 2016, section 4).
package struct LesionStudy: Sendable {
    /// What the model is without one of its parts.
    package struct Result: Sendable {
        package let lesion: Lesion
        package let accuracy: Double
        /// How many texts only the whole model got right, and only the model without the part.
        package let onlyWhole, onlyLesioned: Int
        /// McNemar's exact test, after Holm's correction for the number of lesions.
        package fileprivate(set) var p: Double
    }

    /// The accuracy of the whole model.
    package let accuracy: Double
    package let texts: Int
    /// In the order of the layers.
    package let results: [Result]

    /// More texts would take minutes, and tell the same.
    package static let mostTexts = 300

    /// - Parameters:
    ///   - examples: of which at most ``mostTexts`` are used, chosen at random, always the same
    ///   - report: is told how many lesions are done, of how many, and returns whether to go on
    /// - Throws: ``ModelError`` if the whole model's numbers have overflowed.
    package init?(
        of classifier: SequenceClassifier, on examples: EncodedExamples, workers: Workers,
        report: (_ done: Int, _ count: Int) -> Bool
    ) throws {
        var random = RandomNumbers(seed: 0, stream: .heldOut)
        let chosen = Array((0..<examples.count).shuffled(using: &random).prefix(Self.mostTexts)).sorted()
        let (part, targets) = (examples.texts.part(chosen), examples.targets.at(chosen))
        var predictor = Predictor(for: classifier, batchSize: 32, workers: workers)
        func rights(_ classifier: SequenceClassifier) throws -> [Bool] {
            let logits = LabeledLogits(
                logits: predictor.logits(classifier, part), targets: targets, tokens: 0, seconds: 0)
            let result = try EvaluationResult(logits, classifier.configuration)
            return chosen.indices.map(result.isRight)
        }
        func share(_ rights: [Bool]) -> Double { Double(rights.count { $0 }) / Double(max(rights.count, 1)) }
        let whole = try rights(classifier)
        (accuracy, texts) = (share(whole), whole.count)
        let lesions = classifier.lesions
        var results: [Result] = []
        for lesion in lesions {
            // Without a norm numbers can overflow: then nothing is right.
            let found = (try? rights(classifier.without(lesion))) ?? Array(repeating: false, count: whole.count)
            let onlyWhole = zip(whole, found).count { $0 && !$1 }
            let onlyLesioned = zip(whole, found).count { !$0 && $1 }
            results.append(
                Result(
                    lesion: lesion, accuracy: share(found), onlyWhole: onlyWhole, onlyLesioned: onlyLesioned,
                    p: mcNemarTest(onlyA: onlyWhole, onlyB: onlyLesioned)))
            guard report(results.count, lesions.count) else { return nil }
        }
        for (place, p) in holm(results.map(\.p)).enumerated() { results[place].p = p }
        self.results = results
    }
}
