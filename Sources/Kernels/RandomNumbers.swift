import CKernels
import Foundation

/// Random words by position: Philox4x32-10 (Salmon et al., *Parallel Random Numbers: As Easy as 1, 2, 3*, 2011).
///
/// The word at a position depends on the seed, the site, the step and the position, and on nothing else: no state is shared,
/// none has to be saved, and the order in which threads ask for them is of no consequence.
package struct RandomNumbers: RandomNumberGenerator {
    private let seed: UInt64
    private let site: UInt32
    private let step: UInt64
    private var position: UInt32 = 0
    private var group = [UInt32](repeating: 0, count: 256)

    /// Creates the sequence of one `site` (a place in the program that needs random numbers) at one `step`.
    package init(seed: UInt64, site: UInt32, step: UInt64 = 0) {
        (self.seed, self.site, self.step) = (seed, site, step)
    }

    /// The next 32 bits.
    mutating func nextWord() -> UInt32 {
        let index = Int(position % 256)
        if index == 0 { ck_random_group(seed, site, step, position / 256, &group) }
        position += 1
        return group[index]
    }

    /// The next 64 bits.
    package mutating func next() -> UInt64 {
        UInt64(nextWord()) << 32 | UInt64(nextWord())
    }

    /// Draws as many elements as there are, with replacement, and counts them: counts[elements[i]] += 1 for random i. Each i
    /// is as probable as any other, but for elements.count / 2³² of its probability.
    package mutating func resample(_ elements: [Int32], into counts: inout [Int]) {
        let count = UInt64(elements.count)
        for _ in elements { counts[Int(elements[Int((UInt64(nextWord()) * count) >> 32)])] += 1 }
    }

    /// The next number from the normal distribution with mean 0 (Box & Muller 1958).
    package mutating func nextNormal(standardDeviation: Float) -> Float {
        let radius = (Double(nextWord()) + 1) / 4_294_967_296
        let angle = Double(nextWord()) / 4_294_967_296
        return Float(Double(standardDeviation) * sqrt(-2 * log(radius)) * cos(2 * Double.pi * angle))
    }
}

/// The places that draw random numbers. Dropout counts its sites from 0 upwards.
package enum RandomSite {
    package static let initialization: UInt32 = 0x8000_0000
    /// The order of the examples in an epoch.
    package static let shuffling: UInt32 = 0x8000_0001
    /// Which examples are held out.
    package static let heldOut: UInt32 = 0x8000_0002
    /// Which texts a resample has.
    package static let bootstrap: UInt32 = 0x8000_0003
    /// Which examples are in which fold.
    package static let folds: UInt32 = 0x8000_0004
}

/// Which elements dropout removes (Srivastava et al., 2014): recomputed from the position in the backward pass instead of
/// being stored.
package struct Dropout: Sendable {
    let rate: Float
    let seed: UInt64
    let site: UInt32
    let step: UInt64

    /// Creates the mask of one `site`, a place in the model, at one training `step`.
    ///
    /// - Parameter rate: the probability that an element is removed, in `0 ..< 1`
    package init(rate: Float, seed: UInt64, site: UInt32, step: UInt64) {
        precondition(rate >= 0 && rate < 1, "a dropout rate lies in 0 ..< 1")
        (self.rate, self.seed, self.site, self.step) = (rate, seed, site, step)
    }

    /// Drops elements of rows of `count`, each `row` elements after the one before it; their positions follow each other from
    /// `first` on.
    func apply(to x: UnsafeMutablePointer<Float>, first: Int, rows: Int = 1, count: Int, row: Int = 0) {
        if rate > 0 { ck_dropout(rows, count, row, rate, seed, site, step, first, x) }
    }
}

/// x = x ⊙ mask / (1 − rate), in place; the backward pass is the same function of the gradient. Nothing happens without
/// dropout.
package func applyDropout(_ dropout: Dropout?, to x: inout Matrix, on workers: Workers) {
    guard let dropout, dropout.rate > 0 else { return }
    let (p, columns) = (x.mutablePointer(), x.columns)
    workers.split(x.rows, grain: 8) { part in dropout.apply(to: p, part, columns: columns, rows: nil) }
}

extension Dropout {
    /// Drops elements of the rows in `part` of a matrix that begins at `x`.
    ///
    /// - Parameter rows: of the batch, which those of the matrix are: a row drops the same elements whether or not others are
    ///   there; nil: all
    func apply(to x: UnsafeMutablePointer<Float>, _ part: Range<Int>, columns: Int, rows: [Int]?) {
        if let rows {
            for row in part { apply(to: x + row * columns, first: rows[row] * columns, count: columns) }
        } else {
            apply(to: x + part.lowerBound * columns, first: part.lowerBound * columns, count: part.count * columns)
        }
    }
}

extension FloatBuffer {
    /// Fills `block` from the normal distribution with mean 0.
    package mutating func fillNormal(_ block: Block, standardDeviation: Float, using random: inout RandomNumbers) {
        precondition(block.range.upperBound <= count, "block out of bounds")
        let p = mutablePointer()
        for i in block.range { p[i] = random.nextNormal(standardDeviation: standardDeviation) }
    }

    /// Sets every element of `block` to `value`.
    package mutating func fill(_ block: Block, with value: Float) {
        precondition(block.range.upperBound <= count, "block out of bounds")
        (mutablePointer() + block.offset).update(repeating: value, count: block.count)
    }
}
