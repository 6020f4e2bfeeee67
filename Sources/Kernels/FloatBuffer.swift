/// A block of Float32, aligned to a cache line, with value semantics: copies share memory until one of them is written to.
///
/// The parameters of a model are one such buffer, and so are their gradients and each of Adam's moments. A ``Matrix`` is a
/// view of a part of one.
package struct FloatBuffer {
    final class Storage {
        let pointer: UnsafeMutablePointer<Float>
        let count: Int

        init(count: Int) {
            let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 4, alignment: 64)
            pointer = bytes.bindMemory(to: Float.self, capacity: count)
            pointer.initialize(repeating: 0, count: count)
            self.count = count
        }

        init(copying other: Storage) {
            let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(other.count, 1) * 4, alignment: 64)
            pointer = bytes.bindMemory(to: Float.self, capacity: other.count)
            pointer.initialize(from: other.pointer, count: other.count)
            count = other.count
        }

        deinit { UnsafeMutableRawPointer(pointer).deallocate() }
    }

    private var storage: Storage

    /// Creates a buffer of zeros.
    package init(count: Int) {
        storage = Storage(count: count)
    }

    /// Creates a buffer that holds `values`.
    package init(_ values: [Float]) {
        self.init(count: values.count)
        values.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { storage.pointer.update(from: base, count: source.count) }
        }
    }

    /// The number of elements.
    package var count: Int { storage.count }

    /// The element at `index`.
    package subscript(index: Int) -> Float {
        get {
            precondition(index >= 0 && index < count, "index out of range")
            return storage.pointer[index]
        }
        set {
            precondition(index >= 0 && index < count, "index out of range")
            mutablePointer()[index] = newValue
        }
    }

    /// A view of the elements at `block`. It shares this buffer's memory, so nothing is copied; while it lives, writing to
    /// the buffer copies it first.
    package subscript(block: Block) -> Matrix {
        Matrix(buffer: self, offset: block.offset, rows: block.rows, columns: block.columns)
    }

    /// Sets every element to 0.
    package mutating func clear() {
        mutablePointer().update(repeating: 0, count: count)
    }

    /// Calls `body` with the bytes of `block`, as they lie in memory (little-endian on every supported machine).
    package func withUnsafeBytes<Result>(
        of block: Block, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        precondition(block.range.upperBound <= count, "block out of bounds")
        return try body(UnsafeRawBufferPointer(UnsafeBufferPointer(start: pointer + block.offset, count: block.count)))
    }

    /// Copies `bytes`, Float32 in little-endian order, to `block`.
    package mutating func replace(_ block: Block, with bytes: UnsafeRawBufferPointer) {
        precondition(block.range.upperBound <= count, "block out of bounds")
        precondition(bytes.count == 4 * block.count, "wrong number of bytes")
        UnsafeMutableRawPointer(mutablePointer() + block.offset).copyMemory(
            from: bytes.baseAddress!, byteCount: bytes.count)
    }

    var pointer: UnsafePointer<Float> { UnsafePointer(storage.pointer) }

    mutating func mutablePointer() -> UnsafeMutablePointer<Float> {
        if !isKnownUniquelyReferenced(&storage) { storage = Storage(copying: storage) }
        return storage.pointer
    }
}

/// Where a matrix lies in a flat buffer: `rows × columns` elements from `offset` on, row after row.
package struct Block: Hashable, Sendable {
    /// The index of the first element.
    package let offset: Int
    /// The number of rows.
    package let rows: Int
    /// The number of elements in a row.
    package let columns: Int

    /// Creates a block; a vector is a block of one row.
    package init(offset: Int, rows: Int = 1, columns: Int) {
        (self.offset, self.rows, self.columns) = (offset, rows, columns)
    }

    /// The number of elements.
    package var count: Int { rows * columns }
    /// The elements' indices in the flat buffer.
    package var range: Range<Int> { offset..<offset + count }
}
