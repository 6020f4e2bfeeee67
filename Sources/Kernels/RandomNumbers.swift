import CKernels
import Foundation

/// Random words by position: Philox4x32-10 (Salmon et al., *Parallel Random Numbers: As Easy as 1, 2, 3*, 2011).
///
/// The word at a position depends on the seed, the stream, the step and the position, and on nothing else: no state is shared,
/// none has to be saved, and the order in which threads ask for words is of no consequence.
package struct RandomNumbers: RandomNumberGenerator {
    private let seed: UInt64
    private let stream: RandomStream
    private let step: UInt64
    private var position: UInt32 = 0
    private var group = [UInt32](repeating: 0, count: 256)

    /// Creates the sequence of one `stream` at one `step`: of a training, or whatever else the stream is divided into.
    package init(seed: UInt64, stream: RandomStream, step: UInt64 = 0) {
        (self.seed, self.stream, self.step) = (seed, stream, step)
    }

    /// The next 32 bits.
    mutating func nextWord() -> UInt32 {
        let index = Int(position % 256)
        if index == 0 { ck_random_group(seed, stream.number, step, position / 256, &group) }
        position += 1
        return group[index]
    }

    /// The next 64 bits.
    package mutating func next() -> UInt64 {
        UInt64(nextWord()) << 32 | UInt64(nextWord())
    }

    /// Draws as many elements as there are, with replacement, and counts them: counts[elements[i]] += 1 for random i. The
    /// probabilities of the elements differ by less than elements.count / 2³² of themselves.
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

/// What random numbers are for: each purpose has a stream of its own, so that none depends on how many another has drawn.
package struct RandomStream: Sendable {
    /// The number decides which random numbers come, and therefore never changes.
    let number: UInt32

    package init(number: UInt32) { self.number = number }

    /// The masks of one place of the model that has dropout; the places are numbered from 0 upwards.
    package static func dropout(_ place: UInt32) -> RandomStream { RandomStream(number: place) }
    /// The parameters of a new model.
    package static let initialization = RandomStream(number: 0x8000_0000)
    /// The order of the examples in an epoch.
    package static let shuffling = RandomStream(number: 0x8000_0001)
    /// Which examples are held out.
    package static let heldOut = RandomStream(number: 0x8000_0002)
    /// Which texts a resample has.
    package static let bootstrap = RandomStream(number: 0x8000_0003)
    /// Which examples are in which fold.
    package static let folds = RandomStream(number: 0x8000_0004)
    /// Around which rows groups begin.
    package static let groups = RandomStream(number: 0x8000_0006)
    /// Which texts are put together into pairs.
    package static let pairs = RandomStream(number: 0x8000_0005)
}

extension FloatBuffer {
    /// Fills `block` from the normal distribution with mean 0.
    ///
    /// - Parameter cutoff: the largest absolute value, in standard deviations; what lies beyond is drawn again
    package mutating func fillNormal(
        _ block: Block, standardDeviation: Float, cutoff: Float = .infinity, using random: inout RandomNumbers
    ) {
        let p = mutablePointer(to: block)
        for i in 0..<block.count {
            repeat {
                p[i] = random.nextNormal(standardDeviation: standardDeviation)
            } while abs(p[i])
                > cutoff * standardDeviation
        }
    }

    /// Fills `block` from the uniform distribution between -bound and bound.
    package mutating func fillUniform(_ block: Block, bound: Float, using random: inout RandomNumbers) {
        let p = mutablePointer(to: block)
        for i in 0..<block.count { p[i] = bound * Float(2 * (Double(random.nextWord()) + 0.5) / 4_294_967_296 - 1) }
    }
}
