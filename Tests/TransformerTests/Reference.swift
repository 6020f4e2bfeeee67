import Foundation
import Kernels
import Transformer

/// The layers' forward passes again, in double precision and as plainly as the formulas: what the tests hold against the
/// package. Nothing here is shared with it, but for the masks of dropout.
enum Reference {
    /// Rows of numbers.
    typealias Rows = [[Double]]

    /// Parameters by name, each as rows.
    struct Parameters {
        private(set) var values: [String: Rows] = [:]
        /// α / r of low-rank updates.
        var adapterScale = 1.0
        /// Of the first of them; nil: nothing is dropped.
        var adapterMask: Mask?

        init(_ layout: ParameterLayout, _ flat: [Double]) {
            for parameter in layout.parameters {
                let block = parameter.block
                values[parameter.name] = (0..<block.rows).map { row in
                    Array(flat[(block.offset + row * block.columns)..<(block.offset + (row + 1) * block.columns)])
                }
            }
        }

        subscript(name: String) -> Rows { values[name]! }
        func vector(_ name: String) -> [Double] { values[name]![0] }
    }

    /// What dropout multiplies with, in the order of positions: all ones without dropout.
    typealias Mask = (_ site: UInt32, _ count: Int) -> [Double]

    static func linear(_ x: Rows, _ p: Parameters, _ name: String) -> Rows {
        let weight = p["\(name).weight"]
        let bias = p.values["\(name).bias"]?[0] ?? weight.map { _ in 0 }
        let y = x.map { row in
            zip(weight, bias).map { weights, bias in bias + zip(weights, row).reduce(0) { $0 + $1.0 * $1.1 } }
        }
        guard let a = p.values["\(name).lora_A.weight"] else { return y }
        let dropped = p.adapterMask.map { drop(x, $0, site: 0x4000_0000) } ?? x
        return zip(y, dropped).map { y, x in
            let inner = a.map { zip($0, x).reduce(0) { $0 + $1.0 * $1.1 } }
            return zip(y, p["\(name).lora_B.weight"]).map { y, b in
                y + p.adapterScale * zip(b, inner).reduce(0) { $0 + $1.0 * $1.1 }
            }
        }
    }

    static func layerNorm(_ x: Rows, _ p: Parameters, _ name: String, epsilon: Double = 1e-12) -> Rows {
        let gain = p.vector("\(name).weight")
        let bias = p.values["\(name).bias"]?[0] ?? gain.map { _ in 0 }
        return x.map { row in
            let mean = row.reduce(0, +) / Double(row.count)
            let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
            return row.indices.map { (row[$0] - mean) / (variance + epsilon).squareRoot() * gain[$0] + bias[$0] }
        }
    }

    static func activate(_ f: Activation, _ x: Double) -> Double {
        switch f {
        case .gelu: x * 0.5 * erfc(-x / 2.0.squareRoot())
        case .geluTanh: 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case .relu: max(0, x)
        case .tanh: tanh(x)
        }
    }

    static func softmax(_ x: [Double]) -> [Double] {
        let exponentials = x.map { exp($0 - x.max()!) }
        let sum = exponentials.reduce(0, +)
        return exponentials.map { $0 / sum }
    }

    static func drop(_ x: Rows, _ mask: Mask, site: UInt32) -> Rows {
        let factors = mask(site, x.count * x[0].count)
        return x.enumerated().map { row, values in
            values.enumerated().map { $1 * factors[row * values.count + $0] }
        }
    }

    /// Which tokens a layer sees, and how it turns queries and keys.
    typealias Sight = (reach: Int?, rotaryBase: Double?)

    /// Queries or keys, turned by their places.
    static func turn(_ x: Rows, offsets: [Int], heads: Int, base: Double?) -> Rows {
        guard let base else { return x }
        let size = x[0].count / heads
        var result = x
        for (start, end) in zip(offsets, offsets.dropFirst()) {
            for row in start..<end {
                for head in 0..<heads {
                    for pair in 0..<size / 2 {
                        let angle = Double(row - start) * pow(base, -2 * Double(pair) / Double(size))
                        let (i, j) = (head * size + pair, head * size + size / 2 + pair)
                        result[row][i] = x[row][i] * cos(angle) - x[row][j] * sin(angle)
                        result[row][j] = x[row][j] * cos(angle) + x[row][i] * sin(angle)
                    }
                }
            }
        }
        return result
    }

