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
    ///   - parameters: of which those in `groups` are updated
    ///   - gradients: of the loss with respect to the groups' parameters, one group after another
    ///   - learningRate: η, before the groups' factors
    ///   - maximumNorm: gradients whose norm over all groups is larger are scaled down to it
    /// - Returns: the norm of the gradients before clipping
    package mutating func update(
        _ parameters: inout FloatBuffer, gradients: FloatBuffer, groups: [ParameterGroup], learningRate: Float,
        maximumNorm: Float, on workers: Workers
    ) -> Float {
        let count = groups.reduce(0) { $0 + $1.range.count }
        precondition(gradients.count == count && firstMoment.count == count, "buffers of unequal size")
        precondition(groups.allSatisfy { $0.range.upperBound <= parameters.count }, "group out of bounds")
        let norm = Float(sumOfSquares(gradients, on: workers).squareRoot())
        step += 1
        let settings = ck_adamw_step(
            learning_rate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weight_decay: 0,
            gradient_scale: norm > maximumNorm ? maximumNorm / norm : 1,
            correction1: Float(1 - pow(Double(beta1), Double(step))),
            correction2: Float(1 - pow(Double(beta2), Double(step))))
        let (p, g) = (parameters.mutablePointer(), gradients.pointer)
        let (m, v) = (firstMoment.mutablePointer(), secondMoment.mutablePointer())
        workers.split(count, grain: 4096) { part in
            var end = 0
            for group in groups {
                let start = end
                end += group.range.count
                let range = (start..<end).clamped(to: part)
                if range.isEmpty { continue }
                var settings = settings
                settings.learning_rate = learningRate * group.learningRate
                settings.weight_decay = group.weightDecay
                let first = range.lowerBound
                ck_adamw(
                    range.count, settings, p + group.range.lowerBound + first - start, g + first, m + first, v + first)
            }
        }
        return norm
    }
}

/// Parameters that the optimizer treats alike.
package struct ParameterGroup: Sendable, Equatable {
    /// Where they lie in the flat buffer of parameters.
    package var range: Range<Int>
    /// What the step's learning rate is multiplied with.
    package let learningRate: Float
    /// λ
    package let weightDecay: Float

    /// Creates a group.
    package init(range: Range<Int>, learningRate: Float = 1, weightDecay: Float) {
        (self.range, self.learningRate, self.weightDecay) = (range, learningRate, weightDecay)
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
