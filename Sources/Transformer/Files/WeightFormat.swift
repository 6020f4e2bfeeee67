/// How the weights of a folder are stored that `transformers` cannot read.
package enum WeightFormat: String, Codable, Sendable {
    /// Those of ``NarrowWeights`` in 8 bits, the others in Float32.
    case int8
}
