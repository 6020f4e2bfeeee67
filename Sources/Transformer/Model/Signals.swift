import Kernels

/// What passes through one encoder layer, forward and back.
package struct LayerSignal: Sendable {
    /// ‖∂loss/∂θ‖ over the layer's parameters.
    package let gradientNorm: Double
    /// ‖∂loss/∂h‖ over the hidden states that the layer returns.
    package let hiddenGradientNorm: Double
    /// The variance over the features of a token of the hidden states that the layer returns, in the mean over tokens.
    package let variance: Double
    /// The cosine between the hidden states of two tokens of a text, in the mean over pairs and texts; 1 where all tokens have become one
    /// (Dong, Cordonnier & Loukas, *Attention Is Not All You Need*, 2021).
    package let cosine: Double

    package init(gradientNorm: Double, hiddenGradientNorm: Double, variance: Double, cosine: Double) {
        (self.gradientNorm, self.hiddenGradientNorm) = (gradientNorm, hiddenGradientNorm)
        (self.variance, self.cosine) = (variance, cosine)
    }
}

extension SequenceClassifier {
    /// What a batch and its loss are in each layer, as in a step of training.
    ///
    /// - Parameters:
    ///   - randomness: of dropout, if the configuration has some
    ///   - workspace: one made for the training of all parts; its gradients become those of the batch
    /// - Returns: one for each layer, from the embeddings up
    package func signals(
        _ batch: Batch, targets: Targets, randomness: Pass.Randomness, in workspace: inout Workspace
    ) -> [LayerSignal] {
        precondition(workspace.reach == .all, "a workspace that does not keep all layers")
        workspace.gradients.clear()
        let pass = pass(over: .texts(batch), randomness, in: workspace).with(\.outputRows, nil)
        forward(.texts(batch), in: pass, &workspace)
        let gradient = CrossEntropy().gradient(workspace.logits, targets: targets, total: nil)
        var hiddenGradients: [Double] = []
        backward(gradient, input: .texts(batch), in: pass, &workspace) { hiddenGradients.append($0.norm) }
        workspace.gradients.finishPass()
        let norms = workspace.gradients.norms(of: layout)
        let states = workspace.encoder.outputs
        return states.indices.map { layer in
            LayerSignal(
                gradientNorm: norms.first { $0.part == .layer(layer) }?.norm ?? 0,
                hiddenGradientNorm: hiddenGradients[states.count - 1 - layer],
                variance: states[layer].meanRowVariance,
                cosine: states[layer].meanCosine(offsets: batch.offsets))
        }
    }
}

extension SequenceClassifier.Workspace {
    /// The mean norm of a token's hidden state after each layer that is kept, of the last batch; layers are counted from 0.
    package var hiddenStateNorms: [(layer: Int, norm: Double)] {
        let first = reach.lowestLayer
        return encoder.outputs.enumerated().map { (first + $0, $1.meanRowNorm) }
    }
}

extension Gradients {
    /// The norm of the gradients in each part of the model that is trained, from the embeddings up.
    package func norms(of layout: ParameterLayout) -> [(part: Part, norm: Double)] {
        var sums: [(part: Part, sum: Double)] = []
        for parameter in layout.parameters {
            guard let block = block(of: parameter.block) else { continue }
            let sum = values.sumOfSquares(block)
            if sums.last?.part == parameter.part {
                sums[sums.count - 1].sum += sum
            } else {
                sums.append((parameter.part, sum))
            }
        }
        return sums.map { ($0.part, $0.sum.squareRoot()) }
    }
}
