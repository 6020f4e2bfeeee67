import Foundation
import Kernels

/// What a file says of a tensor in it.
package struct StoredTensor {
    /// How the numbers are stored, by the names that safetensors has: `F32`, `I64`, …
    let dtype: String
    /// The sizes of the dimensions.
    package let shape: [Int]
    /// Where it lies in the file.
    let bytes: Range<Int>
    /// How many elements further the next one of each dimension is; nil if they lie one after another, row by row.
    var strides: [Int]?
}

/// A file of named tensors, in whatever format, that is memory-mapped.
package protocol TensorFile {
    /// Where the file is.
    var file: URL { get }
    /// The whole file.
    var memory: MappedMemory { get }
    /// By name; each lies within ``memory``.
    var tensors: [String: StoredTensor] { get }
}

extension TensorFile {
    /// What keeps a tensor from being read as one of `shape`; nil if nothing does.
    package func problem(of name: String, shape: [Int]) -> String? {
        guard let tensor = tensors[name] else { return "missing" }
        guard FloatBuffer.Element(rawValue: tensor.dtype) != nil else {
            return "of type \(tensor.dtype), not F32, F16 or BF16"
        }
        return tensor.shape == shape ? nil : "of shape \(tensor.shape), not \(shape)"
    }

    /// Copies a tensor that has no ``problem(of:shape:)`` to `block`.
    package func read(_ name: String, into buffer: inout FloatBuffer, at block: Block) {
        guard let tensor = tensors[name], let element = FloatBuffer.Element(rawValue: tensor.dtype) else {
            preconditionFailure("a tensor that was not checked")
        }
        if let strides = tensor.strides {
            if element == .float32 {
                readRows(of: tensor, strides, element, as: UInt32.self, into: &buffer, at: block)
            } else {
                readRows(of: tensor, strides, element, as: UInt16.self, into: &buffer, at: block)
            }
            return memory.release(tensor.bytes)
        }
        // In pieces, each given back when it has been read, so that the file's pages do not count as a second copy.
        let piece = 1 << 20
        for first in stride(from: 0, to: block.count, by: piece) {
            let count = min(piece, block.count - first)
            let start = tensor.bytes.lowerBound + element.size * first
            let range = start..<start + element.size * count
            buffer.replace(
                Block(offset: block.offset + first, columns: count),
                with: UnsafeRawBufferPointer(rebasing: memory.bytes[range]), of: element)
            memory.release(range)
        }
    }

    /// Copies a tensor whose elements do not lie one after another: as one that has been transposed.
    private func readRows<Bits: FixedWidthInteger & BitwiseCopyable>(
        of tensor: StoredTensor, _ strides: [Int], _ element: FloatBuffer.Element, as bits: Bits.Type,
        into buffer: inout FloatBuffer, at block: Block
    ) {
        guard block.count > 0, let columns = tensor.shape.last, let step = strides.last else { return }
        let source = UnsafeRawBufferPointer(rebasing: memory.bytes[tensor.bytes])
        var row = [Bits](repeating: 0, count: columns)
        var index = [Int](repeating: 0, count: tensor.shape.count - 1)
        for first in stride(from: 0, to: block.count, by: columns) {
            let start = zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }
            for column in 0..<columns {
                row[column] = source.loadUnaligned(fromByteOffset: element.size * (start + column * step), as: bits)
            }
            row.withUnsafeBytes {
                buffer.replace(Block(offset: block.offset + first, columns: columns), with: $0, of: element)
            }
            // The next row, whose last number counts up first.
            for dimension in index.indices.reversed() {
                index[dimension] += 1
                if index[dimension] < tensor.shape[dimension] { break }
                index[dimension] = 0
            }
        }
    }

    /// The file's size in bytes.
    var size: Int { memory.bytes.count }

    /// The byte at which a tensor of Float32 begins in the file; nil if there is no such tensor that lies in one piece.
    func start(of name: String) -> Int? {
        tensors[name].flatMap {
            $0.dtype == FloatBuffer.Element.float32.rawValue && $0.strides == nil ? $0.bytes.lowerBound : nil
        }
    }

    /// Maps a file.
    ///
    /// - Throws: ``ModelError`` that says what the system says.
    static func map(_ file: URL) throws -> MappedMemory {
        do {
            return try MappedMemory(contentsOf: file.path)
        } catch {
            throw ModelError("\(file.path): cannot be read: \(error.localizedDescription)")
        }
    }
}
