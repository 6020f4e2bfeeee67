import Kernels

/// One layer: attention among the tokens, then a feed-forward network on each of them, both inside ``AddNorm``.
///
/// ### References
/// Vaswani et al., *Attention Is All You Need*, 2017, figure 1 (left).
package struct EncoderLayer: Sendable {
    let attention: AddNorm<MultiHeadAttention>
    let feedForward: AddNorm<FeedForward>

    /// What the backward pass needs.
    package struct Activations {
        var attention: AddNorm<MultiHeadAttention>.Activations
        /// Between the two blocks, `[tokens, hidden]`.
        var middle: Matrix
        var feedForward: AddNorm<FeedForward>.Activations
    }

    /// Memory that all layers share.
    package struct Scratch {
        var attention: AddNorm<MultiHeadAttention>.Scratch
        var feedForward: AddNorm<FeedForward>.Scratch
    }

    /// The number of places where a layer drops something.
    static let sites: UInt32 = 3

    /// Asks `layout` for the parameters of the layer called `name`.
    ///
    /// - Parameter site: the first of this layer's places in the order of dropout
    package init(_ name: String, _ configuration: Configuration, site: UInt32, in layout: inout ParameterLayout) {
        attention = AddNorm(
            MultiHeadAttention("\(name).attention", configuration, site: site, in: &layout),
            norm: "\(name).attention.output.LayerNorm", configuration, site: site + 1, in: &layout)
        feedForward = AddNorm(
            FeedForward(name, configuration, in: &layout),
            norm: "\(name).output.LayerNorm", configuration, site: site + 2, in: &layout)
    }

    /// Activations without memory.
    package func makeActivations() -> Activations {
        Activations(
            attention: attention.makeActivations(), middle: Matrix(columns: attention.norm.gain.columns),
            feedForward: feedForward.makeActivations())
    }

    /// Scratch without memory.
    package func makeScratch() -> Scratch {
        Scratch(attention: attention.makeScratch(), feedForward: feedForward.makeScratch())
    }

    /// - Parameters:
    ///   - x: `[tokens, hidden]`
    ///   - y: becomes `[tokens, hidden]`
    package func forward(
        _ x: Matrix, into y: inout Matrix, keeping activations: inout Activations, _ scratch: inout Scratch,
        _ parameters: FloatBuffer, _ pass: Pass
    ) {
        attention.forward(
            x, into: &activations.middle, keeping: &activations.attention, &scratch.attention, parameters, pass)
        feedForward.forward(
            activations.middle, into: &y, keeping: &activations.feedForward, &scratch.feedForward, parameters, pass)
    }

    /// - Parameters:
    ///   - gradient: dy, `[tokens, hidden]`; becomes dx
    ///   - x: what ``forward(_:into:keeping:_:_:_:)`` was given
    package func backward(
        _ gradient: inout Matrix, _ x: Matrix, _ activations: Activations, _ scratch: inout Scratch,
        _ parameters: FloatBuffer, gradients: inout Gradients, _ pass: Pass
    ) {
        feedForward.backward(
            &gradient, activations.middle, activations.feedForward, &scratch.feedForward, parameters,
            gradients: &gradients, pass)
        attention.backward(
            &gradient, x, activations.attention, &scratch.attention, parameters, gradients: &gradients, pass)
    }
}
