import Kernels
import Tokenization
import Transformer

/// What each word of a text contributes to a classifier's decision, by two methods.
package struct Explanation: Sendable {
    /// How a word's contribution is found.
    package enum Method: String, CaseIterable, Sendable {
        /// Gradient × input: ``SequenceClassifier/gradientTimesInput(_:labels:offset:temperature:in:)``, summed over a word's tokens, and for the n-grams
        /// that stand beside an encoder by how much the log-odds fall if they alone miss the word.
        case gradient
        /// By how much the log-odds of the label fall if the word is left out (Li, Monroe & Jurafsky, *Understanding Neural
        /// Networks through Representation Erasure*, 2016).
        case leaveOneOut = "leave-one-out"
    }

    /// A word of the text. Its scores are in nats and positive if the word speaks for the label; they are nil if the model does not
    /// read so far.
    package struct Word: Sendable {
        /// The word as it stands in the text.
        package let text: String
        /// Where it stands in the text, in Unicode code points.
        package let place: Range<Int>
        /// Its score by ``Method/gradient``.
        package let gradient: Double?
        /// Its score by ``Method/leaveOneOut``.
        package let leaveOneOut: Double?

        /// Its score by one of the methods.
        package func score(by method: Method) -> Double? {
            switch method {
            case .gradient: gradient
            case .leaveOneOut: leaveOneOut
            }
        }
    }

    /// The whole text; of two, both as one.
    package let text: String
    /// The id of the label that is explained.
    package let label: Int
    /// What the model says of the text.
    package let prediction: Prediction
    /// All words, in their order.
    package let words: [Word]
    /// Whether the text was longer than the model reads.
    package let isTruncated: Bool

    /// The probability of ``label``.
    package var confidence: Float { prediction.probabilities[label] }

    /// The index of the word that speaks most for the label, the first of equal ones; nil if the model reads no word.
    package func mostInFavor(by method: Method) -> Int? {
        let read = words.indices.filter { words[$0].gradient != nil }
        return read.max { (words[$0].score(by: method)!, $1) < (words[$1].score(by: method)!, $0) }
    }

    /// The words that speak for the label, or against it, the strongest first.
    package func words(for isFor: Bool, by method: Method) -> [Word] {
        words.filter { $0.score(by: method).map { isFor ? $0 > 0 : $0 < 0 } == true }
            .sorted { abs($0.score(by: method)!) > abs($1.score(by: method)!) }
    }

    /// Whether both methods name the same word as the one most in favour; nil if the model reads no word.
    package var agrees: Bool? {
        mostInFavor(by: .gradient).map { $0 == mostInFavor(by: .leaveOneOut) }
    }
}

extension Classifier {
    /// Explains the decision on one text, or on two that are read together: a pass forward and back, and one forward for each word. What is longer than the model
    /// reads is cut off, and explained as far as it is read.
    ///
    /// - Parameter label: the id of the label to explain; nil: the predicted one, or if there are several or none, the most
    ///   probable
    /// - Throws: ``ModelError`` if the model reads pairs of texts and there is no second one, or if its numbers have overflowed.
    package mutating func explain(_ text: Text, label: Int? = nil) throws -> Explanation {
        try model.requirePairs(in: [text])
        try model.requireFloat32(for: "explaining")
        let (sequence, words, isTruncated) = try align(text)
        try configuration.requireMemory(forExplaining: sequence.ids.count, words: words.count, on: workers)
        let ngrams = ngramLogits(of: [sequence])
        let encoder = try logits(of: [sequence])
        let predictions = try answers(encoder.adding(ngrams))
        let prediction = predictions[0]
        let label = label ?? (prediction.labels.count == 1 ? prediction.labels[0] : prediction.mostProbable)
        var workspace = explaining.take() ?? model.classifier.makeWorkspace(for: .explanation, on: workers)
        let scores = model.classifier.gradientTimesInput(
            Batch([sequence]), labels: [label], offset: ngrams, temperature: model.settings.temperature, in: &workspace)
        explaining = workspace
        let read = words.filter { $0.tokens?.isEmpty == false }
        let variants = read.map { sequence.without($0.tokens!) }
        let ngramsWithout = ngramLogits(of: variants)
        func logOdds(_ predictions: Predictions) -> [Double] {
            (0..<predictions.logits.rows).map {
                Transformer.logOdds(of: label, predictions.logits.row($0), configuration.problemType)
            }
        }
        let whole = logOdds(predictions)[0]
        var without = logOdds(try answers(logits(of: variants).adding(ngramsWithout)))[...]
        // N-grams have no tokens, and no gradients: in their place is what they lose with the word.
        let sameEncoder = Matrix(rows: read.map { _ in encoder.row(0) })
        var withoutNGrams = logOdds(try answers(sameEncoder.adding(ngramsWithout)))[...]
        guard whole.isFinite, (scores + without).allSatisfy(\.isFinite) else { throw ModelError.overflow }
        return Explanation(
            text: text.joined, label: label, prediction: prediction,
            words: words.map { word in
                Explanation.Word(
                    text: word.text, place: word.place,
                    gradient: word.tokens.map {
                        scores[$0].reduce(0, +) + ($0.isEmpty ? 0 : whole - withoutNGrams.removeFirst())
                    },
                    // A word without tokens is not missed.
                    leaveOneOut: word.tokens.map { $0.isEmpty ? 0 : whole - without.removeFirst() })
            }, isTruncated: isTruncated)
    }

    /// What is read of a text, which of the tokens belong to which word, and whether the text was longer.
    private func align(_ text: Text) throws -> (TokenSequence, words: [AlignedWord], isTruncated: Bool) {
        let (tokenizer, length) = (model.tokenizer, longTexts.maximumLength)
        guard let second = text.second else {
            let (encoding, words) = tokenizer.align(text.first, maximumLength: length)
            return (TokenSequence(encoding.ids), words, encoding.isTruncated)
        }
        try tokenizer.requirePairs(longTexts)
        let (pair, words) = tokenizer.align(text.first, second, maximumLength: length)
        return (TokenSequence(pair.ids, segments: pair.segments), words, pair.length > length)
    }
}

extension TokenSequence {
    /// The same without some of its tokens.
    fileprivate func without(_ tokens: Range<Int>) -> TokenSequence {
        func rest(_ all: [Int]) -> [Int] {
            all.isEmpty ? [] : Array(all[..<tokens.lowerBound] + all[tokens.upperBound...])
        }
        return TokenSequence(rest(ids), segments: rest(segments))
    }
}
