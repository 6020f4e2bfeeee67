import Foundation
import Kernels
import TestSupport
import Testing
import Transformer

/// Every layer's backward pass against central finite differences of the ``Reference``'s forward pass in double precision,
/// and its forward pass against the same. Dropout is on: its masks are a function of the position, so they hold still.
@Suite struct GradientTests {
    static let offsets = [0, 4, 5, 11]
    static let workers = Workers(count: 2)
    static let seed: UInt64 = 7
    static let step: UInt64 = 3
    static var rows: Int { offsets.last! }

    static func configuration(
        _ variant: AddNormVariant = AddNormVariant(), _ pooling: Configuration.Pooling = .cls,
        _ activation: Activation = .gelu
    ) -> Configuration {
        var configuration = Configuration(
            vocabularySize: 13, hiddenSize: 8, layers: 2, heads: 2, intermediateSize: 12, labels: ["a", "b", "c"])
        configuration.maximumLength = 7
        configuration.dropout = 0.2
        configuration.attentionDropout = 0.3
        configuration.addNorm = variant
        configuration.pooling = pooling
        configuration.activation = activation
        return configuration
    }

    /// The masks of the package's own dropout, by applying it to ones.
    static func mask(_ configuration: Configuration) -> Reference.Mask {
        { site, count in
            let (place, sites) = (Int(site) - 1, Reference.sitesPerLayer(configuration))
            let isInLayer = (0..<sites * configuration.layers).contains(place)
            let rate: Float =
                switch isInLayer ? place % sites : -1 {
                case 0: configuration.attentionDropout
                case 1: configuration.rateOfAttentionOutput
                case 2: configuration.innerDropout ?? configuration.dropout
                case 3: 0
                default: configuration.dropout
                }
            var ones = Matrix([Float](repeating: 1, count: count), columns: 1)
            applyDropout(Dropout(rate: rate, seed: seed, stream: .dropout(site), step: step), to: &ones, on: workers)
            return ones.values.map(Double.init)
        }
    }

    static func randoms(_ count: Int, site: UInt32, scale: Float = 0.5) -> [Float] {
        var random = RandomNumbers(seed: 1, stream: RandomStream(number: 1000 + site))
        return (0..<count).map { _ in random.nextNormal(standardDeviation: scale) }
    }

    /// A layer as the tests see it: y = forward(x), and its backward pass.
    struct Layer {
        let layout: ParameterLayout
        var offsets = GradientTests.offsets
        /// Columns of x and of y, and rows of y.
        let input: Int
        let output: (rows: Int, columns: Int)
        let forward: (Matrix, Pass) -> Matrix
        /// Given dy and x; returns dx.
        let backward: (Matrix, Matrix, Pass) -> Matrix
        let reference: (Reference.Rows, Reference.Parameters) -> Reference.Rows
    }

    /// ‖a − b‖ / (‖a‖ + ‖b‖). Below a norm of 0.1, or of a hundredth of all gradients together, the difference counts relative to that: the gradient
    /// of a key's bias is 0, because softmax does not notice what is added to all of its inputs, and rounding is all that is found there.
    static func distance(_ a: [Double], _ b: [Double], among all: [Double] = []) -> Double {
        norm(zip(a, b).map { $0 - $1 }) / max(norm(a) + norm(b), 0.1, 0.01 * norm(all))
    }

    static func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    /// The central differences of `f` at `x`.
    static func differences(of f: ([Double]) -> Double, at x: [Double]) -> [Double] {
        x.indices.map { index in
            var (up, down) = (x, x)
            let h = 1e-5
            up[index] += h
            down[index] -= h
            return (f(up) - f(down)) / (2 * h)
        }
    }

