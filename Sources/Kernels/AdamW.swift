import CKernels
import Foundation

/// Adam with decoupled weight decay (Loshchilov & Hutter, *Decoupled Weight Decay Regularization*, 2019, algorithm 2).
///
/// A table of embeddings has gradients in the few rows that a batch reads; the others move all the same, by their moments and
/// the weight decay. Those steps are put off until the row is read again: ``catchUp(_:of:groups:on:)`` takes them then, each as
/// it would have been taken, so that the result is the same to the last bit.
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

    /// The steps that some row of the table has not taken yet, the last of them being ``step``.
    private var untaken: [ck_adamw_step] = []
    /// Of each row of the table: how many steps it has taken.
    private var rowSteps: [Int] = []
    /// Of each row: whether its moments may be other than 0. The memory of those that are 0 is never touched.
    private var hasMoments: [Bool] = []

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
    ///   - groups: the same at every step; at most one of them is a table
    ///   - rows: of the table, which have gradients; they must have been caught up. The gradients of the other rows are not read
    ///   - learningRate: η, before the groups' factors
    ///   - maximumNorm: gradients whose norm over all groups is larger are scaled down to it
    /// - Returns: the norm of the gradients before clipping
    package mutating func update(
        _ parameters: inout FloatBuffer, gradients: FloatBuffer, groups: [ParameterGroup], rows: [Int] = [],
        learningRate: Float, maximumNorm: Float, on workers: Workers
    ) -> Float {
        let places = places(of: groups)
        precondition(gradients.count == firstMoment.count, "buffers of unequal size")
        let norm = Float(sumOfSquares(gradients, groups, places, rows, on: workers).squareRoot())
        step += 1
        let settings = ck_adamw_step(
            learning_rate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weight_decay: 0,
            gradient_scale: norm > maximumNorm ? maximumNorm / norm : 1,
            correction1: Float(1 - pow(Double(beta1), Double(step))),
            correction2: Float(1 - pow(Double(beta2), Double(step))))
        precondition(parameters.count >= groups.last?.range.upperBound ?? 0, "group out of bounds")
        let (p, g) = (parameters.mutablePointer(), gradients.pointer)
        let (m, v) = (firstMoment.mutablePointer(), secondMoment.mutablePointer())
        for (group, place) in zip(groups, places) {
            let settings = settings.for(group)
            let p = p + group.range.lowerBound
            let (g, m, v) = (g + place.lowerBound, m + place.lowerBound, v + place.lowerBound)
            if let row = group.row {
                untaken.append(settings)
                for index in rows {
                    precondition(rowSteps[index] == step - 1, "a row that has not been caught up")
                    (rowSteps[index], hasMoments[index]) = (step, true)
                }
                workers.split(rows.count, grain: 16) { part in
                    for index in part {
                        let first = rows[index] * row
                        ck_adamw(row, settings, p + first, g + first, m + first, v + first)
                    }
                }
            } else {
                workers.split(place.count, grain: 4096) { part in
                    let first = part.lowerBound
                    ck_adamw(part.count, settings, p + first, g + first, m + first, v + first)
                }
            }
        }
        return norm
    }

    /// Takes the steps that rows of the table have not taken yet. It has to be done before they are read.
    ///
    /// - Parameters:
    ///   - rows: each once; nil: all
    ///   - parameters: and `groups`, as in ``update(_:gradients:groups:rows:learningRate:maximumNorm:on:)``
    package mutating func catchUp(
        _ rows: [Int]? = nil, of parameters: inout FloatBuffer, groups: [ParameterGroup], on workers: Workers
    ) {
        let places = places(of: groups)
        guard let index = groups.firstIndex(where: { $0.row != nil }), let row = groups[index].row else { return }
        let count = groups[index].range.count / row
        if rowSteps.isEmpty {
            rowSteps = [Int](repeating: step, count: count)
            hasMoments = [Bool](repeating: step > 0, count: count)
        }
        let p = parameters.mutablePointer() + groups[index].range.lowerBound
        let (m, v) = (
            firstMoment.mutablePointer() + places[index].lowerBound,
            secondMoment.mutablePointer() + places[index].lowerBound
        )
        let firstUntaken = step - untaken.count
        workers.split(rows?.count ?? count, grain: 16) { [untaken, rowSteps, hasMoments] part in
            for index in part {
                let index = rows?[index] ?? index
                let first = index * row
                for settings in untaken[(rowSteps[index] - firstUntaken)...] {
                    if hasMoments[index] {
                        ck_adamw_without_gradient(row, settings, p + first, m + first, v + first)
                    } else if settings.weight_decay > 0 {
                        ck_scale(row, 1 - settings.learning_rate * settings.weight_decay, p + first)
                    }
                }
            }
        }
        if let rows {
            for index in rows { rowSteps[index] = step }
        } else {
            rowSteps = [Int](repeating: step, count: count)
            untaken.removeAll()
        }
    }

    /// Where the groups' gradients and moments lie: one after another.
    private func places(of groups: [ParameterGroup]) -> [Range<Int>] {
        var end = 0
        let places = groups.map { group in
            end += group.range.count
            return end - group.range.count..<end
        }
        precondition(end == firstMoment.count, "buffers of unequal size")
        return places
    }
}

extension ck_adamw_step {
    fileprivate func `for`(_ group: ParameterGroup) -> ck_adamw_step {
        var step = self
        step.learning_rate *= group.learningRate
        step.weight_decay = group.weightDecay
        return step
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
    /// The elements of a row, if this is a table of which a batch reads few rows.
    package let row: Int?

    /// Creates a group.
    package init(range: Range<Int>, learningRate: Float = 1, weightDecay: Float, row: Int? = nil) {
        precondition(row == nil || range.count % row! == 0, "the last row is incomplete")
        (self.range, self.learningRate, self.weightDecay, self.row) = (range, learningRate, weightDecay, row)
    }
}

/// Σ x² in double over the gradients: of a table, over the rows that have some. Blocks of fixed size are summed one by one, so
/// that the result does not depend on the number of threads.
private func sumOfSquares(
    _ gradients: FloatBuffer, _ groups: [ParameterGroup], _ places: [Range<Int>], _ rows: [Int], on workers: Workers
) -> Double {
    var blocks: [Range<Int>] = []
    for (group, place) in zip(groups, places) {
        if let row = group.row {
            blocks += rows.map { place.lowerBound + $0 * row..<place.lowerBound + ($0 + 1) * row }
        } else {
            blocks += stride(from: place.lowerBound, to: place.upperBound, by: 1 << 16).map {
                $0..<min($0 + 1 << 16, place.upperBound)
            }
        }
    }
    let g = gradients.pointer
    var sums = [Double](repeating: 0, count: blocks.count)
    sums.withUnsafeMutableBufferPointer { sums in
        workers.split(blocks.count) { part in
            for i in part { sums[i] = ck_sum_of_squares(blocks[i].count, g + blocks[i].lowerBound) }
        }
    }
    return sums.reduce(0, +)
}
