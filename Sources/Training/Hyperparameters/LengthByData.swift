import Foundation
import Inference
import Tokenization
import Transformer

extension Hyperparameters {
    /// What the backward pass may keep of a batch, in bytes, for texts to be read further than usual.
    private static let mostBytesOfBatch = 2e9
    /// Of more texts, so many are looked at, evenly spread.
    private static let mostTextsLookedAt = 10_000
    /// The share of texts that may be cut off.
    private static let mostCutOff = 0.01

    /// Decides about ``HyperparameterDeclarations/maxLength`` where nobody has: the least of 128, 256 and 512 tokens that no more than one text in a hundred
    /// exceeds, or the largest for whose batches there is room. Texts that are not truncated are read 128 tokens at a time.
    ///
    /// - Parameters:
    ///   - texts: of the training data
    ///   - configuration: of the model that is to read them; its maximum length is a limit
    /// - Returns: what is to be said of it; nil if it is the usual length
    /// - Throws: an error if a text is too long to be split.
    mutating func chooseLength(
        for texts: [Text], _ tokenizer: Tokenizer, _ configuration: Configuration
    ) throws -> String? {
        guard self.maxLength == nil else { return nil }
        let usual = min(HyperparameterDeclarations.usualMaxLength, configuration.maximumLength)
        self.maxLength = usual
        guard self.longTextsMethod == .truncate else { return nil }
        let step = max(1, texts.count / Self.mostTextsLookedAt)
        let sample = stride(from: 0, to: texts.count, by: step).map { texts[$0] }
        let encoded = try EncodedTexts(sample, tokenizer, LongTexts(maximumLength: usual), on: self.workers)
        func shareOfLonger(than length: Int) -> Double {
            Double(encoded.lengths.count { $0 > length }) / Double(max(1, sample.count))
        }
        let bytesOfToken = try 4 * self.batchSize * ofLargestPart.floatsKeptOfToken(of: configuration)
        var length = usual
        while length < configuration.maximumLength, shareOfLonger(than: length) > Self.mostCutOff {
            let next = min(2 * length, configuration.maximumLength)
            guard next <= HyperparameterDeclarations.longestByData,
                Double(next * bytesOfToken) <= Self.mostBytesOfBatch
            else { break }
            length = next
        }
        if length == usual { return nil }
        self.maxLength = length
        return String(
            format:
                "%.1f %% of the texts have more than %d tokens: up to %d are read (--max-length), which cuts off %.1f %%",
            100 * shareOfLonger(than: usual), usual, length, 100 * shareOfLonger(than: length))
    }

    /// What the backward pass reads of each token, in all layers that it goes through.
    ///
    /// - Throws: ``TrainingError`` if the model has fewer layers than are to be trained.
    func floatsKeptOfToken(of configuration: Configuration) throws -> Int {
        let lowestLayer = try trainedParts(of: configuration).lowestLayer
        let layers = trainsHeadOnly ? 0 : max(1, configuration.layers - lowestLayer)
        return layers
            * (4 * configuration.hiddenSize + (configuration.isGated ? 2 : 1) * configuration.intermediateSize)
    }
}