    /// Checks output, gradient of the input, and gradient of every parameter.
    static func check(_ layer: Layer) {
        let x = randoms(rows * layer.input, site: 0, scale: 1)
        let values = randoms(layer.layout.count, site: 1)
        let dy = randoms(layer.output.rows * layer.output.columns, site: 2, scale: 1)
        let gradients = Gradients(of: layer.layout)
        var pass = Pass(
            parameters: FloatBuffer(values), gradients: gradients, offsets: layer.offsets, on: workers)
        pass.randomness = .init(seed: seed, step: step)
        let y = layer.forward(Matrix(x, columns: layer.input), pass)

        func output(_ x: [Double], _ values: [Double]) -> [Double] {
            let rows = stride(from: 0, to: x.count, by: layer.input).map { Array(x[$0..<($0 + layer.input)]) }
            return layer.reference(rows, Reference.Parameters(layer.layout, values)).flatMap { $0 }
        }
        func loss(_ x: [Double], _ values: [Double]) -> Double {
            zip(output(x, values), dy).reduce(0) { $0 + $1.0 * Double($1.1) }
        }
        let (x64, values64) = (x.map(Double.init), values.map(Double.init))
        #expect(distance(y.values.map(Double.init), output(x64, values64)) < 1e-6)

        let dx = layer.backward(
            Matrix(dy, columns: layer.output.columns), Matrix(x, columns: layer.input), pass)
        let expected = differences(of: { loss($0, values64) }, at: x64)
        #expect(distance(dx.values.map(Double.init), expected) < 1e-4, "gradient of the input")
        let ofParameters = differences(of: { loss(x64, $0) }, at: values64)
        for parameter in layer.layout.parameters where !parameter.isStatistic {
            let found = gradients.values[parameter.block].values.map(Double.init)
            let expected = Array(ofParameters[parameter.block.range])
            #expect(distance(found, expected, among: ofParameters) < 1e-4, "gradient of \(parameter.name)")
        }
    }

    @Test func linearAgreesWithItsReference() {
        var layout = ParameterLayout()
        let linear = Linear("l", inputs: 8, outputs: 5, in: &layout)
        Self.check(linear, in: layout) { Reference.linear($0, $1, "l") }
    }

    /// The same for a linear map of 8 inputs and 5 outputs.
    static func check(
        _ linear: Linear, in layout: ParameterLayout,
        reference: @escaping (Reference.Rows, Reference.Parameters) -> Reference.Rows
    ) {
        check(
            Layer(
                layout: layout, input: 8, output: (rows, 5),
                forward: { x, pass in
                    var y = Matrix()
                    linear.forward(x, into: &y, in: pass)
                    return y
                },
                backward: { dy, x, pass in
                    var dx = Matrix()
                    linear.backward(dy, input: x, into: &dx, in: pass)
                    return dx
                },
                reference: reference))
    }

    @Test func layerNormAgreesWithItsReference() {
        var layout = ParameterLayout()
        let layer = LayerNorm("n", Self.configuration(), in: &layout)
        var statistics = Matrix()
        Self.check(
            Layer(
                layout: layout, input: 8, output: (Self.rows, 8),
                forward: { x, pass in
                    var y = Matrix()
                    layer.forward(x, into: &y, keeping: &statistics, in: pass)
                    return y
                },
                backward: { dy, x, pass in
                    var gradient = dy
                    layer.backward(&gradient, input: x, kept: statistics, in: pass)
                    return gradient
                },
                reference: { Reference.layerNorm($0, $1, "n") }))
    }

    @Test func multiHeadAttentionAgreesWithItsReference() {
        let configuration = Self.configuration()
        var layout = ParameterLayout(dropoutSites: 1)
        let layer = MultiHeadAttention("a", configuration, in: &layout)
        Self.check(
            Self.sublayer(layer, layout) {
                Reference.attention(
                    $0, $1, "a", offsets: Self.offsets, heads: 2, Self.mask(configuration), site: 1)
            })
    }

    @Test(arguments: [Activation.gelu, .geluTanh, .relu, .tanh])
    func feedForwardAgreesWithItsReference(_ activation: Activation) {
        var layout = ParameterLayout()
        let layer = FeedForward("f", Self.configuration(AddNormVariant(), .cls, activation), in: &layout)
        Self.check(Self.sublayer(layer, layout) { Reference.feedForward($0, $1, "f", activation) })
    }

