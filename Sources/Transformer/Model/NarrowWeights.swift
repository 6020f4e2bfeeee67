import Kernels

/// The weights of a classifier that are multiplied, or read, in fewer bits than Float32 has, by the places of those that they stand for.
///
/// Norms, biases, segments, pooler and head are never among them: they are few, and what they compute decides most.
package struct NarrowWeights {
    enum NarrowMatrix {
        case int8(Int8Matrix)
        case bfloat16(BFloat16Matrix)
    }

    /// Of linear layers.
    var matrices: [Block: NarrowMatrix] = [:]
    /// Of embeddings.
    var tables: [Block: Int8Table] = [:]

    func contains(_ block: Block) -> Bool { matrices[block] != nil || tables[block] != nil }
}
