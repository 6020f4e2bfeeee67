import Inference

extension TextClassifier {
    /// What a model says of a text.
    public struct Answer: Sendable, Equatable {
        /// The label; where a text can have several, the most probable one, whether it is among ``labels`` or not.
        public let label: String
        /// All labels of the text: one, or where a text can have several, any number.
        public let labels: [String]
        /// How probable it is that the answer is right: the probability of the label; where a text can have several, that of being
        /// right about all of them.
        public let confidence: Float
        /// The probability of every label, by its name. Where a text has one label, they have the sum 1.
        public let probabilities: [String: Float]

        init(_ prediction: Prediction, labels: [String]) {
            let isOne = prediction.labels.count == 1
            label = labels[isOne ? prediction.labels[0] : prediction.mostProbable]
            self.labels = prediction.labels.map { labels[$0] }
            confidence = prediction.confidence
            probabilities = Dictionary(uniqueKeysWithValues: zip(labels, prediction.probabilities))
        }
    }

    /// Which words of a text carried a decision.
    public struct Explanation: Sendable, Equatable {
        /// A word of the text, and by how much it speaks for the label.
        ///
        /// Scores are in nats of the label's log-odds, log(p / (1 − p)), and positive if the word speaks for the label. They are nil
        /// if the word lies beyond what the model reads.
        public struct Word: Sendable, Equatable {
            /// The word as it stands in the text.
            public let text: String
            /// Where it stands in the text.
            public let range: Range<String.Index>
            /// By how much the log-odds fall if the word is left out.
            public let leaveOneOut: Double?
            /// Gradient × input: what the word adds to the log-odds, with all that only scales held constant.
            public let gradient: Double?
        }

        /// The whole text.
        public let text: String
        /// The label that is explained.
        public let label: String
        /// What the model says of the text.
        public let answer: Answer
        /// All words, in their order.
        public let words: [Word]
        /// Whether the text is longer than what the model reads at a time.
        public let isTruncated: Bool

        init(_ explanation: Inference.Explanation, labels: [String]) {
            text = explanation.text
            label = labels[explanation.label]
            answer = Answer(explanation.prediction, labels: labels)
            isTruncated = explanation.isTruncated
            let scalars = explanation.text.unicodeScalars
            let positions = Array(scalars.indices) + [scalars.endIndex]
            words = explanation.words.map { word in
                Word(
                    text: word.text, range: positions[word.place.lowerBound]..<positions[word.place.upperBound],
                    leaveOneOut: word.leaveOneOut, gradient: word.gradient)
            }
        }
    }
}
