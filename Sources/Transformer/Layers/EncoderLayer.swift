import Kernels

/// One layer: attention among the tokens, then a feed-forward network on each of them, both inside ``AddNorm``.
///
/// ### References
/// Vaswani et al., *Attention Is All You Need*, 2017, figure 1 (left).
package struct EncoderLayer: Sublayer {
    var attention: AddNorm<MultiHeadAttention>
    var feedForward: AddNorm<FeedForward>

    /// What the backward pass needs.
    package struct Activations: LayerActivations {
        var attention = AddNorm<MultiHeadAttention>.Activations()
        /// Between the two blocks, `[tokens, hidden]`.
        var middle = Matrix()
        var feedForward = AddNorm<FeedForward>.Activations()

        package init() {}
    }

    /// Asks `layout` for the parameters `name.attention. …` and `name.feedForward. …`.
    ///
    /// - Parameter number: of the layer, from 0
    package init(
        _ name: String, _ configuration: Configuration, number: Int = 0, in layout: inout ParameterLayout
    ) {
        attention = AddNorm(
            MultiHeadAttention("\(name).attention", configuration, layer: number, in: &layout), "\(name).attention",
            configuration, dropout: configuration.rateOfAttentionOutput,
            normalizes: number > 0 || configuration.normalizesFirst, in: &layout)
        feedForward = AddNorm(
            FeedForward("\(name).feedForward", configuration, in: &layout), "\(name).feedForward", configuration,
            dropout: configuration.innerDropout == nil ? configuration.dropout : 0, in: &layout)
    }

    package func forward(_ x: Matrix, into y: inout Matrix, keeping activations: inout Activations, in pass: Pass) {
        attention.forward(x, into: &activations.middle, keeping: &activations.attention, in: pass)
        feedForward.forward(activations.middle, into: &y, keeping: &activations.feedForward, in: pass)
    }

    package func backward(_ gradient: inout Matrix, input x: Matrix, kept activations: Activations, in pass: Pass) {
        feedForward.backward(&gradient, input: activations.middle, kept: activations.feedForward, in: pass)
        attention.backward(&gradient, input: x, kept: activations.attention, in: pass)
    }

    /// Takes over, after a step of training, what the norms have to remember of a batch.
    func remember(_ activations: Activations, in parameters: inout FloatBuffer) {
        attention.remember(activations.attention, in: &parameters)
        feedForward.remember(activations.feedForward, in: &parameters)
    }
}
