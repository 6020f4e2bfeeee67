/// Attention without a table of positions: queries and keys are turned by angles that grow with their places, and layers that see all tokens take turns
/// with layers that see the neighbours. What a ``Configuration`` with ``Configuration/Positions/rotary`` has besides.
///
/// ### References
/// Su et al., *RoFormer*, 2021; Warner et al., *Smarter, Better, Faster, Longer: A Modern Bidirectional Encoder*, 2024, section 2.1.
package struct AlternatingAttention: Sendable, Equatable {
    /// The base of the angles in layers that see all tokens.
    package var globalBase = 160_000.0
    /// The same in those that see the neighbours.
    package var localBase = 10_000.0
    /// How many neighbours of a token are seen: half of them before it, and half after.
    package var window = 128
    /// The first layer sees all tokens, and every so many after it.
    package var globalEvery = 3
    /// Whether each layer sees all tokens, where that follows no such rule; nil: it does.
    package var globalLayers: [Bool]?

    /// Whether a layer sees all tokens.
    func isGlobal(_ layer: Int) -> Bool { globalLayers?[layer] ?? (layer % globalEvery == 0) }

    /// The base of a layer's angles.
    func base(ofLayer layer: Int) -> Double { isGlobal(layer) ? globalBase : localBase }

    /// How far a layer sees to both sides; nil: to the ends.
    func reach(ofLayer layer: Int) -> Int? { isGlobal(layer) ? nil : window / 2 }

    /// Says which layers see all tokens, by the rule if they follow one.
    mutating func setGlobalLayers(_ layers: [Bool]) {
        let rule = (1...max(1, layers.count)).first { every in
            layers.enumerated().allSatisfy { $0.element == ($0.offset % every == 0) }
        }
        (globalEvery, globalLayers) = (rule ?? globalEvery, rule == nil ? layers : nil)
    }

    /// Why no encoder of so many layers can have it; nil if one can.
    func problem(layers: Int) -> String? {
        if !(globalBase > 0 && localBase > 0) { return "the bases of the rotary positions must be above 0" }
        if window < 0 { return "local_attention is \(window); it must be at least 0" }
        if globalEvery < 1 { return "global_attn_every_n_layers is \(globalEvery); it must be at least 1" }
        if let count = globalLayers?.count, count != layers { return "layer_types names \(count) layers of \(layers)" }
        return nil
    }
}
