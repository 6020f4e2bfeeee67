/// Something of a trained model that is taken away, to see what it carries (after Veit, Wilber & Belongie, *Residual Networks Behave Like
/// Ensembles of Relatively Shallow Networks*, 2016, section 4).
package struct Lesion: Sendable, Hashable {
    /// The two steps of a layer.
    package enum Step: String, Sendable, CaseIterable { case attention, feedForward = "feed-forward" }

    /// What is taken away of a step.
    package enum Target: String, Sendable, CaseIterable {
        /// F adds nothing.
        case sublayer
        /// Nothing goes past F.
        case residual
        /// What would be normalised stays as it is.
        case norm
    }

    /// Counted from 0.
    package let layer: Int
    package let step: Step
    package let target: Target

    package init(layer: Int, step: Step, target: Target) {
        (self.layer, self.step, self.target) = (layer, step, target)
    }
}

extension SequenceClassifier {
    /// All that can be taken away, one at a time, from the first layer up.
    package var lesions: [Lesion] {
        let variant = configuration.addNorm
        let targets = Lesion.Target.allCases.filter { target in
            switch target {
            case .sublayer: true
            case .residual: variant.residual != .off
            case .norm: variant.norm != .none
            }
        }
        return encoder.layers.indices.flatMap { layer in
            Lesion.Step.allCases.flatMap { step in
                targets.map { Lesion(layer: layer, step: step, target: $0) }
            }
        }
    }

    /// The classifier without one of its ``lesions``. It shares the parameters, and can only be asked for answers.
    package func without(_ lesion: Lesion) -> SequenceClassifier {
        var other = self
        switch lesion.step {
        case .attention: other.encoder.layers[lesion.layer].attention.remove(lesion.target)
        case .feedForward: other.encoder.layers[lesion.layer].feedForward.remove(lesion.target)
        }
        return other
    }
}

extension AddNorm {
    fileprivate mutating func remove(_ target: Lesion.Target) {
        switch target {
        case .sublayer: sublayer = nil
        case .residual: residualFactor = nil
        case .norm: (before, onBranch, after) = (nil, nil, nil)
        }
    }
}
