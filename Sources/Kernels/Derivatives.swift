/// What a backward pass takes for the derivatives of the functions that are not linear.
package enum Derivatives: Sendable {
    /// What they are: the result is the gradient.
    case exact
    /// Everything that only scales is taken for a constant: the probabilities of attention, the deviations of LayerNorm, and
    /// f(x) / x of the activation functions.
    ///
    /// The result is then not the gradient of the model, but that of a network that gives the same output and is linear, but
    /// for its biases: gradient × input says what each part of the input adds to the output (Ali et al., *XAI for Transformers:
    /// Better Explanations through Conservative Propagation*, 2022; for the activation functions, Achtibat et al., *AttnLRP*,
    /// 2024).
    case linearized
}
