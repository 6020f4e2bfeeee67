import Kernels

/// In how many bits the encoder's weights are multiplied with its activations.
package enum Precision: String, CaseIterable, Sendable {
    case float32 = "fp32"
    /// Both in bfloat16, with sums in Float32.
    case bfloat16 = "bf16"

    /// Refuses what this processor cannot compute, unless it is to be emulated, and to emulate what needs no emulation.
    ///
    /// - Throws: ``ModelError`` that names the options.
    package func require(emulated: Bool) throws {
        if emulated && self != .bfloat16 { throw ModelError("--emulate is for --precision bf16") }
        if self == .bfloat16 && !emulated && !BFloat16Matrix.isAvailable {
            throw ModelError(
                "--precision bf16: this processor has no instructions for it (AVX512-BF16); with --emulate, 'train', 'evaluate' and"
                    + " 'predict' compute the same bits without them, slower than fp32")
        }
    }
}

extension SequenceClassifier {
    /// Makes the matrices of the encoder those that a precision multiplies with, from the parameters as they are now.
    ///
    /// - Parameter trained: what the backward pass reaches; nil: there is none
    package mutating func convertMatrices(to precision: Precision, trained: TrainedParts? = nil, on workers: Workers) {
        guard precision == .bfloat16 else { return }
        narrow = NarrowWeights()
        for place in narrowPlaces where !place.isTable {
            let matrix = BFloat16Matrix(
                outputs: place.block.rows, inputs: place.block.columns,
                hasGradients: trained.map(place.part.isReached) ?? false)
            narrow.matrices[place.block] = .bfloat16(matrix)
            convertMatrix(at: place.block, on: workers)
        }
    }

    /// Converts the matrices again whose parameters a training has changed.
    package mutating func convertMatrices(of trained: TrainedParts, on workers: Workers) {
        for place in narrowPlaces where trained.contains(place.part, isAdapter: false) {
            convertMatrix(at: place.block, on: workers)
        }
    }

    private mutating func convertMatrix(at block: Block, on workers: Workers) {
        // Taken out, so that its memory has one owner.
        guard case .bfloat16(var matrix) = narrow.matrices.removeValue(forKey: block) else { return }
        matrix.replace(with: parameters[block], on: workers)
        narrow.matrices[block] = .bfloat16(matrix)
    }
}

extension Part {
    /// Whether the backward pass goes through it where these parts are trained.
    fileprivate func isReached(by trained: TrainedParts) -> Bool {
        switch self {
        case .embeddings: trained.embeddings
        case .layer(let index): index >= trained.lowestLayer
        case .head: true
        }
    }
}
