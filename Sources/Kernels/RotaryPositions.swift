import CKernels
import Foundation

/// The angles by which queries and keys are turned: position p turns pair i of d columns by p · base^(−2i/d).
///
/// A pair is a column of the first half and the one as far into the second half, as `transformers` has them.
///
/// ### References
/// Su et al., *RoFormer: Enhanced Transformer with Rotary Position Embedding*, 2021, section 3.2.
package struct RotaryPositions {
    let base: Double
    /// d, even.
    let size: Int
    /// The cosines of a position, then its sines: `[positions, d]`. It grows with the longest sequence.
    private var table = Matrix()

    /// Creates the angles of heads of `size` columns.
    package init(base: Double, size: Int) { (self.base, self.size) = (base, size) }

    /// In single precision, step by step, as PyTorch has it: at position 8,000 the rounding of an angle is seen. That of a system's library is not.
    private mutating func grow(to positions: Int) {
        guard table.rows < positions else { return }
        let pairs = size / 2
        let frequencies = (0..<pairs).map { Float(1) / Float(pow(base, Double(Float(2 * $0) / Float(size)))) }
        table.resize(rows: positions, columns: size)
        let p = table.mutablePointer()
        for position in 0..<positions {
            for pair in 0..<pairs {
                let angle = Double(Float(position) * frequencies[pair])
                p[position * size + pair] = Float(cos(angle))
                p[position * size + pairs + pair] = Float(sin(angle))
            }
        }
    }

    /// Turns every head of some columns of `x`, in place.
    ///
    /// - Parameters:
    ///   - x: `[tokens, columns]`
    ///   - columns: how many from the first on; a multiple of d
    ///   - offsets: the first row of each sequence, then the number of rows
    ///   - backward: turns the other way, which is the gradient of turning
    package mutating func turn(
        _ x: inout Matrix, columns: Int, offsets: [Int], backward: Bool = false, on workers: Workers
    ) {
        precondition(offsets.last == x.rows && columns <= x.columns && columns % size == 0, "shapes do not agree")
        grow(to: zip(offsets, offsets.dropFirst()).reduce(0) { max($0, $1.1 - $1.0) })
        let (p, table, row, size) = (x.mutablePointer(), table.pointer, x.columns, size)
        let sign: Float = backward ? -1 : 1
        let positions = zip(offsets, offsets.dropFirst()).flatMap { 0..<$1 - $0 }
        workers.split(x.rows, grain: 8) { part in
            for token in part {
                let angles = table + positions[token] * size
                for column in stride(from: 0, to: columns, by: size) {
                    ck_turn(size / 2, sign, angles, p + token * row + column)
                }
            }
        }
    }
}