    /// A sublayer, or anything of its form, on its own.
    static func sublayer<Wrapped: Sublayer>(
        _ layer: Wrapped, _ layout: ParameterLayout,
        reference: @escaping (Reference.Rows, Reference.Parameters) -> Reference.Rows
    ) -> Layer {
        var activations = Wrapped.Activations()
        return Layer(
            layout: layout, input: 8, output: (rows, 8),
            forward: { x, pass in
                var y = Matrix()
                layer.forward(x, into: &y, keeping: &activations, in: pass)
                return y
            },
            backward: { dy, x, pass in
                var gradient = dy
                layer.backward(&gradient, input: x, kept: activations, in: pass)
                return gradient
            },
            reference: reference)
    }

    /// Every form that has a meaning.
    static let variants = AddNormVariant.Norm.allCases.flatMap { norm in
        AddNormVariant.Placement.allCases.flatMap { placement in
            AddNormVariant.Residual.allCases.map { AddNormVariant(norm, placement, $0) }
        }
    }.filter { $0.problem == nil }

    @Test(arguments: variants)
    func addNormAgreesWithItsReference(_ variant: AddNormVariant) {
        let configuration = Self.configuration(variant)
        var layout = ParameterLayout(dropoutSites: 2)
        let layer = AddNorm(
            FeedForward("f", configuration, in: &layout), "a", configuration, dropout: configuration.dropout,
            in: &layout)
        Self.check(
            Self.sublayer(layer, layout) { x, p in
                Reference.addNorm(x, p, "a", configuration, Self.mask(configuration), site: 2) {
                    Reference.feedForward($0, p, "f", .gelu)
                }
            })
    }

    @Test(arguments: variants)
    func encoderLayerAgreesWithItsReference(_ variant: AddNormVariant) {
        let configuration = Self.configuration(variant)
        var layout = ParameterLayout(dropoutSites: 1)
        let layer = EncoderLayer("e", configuration, in: &layout)
        Self.check(
            Self.sublayer(layer, layout) {
                Reference.encoderLayer(
                    $0, $1, "e", configuration, offsets: Self.offsets, Self.mask(configuration), site: 1)
            })
    }

    @Test(arguments: variants)
    func encoderAgreesWithItsReference(_ variant: AddNormVariant) {
        let configuration = Self.configuration(variant)
        var layout = ParameterLayout(dropoutSites: 1)
        let encoder = Encoder(configuration, in: &layout)
        var activations = encoder.makeActivations(for: .all)
        Self.check(
            Layer(
                layout: layout, input: 8, output: (Self.rows, 8),
                forward: { x, pass in
                    activations.input = x
                    encoder.forward(&activations, in: pass)
                    return encoder.output(activations)
                },
                backward: { dy, _, pass in
                    var gradient = dy
                    encoder.backward(&gradient, kept: activations, in: pass)
                    return gradient
                },
                reference: { x, p in
                    let y = (0..<configuration.layers).reduce(x) {
                        Reference.encoderLayer(
                            $0, p, "layers.\($1)", configuration, offsets: Self.offsets, Self.mask(configuration),
                            site: UInt32(1 + 3 * $1))
                    }
                    return Reference.finalNorm(y, p, variant)
                }))
    }

    @Test(arguments: Configuration.Pooling.allCases)
    func poolerAgreesWithItsReference(_ pooling: Configuration.Pooling) {
        let configuration = Self.configuration(AddNormVariant(), pooling)
        var layout = ParameterLayout()
        let pooler = Pooler("p", configuration, in: &layout)
        var activations = Pooler.Activations()
        // For `cls` the encoder returns first rows only: a sequence is a row then.
        let offsets = pooler.readsFirstRowsOnly ? Array(0...Self.rows) : Self.offsets
        Self.check(
            Layer(
                layout: layout, offsets: offsets, input: 8, output: (offsets.count - 1, 8),
                forward: { x, pass in
                    var y = Matrix()
                    pooler.readFeatures(x, keeping: &activations, in: pass)
                    pooler.forward(&activations, into: &y, in: pass)
                    return y
                },
                backward: { dy, _, pass in
                    var (gradient, dx) = (dy, Matrix())
                    pooler.backward(&gradient, kept: activations, in: pass)
                    pooler.readFeaturesBackward(gradient, into: &dx, in: pass)
                    return dx
                },
                reference: { x, p in
                    Reference.pooler(
                        x, p, "p", configuration, offsets: offsets, Self.mask(configuration), site: 0)
                }))
    }

