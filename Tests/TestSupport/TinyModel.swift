import Tokenization
import Transformer

/// A model that is made in no time, with random parameters large enough to tell texts apart. It knows the words "a", "good", "film"
/// and "bad", some marks and the letters b and t.
package func tinyModel(
    labels: [String] = ["a", "b", "c"], problemType: Configuration.ProblemType = .singleLabel,
    pooling: Configuration.Pooling = .mean
) throws -> ModelFolder {
    let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "good", "film", ",", "!", "b", "##ad", "'", "t"]
    var configuration = Configuration(
        vocabularySize: pieces.count, hiddenSize: 8, layers: 2, heads: 2, intermediateSize: 12, labels: labels)
    configuration.pooling = pooling
    configuration.initializerRange = 0.5
    configuration.problemType = problemType
    return ModelFolder(
        classifier: try SequenceClassifier(configuration, seed: 3),
        tokenizer: try Tokenizer(tokens: pieces, source: "test"))
}
