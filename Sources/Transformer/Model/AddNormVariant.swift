import Foundation

/// A form of Add & Norm, the step around each sublayer F of an encoder of N layers: what goes past F, what normalises, and where.
///
/// | name | y | source |
/// | --- | --- | --- |
/// | `post` | norm(x + F(x)) | Vaswani et al., *Attention Is All You Need*, 2017, section 3.1; BERT's |
/// | `pre` | x + F(norm(x)), and a norm at the end of the encoder | Xiong et al., *On Layer Normalization in the Transformer Architecture*, 2020 |
/// | `sandwich` | x + norm(F(norm(x))), and a norm at the end | Ding et al., *CogView*, 2021; Kim et al., *Peri-LN*, 2025 |
/// | `none` | x + F(x) | |
/// | `post-off`, `pre-off`, … | the same without x: norm(F(x)), F(norm(x)) | He et al. 2016; Dong et al., *Attention Is Not All You Need*, 2021 |
/// | `deepnorm` | norm(α x + F(x)), α = (2 N)^¼ | Wang et al., *DeepNet*, 2022 |
/// | `rezero` | x + a · F(x), a = 0 at first, one a for each sublayer | Bachlechner et al., *ReZero Is All You Need*, 2020 |
///
/// Each norm can stand in each place: `pre-rmsnorm`, `post-batchnorm`. The LayerNorm of the embeddings is no part of the step, and is the same in all
/// forms.
package struct AddNormVariant: Sendable, Hashable, CustomStringConvertible {
    /// What normalises.
    package enum Norm: String, Sendable, Codable, CaseIterable {
        /// Mean 0 and variance 1 over the features of a token: Ba, Kiros & Hinton, *Layer Normalization*, 2016.
        case layerNorm = "layernorm"
        /// Mean square 1: Zhang & Sennrich, *Root Mean Square Layer Normalization*, 2019.
        case rmsNorm = "rmsnorm"
        /// tanh, without statistics: Zhu et al., *Transformers without Normalization*, 2025.
        case dynamicTanh = "dyt"
        /// Mean 0 and variance 1 of a feature over the tokens of a batch: Ioffe & Szegedy, *Batch Normalization*, 2015.
        case batchNorm = "batchnorm"
        case none
    }

    /// Where the norm stands.
    package enum Placement: String, Sendable, Codable, CaseIterable {
        /// After the sum.
        case post
        /// Before the sublayer.
        case pre
        /// Before and after the sublayer.
        case sandwich
    }

    /// What goes past the sublayer.
    package enum Residual: String, Sendable, Codable, CaseIterable {
        /// x: He, Zhang, Ren & Sun, *Deep Residual Learning for Image Recognition*, 2016.
        case on
        /// Nothing.
        case off
        /// x, beside a · F(x).
        case rezero
        /// α x.
        case deepnorm
    }

    package var norm: Norm
    package var placement: Placement
    package var residual: Residual

    /// Creates a form; BERT's, but for what is given.
    package init(_ norm: Norm = .layerNorm, _ placement: Placement = .post, _ residual: Residual = .on) {
        (self.norm, self.placement, self.residual) = (norm, placement, residual)
    }

    // MARK: Names

    /// Reads a name: placement, norm and residual in any order, between hyphens, without what is BERT's: `pre-rmsnorm`. `rezero` has no norm.
    ///
    /// - Throws: ``ModelError`` if a part is unknown, or the form is one without meaning.
    package init(named name: String) throws {
        var (norm, placement, residual): (Norm?, Placement?, Residual?)
        for part in name.lowercased().split(separator: "-", omittingEmptySubsequences: false).map(String.init) {
            if let value = Norm(rawValue: part), norm == nil {
                norm = value
            } else if let value = Placement(rawValue: part), placement == nil {
                placement = value
            } else if let value = Residual(rawValue: part), residual == nil {
                residual = value
            } else {
                let parts =
                    Placement.allCases.map(\.rawValue) + Norm.allCases.map(\.rawValue)
                    + Residual.allCases.map(\.rawValue)
                throw ModelError(
                    "there is no form of Add & Norm called '\(name)'; a name is made of \(parts.joined(separator: ", ")),"
                        + " with hyphens between them: post, pre-rmsnorm, post-off")
            }
        }
        self.init(norm ?? (residual == .rezero ? .none : .layerNorm), placement ?? .post, residual ?? .on)
        if let problem = problem ?? (self.norm == .none && placement != nil ? Self.placeOfNothing : nil) {
            throw ModelError("'\(name)': \(problem)")
        }
    }

    /// The shortest name.
    package var description: String {
        switch residual {
        case .rezero: "rezero"
        case .deepnorm: norm == .layerNorm ? "deepnorm" : "deepnorm-\(norm.rawValue)"
        case .on, .off:
            [
                norm == .none ? nil : placement.rawValue, norm == .layerNorm ? nil : norm.rawValue,
                residual == .on ? nil : residual.rawValue,
            ].compactMap { $0 }.joined(separator: "-")
        }
    }

    /// y, as a formula.
    package var formula: String {
        let names: [Norm: String] = [
            .layerNorm: "LayerNorm", .rmsNorm: "RMSNorm", .dynamicTanh: "DyT", .batchNorm: "BatchNorm",
        ]
        func normed(_ x: String) -> String { names[norm].map { "\($0)(\(x))" } ?? x }
        let skip =
            switch residual {
            case .on: "x + "
            case .off: ""
            case .rezero: "x + a·"
            case .deepnorm: "αx + "
            }
        return switch placement {
        case .post: normed("\(skip)F(x)")
        case .pre: "\(skip)F(\(normed("x")))"
        case .sandwich: "\(skip)\(normed("F(\(normed("x")))"))"
        }
    }

    // MARK: What follows

    /// Why the form has no meaning; nil if it has one.
    package var problem: String? {
        switch residual {
        case .rezero where norm != .none: "ReZero has no norm: it is x + a·F(x)"
        case .deepnorm where norm == .none || placement != .post:
            "DeepNorm is norm(αx + F(x)): it needs a norm, after the sum"
        default: norm == .none && placement != .post ? Self.placeOfNothing : nil
        }
    }

    /// What is wrong with a place for the norm where there is none.
    package static let placeOfNothing = "without a norm there is no place where it stands"

    /// Whether the encoder ends with a norm of its own, since no layer has normalised the last sum.
    var hasFinalNorm: Bool { placement != .post && norm != .none }

    /// α, what x is multiplied with in the sum of an encoder of so many layers.
    package func residualFactor(layers: Int) -> Float { residual == .deepnorm ? pow(2 * Float(layers), 0.25) : 1 }

    /// β, what the standard deviation of the initial weights of values, attention's output and feed-forward sublayers is multiplied with: (8 N)^−¼ for
    /// DeepNorm.
    func initialGain(layers: Int) -> Float { residual == .deepnorm ? pow(8 * Float(layers), -0.25) : 1 }
}
