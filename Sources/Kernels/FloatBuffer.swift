/// A block of Float32, aligned to a cache line, with value semantics: copies share memory until one of them is written to.
///
/// The parameters of a model are one such buffer, and so are their gradients and each of Adam's moments. A ``Matrix`` is a
/// view of a part of one.
package struct FloatBuffer {
    final class Storage {
        let pointer: UnsafeMutablePointer<Float>
        let count: Int
        /// Where the memory comes from, if it was not allocated.
        private let mapping: MappedMemory?

        /// The size in bytes from which on memory comes from the system, page by page as it is touched.
        private static let largeSize = 1 << 20

        init(count: Int) {
            if 4 * count >= Self.largeSize, let mapping = try? MappedMemory(zeros: 4 * count) {
                pointer = mapping.bytes.baseAddress!.bindMemory(to: Float.self, capacity: count)
                self.mapping = mapping
            } else {
                let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 4, alignment: 64)
                pointer = bytes.bindMemory(to: Float.self, capacity: count)
                pointer.initialize(repeating: 0, count: count)
                mapping = nil
            }
            self.count = count
        }

        convenience init(copying other: Storage) {
            self.init(count: other.count)
            pointer.update(from: other.pointer, count: count)
        }

        init(_ mapping: MappedMemory, offset: Int, count: Int) {
            pointer = (mapping.bytes.baseAddress! + offset).bindMemory(to: Float.self, capacity: count)
            self.count = count
            self.mapping = mapping
        }

        deinit {
            if mapping == nil { UnsafeMutableRawPointer(pointer).deallocate() }
        }
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

    /// Creates a buffer whose elements are the Float32 numbers at a place in mapped memory; nothing is copied.
    ///
    /// - Parameters:
    ///   - mapping: of which nothing else is written to
    ///   - offset: in bytes, a multiple of 4
    package init(_ mapping: MappedMemory, offset: Int, count: Int) {
        precondition(offset % 4 == 0 && offset >= 0 && offset + 4 * count <= mapping.bytes.count, "out of bounds")
        storage = Storage(mapping, offset: offset, count: count)
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

    /// Sets some rows of the matrix at `block` to 0.
    package mutating func clear(rows: [Int], of block: Block) {
        precondition(block.range.upperBound <= count && rows.allSatisfy { $0 >= 0 && $0 < block.rows })
        let p = mutablePointer() + block.offset
        for row in rows { (p + row * block.columns).update(repeating: 0, count: block.columns) }
    }

    /// Copies the elements of `source` in `range` to the place that begins at `start`.
    package mutating func copy(_ source: FloatBuffer, _ range: Range<Int>, to start: Int) {
        precondition(range.upperBound <= source.count && start >= 0 && start + range.count <= count, "out of bounds")
        (mutablePointer() + start).update(from: source.pointer + range.lowerBound, count: range.count)
    }

    /// Exchanges the elements in `range` with those of `other` from `start` on.
    package mutating func exchange(_ range: Range<Int>, with other: inout FloatBuffer, at start: Int) {
        precondition(range.upperBound <= count && start >= 0 && start + range.count <= other.count, "out of bounds")
        let (a, b) = (mutablePointer() + range.lowerBound, other.mutablePointer() + start)
        for index in 0..<range.count { swap(&a[index], &b[index]) }
    }

    /// Copies one row of `source` to the place that begins at `start`.
    package mutating func copy(_ source: Matrix, row: Int, to start: Int) {
        precondition(row >= 0 && row < source.rows && start >= 0 && start + source.columns <= count, "out of bounds")
        (mutablePointer() + start).update(from: source.pointer + row * source.columns, count: source.columns)
    }

    /// Calls `body` with the bytes of `block`, as they lie in memory (little-endian on every supported machine).
    package func withUnsafeBytes<Result>(
        of block: Block, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        precondition(block.range.upperBound <= count, "block out of bounds")
        return try body(UnsafeRawBufferPointer(UnsafeBufferPointer(start: pointer + block.offset, count: block.count)))
    }

    /// How numbers are stored in a file.
    package enum Element: String, Sendable {
        /// IEEE 754 single precision.
        case float32 = "F32"
        /// IEEE 754 half precision.
        case float16 = "F16"
        /// The upper half of single precision.
        case bfloat16 = "BF16"

        /// The size in bytes.
        package var size: Int { self == .float32 ? 4 : 2 }
    }

    /// Copies numbers, each in little-endian order, to `block`.
    package mutating func replace(_ block: Block, with bytes: UnsafeRawBufferPointer, of element: Element) {
        precondition(block.range.upperBound <= count, "block out of bounds")
        precondition(bytes.count == element.size * block.count, "wrong number of bytes")
        let target = mutablePointer() + block.offset
        func half(_ index: Int) -> UInt16 {
            UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
        }
        switch element {
        case .float32: UnsafeMutableRawPointer(target).copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
        case .float16: for i in 0..<block.count { target[i] = Float(Float16(bitPattern: half(i))) }
        case .bfloat16: for i in 0..<block.count { target[i] = Float(bitPattern: UInt32(half(i)) << 16) }
        }
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