    @Test func classifierHeadAgreesWithItsReference() {
        let configuration = Self.configuration()
        var layout = ParameterLayout(dropoutSites: 7)
        let head = ClassifierHead("c", configuration, in: &layout)
        var activations = ClassifierHead.Activations()
        Self.check(
            Layer(
                layout: layout, input: 8, output: (Self.rows, 3),
                forward: { x, pass in
                    var logits = Matrix()
                    head.forward(x, into: &logits, keeping: &activations, in: pass)
                    return logits
                },
                backward: { dy, _, pass in
                    var dx = Matrix()
                    head.backward(dy, into: &dx, kept: activations, in: pass)
                    return dx
                },
                reference: { x, p in
                    Reference.linear(Reference.drop(x, Self.mask(configuration), site: 7), p, "c")
                }))
    }

    /// The embedding's input are ids, so that only its parameters have gradients; the whole model covers it with all else.
    @Test(
        arguments: [
            "post", "pre", "sandwich", "none", "post-off", "pre-off", "deepnorm", "rezero", "pre-rmsnorm", "post-dyt",
            "post-batchnorm", "sandwich-batchnorm-off",
        ], Configuration.Pooling.allCases)
    func lossAndAllGradientsAgreeWithTheReference(_ name: String, _ pooling: Configuration.Pooling) throws {
        try Self.checkLoss(Self.configuration(try AddNormVariant(named: name), pooling))
    }

    /// What the families of encoders differ in: each alone, and then those of a family together.
    static let families: [String: @Sendable (inout Configuration) -> Void] = [
        "no segments": { $0.segments = 0 },
        "no dropout behind attention": { $0.attentionOutputDropout = .none },
        "positions after the padding token": {
            $0.positions = .learnedAfterPadding
            $0.paddingToken = 5
        },
        "dropout before the pooler": { $0.pooler.dropsInput = true },
        "pooler with ReLU": { $0.pooler.activation = .relu },
        "narrow embeddings": { $0.embeddingSize = 5 },
        "no biases": {
            ($0.hasAttentionBias, $0.hasFeedForwardBias, $0.hasNormBias, $0.pooler.hasBias) = (
                false, false, false, false
            )
        },
        "gates": { $0.isGated = true },
        "rotary positions": {
            $0.positions = .rotary
            $0.alternation.globalBase = 20
        },
        "neighbours": {
            $0.positions = .rotary
            $0.alternation.globalLayers = [false, false]
            ($0.alternation.localBase, $0.alternation.window) = (7, 2)
        },
        "norm behind the pooler": { ($0.pooler.hasNorm, $0.pooler.isForMean) = (true, true) },
        "ModernBERT": {
            $0.segments = 0
            $0.positions = .rotary
            ($0.alternation.globalEvery, $0.alternation.window) = (2, 2)
            $0.addNorm = AddNormVariant(.layerNorm, .pre)
            $0.normalizesFirst = false
            $0.isGated = true
            ($0.hasAttentionBias, $0.hasFeedForwardBias, $0.hasNormBias) = (false, false, false)
            ($0.innerDropout, $0.attentionOutputDropout) = (0.25, .attention)
            $0.pooler.activation = .gelu
            ($0.pooler.hasNorm, $0.pooler.hasBias, $0.pooler.isForMean) = (true, false, true)
        },
    ]

    @Test(arguments: families.keys.sorted(), Configuration.Pooling.allCases)
    func whatFamiliesDifferInAgreesWithTheReference(_ name: String, _ pooling: Configuration.Pooling) throws {
        var configuration = Self.configuration(AddNormVariant(), pooling)
        Self.families[name]?(&configuration)
        try Self.checkLoss(configuration)
    }

