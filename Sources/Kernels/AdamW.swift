import CKernels
import Foundation

/// Adam with decoupled weight decay (Loshchilov & Hutter, *Decoupled Weight Decay Regularization*, 2019, algorithm 2).
///
/// A table of embeddings has gradients in the few rows that a batch reads; the others move all the same, by their moments and
/// the weight decay. Those steps are put off until the row is read again: ``catchUp(_:of:groups:on:)`` takes them then, each as
/// it would have been taken, so that the result is the same to the last bit.
package struct AdamW {
    /// β₁, the decay rate of the first moment.
    private let beta1: Float = 0.9
    /// β₂, the decay rate of the second moment.
    private let beta2: Float = 0.999
    /// Added to √v̂, so that it never divides by 0.
    private let epsilon: Float = 1e-8
    /// How many steps have been taken.
    package private(set) var step: Int
    /// The running mean of the gradients.
    package private(set) var firstMoment: FloatBuffer
    /// The running mean of the squared gradients.
    package private(set) var secondMoment: FloatBuffer

    /// The latest steps, up to ``step``, from the first one on that some row of the table has not taken yet.
    private var untaken: [ck_adamw_step] = []
    /// How many steps each row of the table has taken.
    private var rowSteps: [Int] = []
    /// Whether a row's moments may be other than 0. Memory of moments that are 0 is never touched.
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
    ///   - parameters: those in `groups` are updated
    ///   - gradients: of the loss with respect to the groups' parameters, one group after another
    ///   - groups: the same at every step; at most one of them is a table
    ///   - rows: the rows of the table that have gradients; they must have been caught up. The gradients of others are not read
    ///   - learningRate: η, before the groups' factors
    ///   - maximumNorm: gradients whose norm over all groups is larger are scaled down to it
    /// - Returns: the norm of the gradients before clipping. If it is not finite, no step is taken.
    package mutating func update(
        _ parameters: inout FloatBuffer, gradients: FloatBuffer, groups: [ParameterGroup], rows: [Int] = [],
        learningRate: Float, maximumNorm: Float, on workers: Workers
    ) -> Float {
        precondition(gradients.count == firstMoment.count, "buffers of unequal size")
        precondition(parameters.count >= groups.last?.range.upperBound ?? 0, "group out of bounds")
        let pieces = pieces(of: groups, rows: rows)
        let norm = Float(sumOfSquares(gradients, in: pieces, on: workers).squareRoot())
        guard norm.isFinite else { return norm }
        step += 1
        let corrections = [beta1, beta2].map { Float(1 - pow(Double($0), Double(step))) }
        let settings = groups.map { group in
            ck_adamw_step(
                learning_rate: learningRate * group.learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
                weight_decay: group.weightDecay, gradient_scale: norm > maximumNorm ? maximumNorm / norm : 1,
                correction1: corrections[0], correction2: corrections[1])
        }
        if let table = groups.firstIndex(where: { $0.row != nil }) {
            untaken.append(settings[table])
            for row in rows {
                precondition(rowSteps[row] == step - 1, "a row that has not been caught up")
                (rowSteps[row], hasMoments[row]) = (step, true)
            }
        }
        let (p, g) = (parameters.mutablePointer(), gradients.pointer)
        let (m, v) = (firstMoment.mutablePointer(), secondMoment.mutablePointer())
        workers.share(pieces.count) { index, _ in
            let (piece, place) = (pieces[index], pieces[index].gradients)
            ck_adamw(piece.count, settings[piece.group], p + piece.parameters, g + place, m + place, v + place)
        }
        return norm
    }

    /// Takes the steps that rows of the table have not taken yet. It has to be done before they are read.
    ///
    /// - Parameters:
    ///   - rows: each once; nil: all
    ///   - parameters: as in ``update(_:gradients:groups:rows:learningRate:maximumNorm:on:)``
    ///   - groups: as there
    package mutating func catchUp(
        _ rows: [Int]? = nil, of parameters: inout FloatBuffer, groups: [ParameterGroup], on workers: Workers
    ) {
        guard let index = groups.firstIndex(where: { $0.row != nil }), let row = groups[index].row else { return }
        let count = groups[index].range.count / row
        if rowSteps.isEmpty {
            rowSteps = [Int](repeating: step, count: count)
            hasMoments = [Bool](repeating: step > 0, count: count)
        }
        let p = parameters.mutablePointer() + groups[index].range.lowerBound
        let place = places(of: groups)[index]
        let (m, v) = (firstMoment.mutablePointer() + place, secondMoment.mutablePointer() + place)
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

    /// Where the gradients and moments of each group begin: they lie one group after another.
    private func places(of groups: [ParameterGroup]) -> [Int] {
        let ends = groups.reduce(into: [0]) { $0.append($0.last! + $1.range.count) }
        precondition(ends.last == firstMoment.count, "buffers of unequal size")
        return ends.dropLast()
    }

    /// Elements of one group that have gradients and lie one after another.
    private struct Piece {
        let group: Int
        /// The index of the first among the parameters, and among gradients and moments.
        let (parameters, gradients): (Int, Int)
        let count: Int
    }

    /// The groups cut into pieces: a table into the rows that have gradients, the others into blocks of fixed size.
    private func pieces(of groups: [ParameterGroup], rows: [Int]) -> [Piece] {
        zip(groups.indices, places(of: groups)).flatMap { group, place in
            let (range, row) = (groups[group].range, groups[group].row)
            let size = row ?? 1 << 16
            let starts = row == nil ? Array(stride(from: 0, to: range.count, by: size)) : rows.map { $0 * size }
            return starts.map { start in
                Piece(
                    group: group, parameters: range.lowerBound + start, gradients: place + start,
                    count: min(size, range.count - start))
            }
        }
    }

    /// Σ x² in double over the gradients. The sums of the pieces are added in their order, so that the result does not depend on
    /// the number of threads.
    private func sumOfSquares(_ gradients: FloatBuffer, in pieces: [Piece], on workers: Workers) -> Double {
        let g = gradients.pointer
        var sums = [Double](repeating: 0, count: pieces.count)
        sums.withUnsafeMutableBufferPointer { sums in
            workers.split(pieces.count) { part in
                for i in part { sums[i] = ck_sum_of_squares(pieces[i].count, g + pieces[i].gradients) }
            }
        }
        return sums.reduce(0, +)
    }
}

/// Parameters that the optimizer treats alike.
package struct ParameterGroup: Sendable, Equatable {
    /// Where the parameters lie in the flat buffer.
    package var range: Range<Int>
    /// The factor of the step's learning rate.
    package let learningRate: Float
    /// λ
    package let weightDecay: Float
    /// The elements of a row, if this is a table of which a batch reads few rows.
    package let row: Int?

    package init(range: Range<Int>, learningRate: Float = 1, weightDecay: Float, row: Int? = nil) {
        precondition(row == nil || range.count % row! == 0, "the last row is incomplete")
        (self.range, self.learningRate, self.weightDecay, self.row) = (range, learningRate, weightDecay, row)
    }
}
