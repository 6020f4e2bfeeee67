import Kernels

extension SequenceClassifier {
    /// How much each token speaks for a label: gradient × input, without dropout.
    ///
    /// With x the embeddings that the encoder reads, after their LayerNorm, and f the ``logOdds(of:_:_:)`` of the label, token t
    /// scores Σ ∂f/∂x[t, h] · x[t, h], summed over the hidden size. The derivative is `Derivatives.linearized`: with the model's
    /// own gradient, scores hardly agree with what leaving words out does.
    ///
    /// ### References
    /// Simonyan, Vedaldi & Zisserman, *Deep Inside Convolutional Networks*, 2014, section 3 (the gradient); Shrikumar, Greenside,
    /// Shcherbina & Kundaje, *Not Just a Black Box*, 2016 (times the input); Ali et al., *XAI for Transformers: Better Explanations
    /// through Conservative Propagation*, 2022 (the constants).
    ///
    /// - Parameters:
    ///   - labels: the id of each text's label
    ///   - offset: is added to the logits, `[texts, labels]`; nil: nothing is
    ///   - temperature: what the logits are divided by
    ///   - workspace: one made for explanation
    /// - Returns: the scores in nats, `[tokens]`
    package func gradientTimesInput(
        _ batch: Batch, labels: [Int], offset: Matrix? = nil, temperature: Double = 1, in workspace: inout Workspace
    ) -> [Double] {
        precondition(workspace.reach == .all, "a workspace that keeps no embeddings")
        let pass = pass(over: .texts(batch), in: workspace).with(\.derivatives, .linearized)
        forward(.texts(batch), in: pass, &workspace)
        if let offset { workspace.logits.add(offset) }
        let logits = workspace.logits.scaled(by: Float(1 / temperature))
        let gradient = labels.enumerated().flatMap { text, label in
            logOddsGradient(of: label, logits.row(text), configuration.problemType)
        }
        let dLogits = Matrix(gradient, columns: logits.columns).scaled(by: Float(1 / temperature))
        backward(dLogits, input: .texts(batch), in: pass, &workspace)
        let (input, inputGradient) = (workspace.encoder.input, workspace.gradient)
        return batch.ids.indices.map { token in
            zip(input.row(token), inputGradient.row(token)).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        }
    }
}
