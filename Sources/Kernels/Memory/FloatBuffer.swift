/// A block of Float32, aligned to a cache line, with value semantics: copies share memory until one of them is written to.
///
/// The parameters of a model are one such buffer, and so are their gradients and each of Adam's moments. A ``Matrix`` is a
/// view of a part of one.
package struct FloatBuffer {
    final class Storage {
        let pointer: UnsafeMutablePointer<Float>
        let count: Int
        /// The mapping that the memory is a part of; nil if it was allocated.
        private let mapping: MappedMemory?

        /// Buffers of at least so many bytes get memory from the system, page by page as it is touched.
        private static let largeSize = 1 << 20

        init(count: Int) {
            mapping = 4 * count >= Self.largeSize ? try? MappedMemory(zeros: 4 * count) : nil
            let bytes = mapping?.bytes.baseAddress ?? .allocate(byteCount: 4 * max(count, 1), alignment: 64)
            pointer = bytes.bindMemory(to: Float.self, capacity: count)
            if mapping == nil { pointer.initialize(repeating: 0, count: count) }
            self.count = count
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
    ///   - mapping: memory that nobody else writes to
    ///   - offset: where the numbers begin, in bytes; a multiple of 4
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

    /// Sets every element of `block` to `value`.
    package mutating func fill(_ block: Block, with value: Float) {
        mutablePointer(to: block).update(repeating: value, count: block.count)
    }

    /// x = (1 − weight) · x + weight · value, for every element of `block`: one step of a running mean.
    package mutating func move(_ block: Block, towards values: [Float], by weight: Float) {
        precondition(values.count == block.count, "wrong number of values")
        let p = mutablePointer(to: block)
        for (i, value) in values.enumerated() { p[i] = (1 - weight) * p[i] + weight * value }
    }

    /// Sets some rows of the matrix at `block` to 0.
    package mutating func clear(rows: [Int], of block: Block) {
        precondition(rows.allSatisfy { $0 >= 0 && $0 < block.rows }, "row out of range")
        let p = mutablePointer(to: block)
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
        precondition(bytes.count == element.size * block.count, "wrong number of bytes")
        let target = mutablePointer(to: block)
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
        if !isKnownUniquelyReferenced(&storage) {
            let shared = storage
            storage = Storage(count: count)
            storage.pointer.update(from: shared.pointer, count: count)
        }
        return storage.pointer
    }

    mutating func mutablePointer(to block: Block) -> UnsafeMutablePointer<Float> {
        precondition(block.range.upperBound <= count, "block out of bounds")
        return mutablePointer() + block.offset
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
