import CKernels
import Foundation

/// Adam with decoupled weight decay (Loshchilov & Hutter, *Decoupled Weight Decay Regularization*, 2019, algorithm 2).
package struct AdamW {
    /// β₁, the decay rate of the first moment.
    package let beta1: Float = 0.9
    /// β₂, the decay rate of the second moment.
    package let beta2: Float = 0.999
    /// Added to √v̂, so that it never divides by 0.
    package let epsilon: Float = 1e-8
    /// How many steps have been taken.
    package private(set) var step: Int
    /// The running mean of the gradients.
    package private(set) var firstMoment: FloatBuffer
    /// The running mean of the squared gradients.
    package private(set) var secondMoment: FloatBuffer

    /// Creates the state before the first step, for `count` parameters.
    package init(count: Int) {
        self.init(step: 0, firstMoment: FloatBuffer(count: count), secondMoment: FloatBuffer(count: count))
    }

    /// Creates a state that was saved.
    package init(step: Int, firstMoment: FloatBuffer, secondMoment: FloatBuffer) {
        precondition(firstMoment.count == secondMoment.count, "moments of unequal size")
        (self.step, self.firstMoment, self.secondMoment) = (step, firstMoment, secondMoment)
    }

    /// Takes one step: p ← p − η λ p − η m̂ / (√v̂ + ε), in one pass over memory.
    ///
    /// - Parameters:
    ///   - parameters: what is updated
    ///   - gradients: of the loss, as large as `parameters`
    ///   - learningRate: η
    ///   - weightDecay: λ, for the parameters in `decayed`; 0 for the others
    ///   - decayed: disjoint ranges in ascending order
    ///   - maximumNorm: gradients whose norm over all parameters is larger are scaled down to it
    /// - Returns: the norm of the gradients before clipping
    package mutating func update(
        _ parameters: inout FloatBuffer, gradients: FloatBuffer, learningRate: Float, weightDecay: Float,
        decayed: [Range<Int>], maximumNorm: Float, on workers: Workers
    ) -> Float {
        let count = parameters.count
        precondition(gradients.count == count && firstMoment.count == count, "buffers of unequal size")
        let norm = Float(sumOfSquares(gradients, on: workers).squareRoot())
        step += 1
        let settings = ck_adamw_step(
            learning_rate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weight_decay: 0,
            gradient_scale: norm > maximumNorm ? maximumNorm / norm : 1,
            correction1: Float(1 - pow(Double(beta1), Double(step))),
            correction2: Float(1 - pow(Double(beta2), Double(step))))
        let (p, g) = (parameters.mutablePointer(), gradients.pointer)
        let (m, v) = (firstMoment.mutablePointer(), secondMoment.mutablePointer())
        let spans = Self.spans(of: count, decayed: decayed)
        workers.split(count, grain: 4096) { part in
            for (range, decays) in spans {
                let range = range.clamped(to: part)
                if range.isEmpty { continue }
                var settings = settings
                settings.weight_decay = decays ? weightDecay : 0
                let first = range.lowerBound
                ck_adamw(range.count, settings, p + first, g + first, m + first, v + first)
            }
        }
        return norm
    }

    /// `0 ..< count` cut where decay begins and ends.
    private static func spans(of count: Int, decayed: [Range<Int>]) -> [(Range<Int>, Bool)] {
        var spans: [(Range<Int>, Bool)] = []
        var end = 0
        for range in decayed {
            spans.append((end..<range.lowerBound, false))
            spans.append((range, true))
            end = range.upperBound
        }
        spans.append((end..<count, false))
        return spans
    }
}

/// Σ x² in double, summed in blocks of fixed size, so that the result does not depend on the number of threads.
func sumOfSquares(_ x: FloatBuffer, on workers: Workers) -> Double {
    let block = 1 << 16
    let (pointer, count) = (x.pointer, x.count)
    let blocks = (count + block - 1) / block
    var sums = [Double](repeating: 0, count: blocks)
    sums.withUnsafeMutableBufferPointer { sums in
        workers.split(blocks) { part in
            for i in part { sums[i] = ck_sum_of_squares(min(block, count - i * block), pointer + i * block) }
        }
    }
    return sums.reduce(0, +)
}