    static func attention(
        _ x: Rows, _ p: Parameters, _ name: String, offsets: [Int], heads: Int, sight: Sight = (nil, nil),
        _ mask: Mask, site: UInt32
    ) -> Rows {
        func turned(_ part: String) -> Rows {
            turn(linear(x, p, "\(name).\(part)"), offsets: offsets, heads: heads, base: sight.rotaryBase)
        }
        let (q, k, v) = (turned("query"), turned("key"), linear(x, p, "\(name).value"))
        let size = x[0].count / heads
        let lengths = zip(offsets, offsets.dropFirst()).map { $1 - $0 }
        let factors = mask(site, lengths.reduce(0) { $0 + heads * $1 * $1 })
        var context = Rows(repeating: [Double](repeating: 0, count: x[0].count), count: x.count)
        var first = 0
        for (start, length) in zip(offsets, lengths) {
            for head in 0..<heads {
                for i in 0..<length {
                    let scores = (0..<length).map { j in
                        guard abs(i - j) <= sight.reach ?? length else { return -Double.infinity }
                        return (0..<size).reduce(0.0) {
                            $0 + q[start + i][head * size + $1] * k[start + j][head * size + $1]
                        } / Double(size).squareRoot()
                    }
                    let weights = softmax(scores).enumerated().map { $1 * factors[first + i * length + $0] }
                    for c in (head * size)..<((head + 1) * size) {
                        context[start + i][c] = (0..<length).reduce(0) { $0 + weights[$1] * v[start + $1][c] }
                    }
                }
                first += length * length
            }
        }
        return linear(context, p, "\(name).output")
    }

    /// - Parameter drop: what becomes of the rows between the two projections
    static func feedForward(
        _ x: Rows, _ p: Parameters, _ name: String, _ f: Activation, isGated: Bool = false,
        drop: (Rows) -> Rows = { $0 }
    ) -> Rows {
        let inner = linear(x, p, "\(name).up").map { row in
            if !isGated { return row.map { activate(f, $0) } }
            let half = row.count / 2
            return zip(row[..<half], row[half...]).map { activate(f, $0) * $1 }
        }
        return linear(drop(inner), p, "\(name).down")
    }

    /// A norm of the kind that a configuration asks for; BatchNorm by the statistics of all rows, as in training.
    static func norm(_ x: Rows, _ p: Parameters, _ name: String, _ kind: AddNormVariant.Norm) -> Rows {
        switch kind {
        case .none: return x
        case .layerNorm: return layerNorm(x, p, name)
        case .rmsNorm:
            let gain = p.vector("\(name).weight")
            return x.map { row in
                let root = (row.reduce(0) { $0 + $1 * $1 } / Double(row.count) + 1e-12).squareRoot()
                return row.indices.map { row[$0] / root * gain[$0] }
            }
        case .dynamicTanh:
            let (alpha, gain, bias) = (
                p.vector("\(name).alpha")[0], p.vector("\(name).weight"), p.vector("\(name).bias")
            )
            return x.map { row in row.indices.map { tanh(alpha * row[$0]) * gain[$0] + bias[$0] } }
        case .batchNorm:
            let (gain, bias) = (p.vector("\(name).weight"), p.vector("\(name).bias"))
            let n = Double(x.count)
            let means = x[0].indices.map { column in x.reduce(0) { $0 + $1[column] } / n }
            let variances = x[0].indices.map { column in
                x.reduce(0) { $0 + ($1[column] - means[column]) * ($1[column] - means[column]) } / n
            }
            return x.map { row in
                row.indices.map { (row[$0] - means[$0]) / (variances[$0] + 1e-5).squareRoot() * gain[$0] + bias[$0] }
            }
        }
    }

    static func addNorm(
        _ x: Rows, _ p: Parameters, _ name: String, _ configuration: Configuration, normalizes: Bool = true,
        _ mask: Mask, site: UInt32, sublayer: (Rows) -> Rows
    ) -> Rows {
        let (variant, layers) = (configuration.addNorm, Double(configuration.layers))
        func norm(_ x: Rows, _ part: String = "norm") -> Rows {
            normalizes ? Self.norm(x, p, "\(name).\(part)", variant.norm) : x
        }
        /// What goes past, and what comes out of the sublayer.
        func sum(_ y: Rows) -> Rows {
            let dropped = drop(y, mask, site: site)
            let (s, a) =
                switch variant.residual {
                case .on: (1.0, 1.0)
                case .off: (0.0, 1.0)
                case .rezero: (1.0, p.vector("\(name).residual.weight")[0])
                case .deepnorm: (pow(2 * layers, 0.25), 1.0)
                }
            return zip(x, dropped).map { zip($0, $1).map { s * $0 + a * $1 } }
        }
        switch variant.placement {
        case .post: return norm(sum(sublayer(x)))
        case .pre: return sum(sublayer(norm(x)))
        case .sandwich: return sum(norm(sublayer(norm(x)), "branchNorm"))
        }
    }

    /// The places of a layer where something is dropped.
    static func sitesPerLayer(_ configuration: Configuration) -> Int { configuration.innerDropout == nil ? 3 : 4 }