    /// Checks the loss of a whole model, and all gradients.
    static func checkLoss(_ configuration: Configuration) throws {
        var classifier = try SequenceClassifier(configuration, seed: 1)
        let values = Self.randoms(classifier.layout.count, site: 5)
        classifier.parameters = FloatBuffer(values)
        let sequences = [
            TokenSequence([2, 5, 9, 3], segments: [0, 0, 1, 1]), TokenSequence([7]),
            TokenSequence([2, 5, 5, 12, 0, 3], segments: [0, 1, 1, 0, 0, 1]),
        ]
        let batch = Batch(sequences)
        let targets = [2, 0, 1]
        var workspace = classifier.makeWorkspace(for: .training(.all), on: Self.workers)
        let loss = classifier.loss(
            .texts(batch), targets: .one(targets), randomness: .init(seed: Self.seed, step: Self.step),
            in: &workspace
        ).loss

        let mask = Self.mask(configuration)
        func reference(_ values: [Double]) -> Double {
            Reference.loss(
                ids: batch.ids, segments: batch.segments, targets: targets, .init(classifier.layout, values),
                configuration,
                offsets: Self.offsets, mask)
        }
        Self.compare(loss, workspace, classifier, at: values, with: reference)
    }

    /// The loss of pairs goes back through the encoder alone: the head has no gradient.
    @Test(arguments: ["post", "pre", "post-batchnorm"], Configuration.Pooling.allCases)
    func contrastiveLossAndAllGradientsAgreeWithTheReference(_ name: String, _ pooling: Configuration.Pooling) throws {
        let configuration = Self.configuration(try AddNormVariant(named: name), pooling)
        var classifier = try SequenceClassifier(configuration, seed: 1)
        let values = Self.randoms(classifier.layout.count, site: 5)
        classifier.parameters = FloatBuffer(values)
        let sequences = [[2, 5, 9, 3], [7], [2, 5, 5, 12, 0, 3]]
        let targets = [2, 0, 2]
        var workspace = classifier.makeWorkspace(for: .training(.all), on: Self.workers)
        let loss = classifier.contrastiveLoss(
            Batch(sequences), targets: .one(targets), randomness: .init(seed: Self.seed, step: Self.step),
            in: &workspace)

        let mask = Self.mask(configuration)
        func reference(_ values: [Double]) -> Double {
            let x = Reference.encoderOutput(
                ids: sequences.flatMap { $0 }, .init(classifier.layout, values), configuration, offsets: Self.offsets,
                mask)
            let features =
                pooling == .cls
                ? Self.offsets.dropLast().map { x[$0] }
                : Reference.pooler(
                    x, .init(classifier.layout, values), "pooler", configuration, offsets: Self.offsets, mask, site: 0)
            return plainCosineSimilarityLoss(features, labels: targets.map { [$0] })
        }
        Self.compare(loss, workspace, classifier, at: values, with: reference)
    }

    /// Compares a loss and the gradients of all parameters with a reference and its differences.
    static func compare(
        _ loss: Double, _ workspace: SequenceClassifier.Workspace, _ classifier: SequenceClassifier, at values: [Float],
        with reference: ([Double]) -> Double
    ) {
        #expect(abs(loss - reference(values.map(Double.init))) < 1e-5)
        let expected = differences(of: reference, in: classifier, at: values)
        for parameter in classifier.layout.parameters where !parameter.isStatistic {
            let found = workspace.gradients.values[parameter.block].values.map(Double.init)
            #expect(distance(found, Array(expected[parameter.block.range])) < 1e-4, "gradient of \(parameter.name)")
        }
    }

    /// The gradients of all parameters by differences, but for the rows of the padding token: a training leaves these as they are.
    static func differences(
        of reference: ([Double]) -> Double, in classifier: SequenceClassifier, at values: [Float]
    ) -> [Double] {
        var result = differences(of: reference, at: values.map(Double.init))
        let configuration = classifier.configuration
        let isPlace = configuration.positions == .learnedAfterPadding
        let tables = ["embeddings.tokens.weight"] + (isPlace ? ["embeddings.positions.weight"] : [])
        for table in classifier.layout.parameters where tables.contains(table.name) {
            guard let padding = configuration.paddingToken else { continue }
            let (first, columns) = (table.block.offset, table.block.columns)
            for column in 0..<columns { result[first + padding * columns + column] = 0 }
        }
        return result
    }
}

extension Parameter {
    /// Whether it is one that BatchNorm remembers: it has no gradient.
    var isStatistic: Bool { name.contains(".running_") }
}
