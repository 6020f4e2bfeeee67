import CKernels

/// A matrix of Float32 in row-major order, with value semantics.
///
/// Activations are matrices of one row per token, `[tokens, hidden]`, or per sequence, `[sequences, hidden]`. Weights and
/// biases are matrices that ``FloatBuffer/subscript(_:)-(Block)`` cuts out of a flat buffer without copying.
package struct Matrix {
    private var buffer: FloatBuffer
    private let offset: Int
    /// The number of rows.
    package private(set) var rows: Int
    /// The number of elements in a row.
    package private(set) var columns: Int

    /// Creates a matrix of zeros; without sizes, one that a function is yet to write to.
    package init(rows: Int = 0, columns: Int = 0) {
        self.init(buffer: FloatBuffer(count: rows * columns), offset: 0, rows: rows, columns: columns)
    }

    /// Creates a matrix from its elements, row after row.
    package init(_ values: [Float], columns: Int) {
        precondition(values.count % columns == 0, "the last row is incomplete")
        self.init(buffer: FloatBuffer(values), offset: 0, rows: values.count / columns, columns: columns)
    }

    /// Creates a matrix from its rows, which are of one length; of none it has no columns either.
    package init(rows: [[Float]]) {
        precondition(rows.allSatisfy { $0.count == rows[0].count }, "rows of one length")
        self.init(
            buffer: FloatBuffer(rows.flatMap(\.self)), offset: 0, rows: rows.count, columns: rows.first?.count ?? 0)
    }

    init(buffer: FloatBuffer, offset: Int, rows: Int, columns: Int) {
        precondition(offset >= 0 && offset + rows * columns <= buffer.count, "matrix out of bounds")
        (self.buffer, self.offset, self.rows, self.columns) = (buffer, offset, rows, columns)
    }

    /// The number of elements.
    package var count: Int { rows * columns }

    /// The elements, row after row.
    package var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

    /// The elements of one row.
    package func row(_ row: Int) -> [Float] {
        precondition(row >= 0 && row < rows, "row out of range")
        return Array(UnsafeBufferPointer(start: pointer + row * columns, count: columns))
    }

    /// Whether every element is a number.
    package var allFinite: Bool { UnsafeBufferPointer(start: pointer, count: count).allSatisfy(\.isFinite) }

    /// The matrix times a number.
    package func scaled(by factor: Float) -> Matrix {
        var result = self
        ck_scale(count, factor, result.mutablePointer())
        return result
    }

    /// Adds a matrix of the same shape.
    package mutating func add(_ other: Matrix) {
        precondition((rows, count) == (other.rows, other.count), "matrices of one shape")
        let sum = mutablePointer()
        for index in 0..<count { sum[index] += other.pointer[index] }
    }

    /// The sum with a matrix of the same shape; nil: of zeros.
    package func adding(_ other: Matrix?) -> Matrix {
        guard let other else { return self }
        var sum = self
        sum.add(other)
        return sum
    }

    /// Changes the shape. What the elements are afterwards is not defined. Memory grows and never shrinks, so that nothing is
    /// allocated once the largest size has been seen.
    package mutating func resize(rows: Int, columns: Int) {
        if offset + rows * columns > buffer.count { buffer = FloatBuffer(count: offset + rows * columns) }
        (self.rows, self.columns) = (rows, columns)
    }

    /// Sets every element to 0.
    mutating func clear() {
        mutablePointer().update(repeating: 0, count: count)
    }

    var pointer: UnsafePointer<Float> { buffer.pointer + offset }

    mutating func mutablePointer() -> UnsafeMutablePointer<Float> { buffer.mutablePointer() + offset }
}

extension FloatBuffer {
    /// A view of the elements at `block`. It shares this buffer's memory, so nothing is copied; while it lives, writing to
    /// the buffer copies it first.
    package subscript(block: Block) -> Matrix {
        Matrix(buffer: self, offset: block.offset, rows: block.rows, columns: block.columns)
    }

    /// Copies the elements of `x` to those of `block`.
    package mutating func copy(_ x: Matrix, to block: Block) {
        precondition(x.count == block.count, "shapes do not agree")
        mutablePointer(to: block).update(from: x.pointer, count: block.count)
    }

    /// x = x + factor · y, for the elements x of `block`.
    package mutating func add(_ y: Matrix, times factor: Float, to block: Block) {
        precondition(y.rows == block.rows && y.columns == block.columns, "shapes do not agree")
        let (p, y) = (mutablePointer(to: block), y.pointer)
        for i in 0..<block.count { p[i] += factor * y[i] }
    }

    /// Copies one row of `source` to the place that begins at `start`.
    package mutating func copy(_ source: Matrix, row: Int, to start: Int) {
        precondition(row >= 0 && row < source.rows && start >= 0 && start + source.columns <= count, "out of bounds")
        (mutablePointer() + start).update(from: source.pointer + row * source.columns, count: source.columns)
    }
}

extension ck_matrix {
    /// A matrix in row-major order, with rows of so many columns.
    static func rows(_ pointer: UnsafePointer<Float>, of columns: Int) -> ck_matrix {
        ck_matrix(pointer: pointer, row: columns, column: 1)
    }

    /// The same numbers, with rows and columns exchanged.
    var transposed: ck_matrix { ck_matrix(pointer: pointer, row: column, column: row) }

    /// The rows from one on.
    func rows(from first: Int) -> ck_matrix { ck_matrix(pointer: pointer + first * row, row: row, column: column) }
}