    static func encoderLayer(
        _ x: Rows, _ p: Parameters, _ name: String, _ configuration: Configuration, number: Int = 0, offsets: [Int],
        _ mask: Mask, site: UInt32
    ) -> Rows {
        let alternation = configuration.alternation
        let isGlobal = alternation.globalLayers?[number] ?? (number % alternation.globalEvery == 0)
        let sight: Sight =
            configuration.positions == .rotary
            ? (isGlobal ? nil : alternation.window / 2, isGlobal ? alternation.globalBase : alternation.localBase)
            : (nil, nil)
        let middle = addNorm(
            x, p, "\(name).attention", configuration, normalizes: number > 0 || configuration.normalizesFirst, mask,
            site: site + 1
        ) {
            attention(
                $0, p, "\(name).attention", offsets: offsets, heads: configuration.heads, sight: sight, mask,
                site: site)
        }
        let hasInner = configuration.innerDropout != nil
        return addNorm(middle, p, "\(name).feedForward", configuration, mask, site: site + (hasInner ? 3 : 2)) {
            feedForward($0, p, "\(name).feedForward", configuration.activation, isGated: configuration.isGated) {
                hasInner ? drop($0, mask, site: site + 2) : $0
            }
        }
    }

    /// The norm at the end of an encoder whose layers do not normalise the sum.
    static func finalNorm(_ x: Rows, _ p: Parameters, _ variant: AddNormVariant) -> Rows {
        variant.placement == .post ? x : norm(x, p, "finalNorm", variant.norm)
    }

    static func embedding(
        _ ids: [Int], segments: [Int], _ p: Parameters, _ name: String, _ configuration: Configuration, offsets: [Int],
        _ mask: Mask
    ) -> Rows {
        var sum: Rows = []
        for (start, end) in zip(offsets, offsets.dropFirst()) {
            var place = configuration.firstPosition
            for (row, id) in zip(start..<end, ids[start..<end]) {
                let hasNoPlace = configuration.positions == .learnedAfterPadding && id == configuration.paddingToken
                let rows = [
                    p["\(name).tokens.weight"][id],
                    p.values["\(name).positions.weight"]?[hasNoPlace ? id : place],
                    p.values["\(name).segments.weight"]?[segments.isEmpty ? 0 : segments[row]],
                ].compactMap(\.self)
                sum.append(rows[0].indices.map { column in rows.reduce(0) { $0 + $1[column] } })
                place += hasNoPlace ? 0 : 1
            }
        }
        let normed = drop(layerNorm(sum, p, "\(name).norm"), mask, site: 0)
        return configuration.embeddingSize == nil ? normed : linear(normed, p, "\(name).projection")
    }

    /// - Parameter site: of the dropout before the dense layer, if there is one
    static func pooler(
        _ x: Rows, _ p: Parameters, _ name: String, _ configuration: Configuration, offsets: [Int], _ mask: Mask,
        site: UInt32
    ) -> Rows {
        let shape = configuration.pooler
        let read =
            switch configuration.pooling {
            case .cls: offsets.dropLast().map { x[$0] }
            case .mean:
                zip(offsets, offsets.dropFirst()).map { start, end in
                    x[0].indices.map { column in
                        (start..<end).reduce(0) { $0 + x[$1][column] } / Double(end - start)
                    }
                }
            }
        guard configuration.hasPooler else { return read }
        let activated = linear(shape.dropsInput ? drop(read, mask, site: site) : read, p, name).map { row in
            row.map { activate(shape.activation, $0) }
        }
        return shape.hasNorm ? layerNorm(activated, p, "\(name).norm") : activated
    }

    static func encoderOutput(
        ids: [Int], segments: [Int] = [], _ p: Parameters, _ configuration: Configuration, offsets: [Int], _ mask: Mask
    ) -> Rows {
        var x = embedding(ids, segments: segments, p, "embeddings", configuration, offsets: offsets, mask)
        for layer in 0..<configuration.layers {
            x = encoderLayer(
                x, p, "layers.\(layer)", configuration, number: layer, offsets: offsets, mask,
                site: UInt32(1 + sitesPerLayer(configuration) * layer))
        }
        return finalNorm(x, p, configuration.addNorm)
    }

    static func loss(
        ids: [Int], segments: [Int] = [], targets: [Int], _ p: Parameters, _ configuration: Configuration,
        offsets: [Int],
        _ mask: Mask
    ) -> Double {
        let x = encoderOutput(ids: ids, segments: segments, p, configuration, offsets: offsets, mask)
        let site = UInt32(1 + sitesPerLayer(configuration) * configuration.layers)
        let pooled = pooler(x, p, "pooler", configuration, offsets: offsets, mask, site: site)
        let dropsInput = configuration.hasPooler && configuration.pooler.dropsInput
        let dropped = drop(pooled, mask, site: dropsInput ? site + 1 : site)
        let logits = linear(dropped, p, "classifier")
        return zip(logits, targets).reduce(0) { $0 - log(softmax($1.0)[$1.1]) } / Double(targets.count)
    }
}
