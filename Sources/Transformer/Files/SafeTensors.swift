import Foundation
import Kernels

/// A file of named tensors: eight bytes with the header's length, a JSON header, the tensors' bytes.
///
/// The file is memory-mapped. Nothing in it is believed before it has been checked against the file's size.
///
/// ### References
/// The format's description at <https://github.com/huggingface/safetensors>.
package struct SafeTensors {
    /// What the header says of a tensor.
    package struct Tensor: Decodable {
        /// How the numbers are stored: `F32`, `I64`, …
        let dtype: String
        /// The sizes of the dimensions.
        package let shape: [Int]
        let offsets: [Int]

        enum CodingKeys: String, CodingKey {
            case dtype, shape
            case offsets = "data_offsets"
        }
    }

    /// Where the file is.
    let file: URL
    private let memory: MappedMemory
    private let dataStart: Int
    /// By name.
    package let tensors: [String: Tensor]

    /// The longest header that is read: the format's own limit.
    private static let longestHeader = 100_000_000

    /// Opens a file and checks its header.
    ///
    /// - Throws: ``ModelError`` if the file cannot be read, or its header does not describe its contents.
    package init(contentsOf file: URL) throws {
        self.file = file
        do {
            memory = try MappedMemory(contentsOf: file.path)
        } catch {
            throw ModelError("\(file.path): cannot be read: \(error.localizedDescription)")
        }
        func invalid(_ cause: String) -> ModelError {
            ModelError("\(file.path): not a valid safetensors file: \(cause); fetch or save the model again")
        }
        let bytes = memory.bytes
        guard bytes.count >= 8 else { throw invalid("it has \(bytes.count) bytes") }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(Self.longestHeader), Int(length) <= bytes.count - 8 else {
            throw invalid("the header is said to have \(length) bytes, the file has \(bytes.count)")
        }
        dataStart = 8 + Int(length)
        do {
            tensors = try JSONDecoder().decode(Header.self, from: Data(bytes[8..<dataStart])).tensors
        } catch {
            throw invalid("the header is not the JSON that it should be")
        }
        let size = bytes.count - dataStart
        var end = 0
        for (name, tensor) in tensors.sorted(by: { $0.value.offsets.lexicographicallyPrecedes($1.value.offsets) }) {
            guard tensor.offsets.count == 2, tensor.offsets[0] == end, tensor.offsets[1] >= end,
                tensor.offsets[1] <= size, tensor.shape.allSatisfy({ $0 >= 0 })
            else { throw invalid("the tensor '\(name)' does not lie where one can be, in \(size) bytes of data") }
            end = tensor.offsets[1]
        }
        if end != size { throw invalid("\(size - end) bytes of data belong to no tensor") }
    }

    /// What keeps a tensor from being read as one of `shape`; nil if nothing does.
    func problem(of name: String, shape: [Int]) -> String? {
        guard let tensor = tensors[name] else { return "missing" }
        guard let element = FloatBuffer.Element(rawValue: tensor.dtype) else {
            return "of type \(tensor.dtype), not F32, F16 or BF16"
        }
        if tensor.shape != shape { return "of shape \(tensor.shape), not \(shape)" }
        let size = tensor.offsets[1] - tensor.offsets[0]
        return size == element.size * shape.reduce(1, *) ? nil : "of \(size) bytes, which are not those of its shape"
    }

    /// Copies a tensor that has no ``problem(of:shape:)`` to `block`.
    package func read(_ name: String, into buffer: inout FloatBuffer, at block: Block) {
        guard let tensor = tensors[name], let element = FloatBuffer.Element(rawValue: tensor.dtype) else {
            preconditionFailure("a tensor that was not checked")
        }
        // In pieces, each given back when it has been read, so that the file's pages do not count as a second copy.
        let piece = 1 << 20
        for first in stride(from: 0, to: block.count, by: piece) {
            let count = min(piece, block.count - first)
            let start = dataStart + tensor.offsets[0] + element.size * first
            let range = start..<start + element.size * count
            buffer.replace(
                Block(offset: block.offset + first, columns: count),
                with: UnsafeRawBufferPointer(rebasing: memory.bytes[range]), of: element)
            memory.release(range)
        }
    }

    /// The tensors as a buffer of `layout`, without copying; nil if they do not lie in the file as they do in the layout.
    ///
    /// - Parameter names: of the tensors, in the order of the layout's parameters
    func view(of layout: ParameterLayout, names: [String]) -> FloatBuffer? {
        guard let first = tensors[names[0]] else { return nil }
        let lieAlike = zip(layout.parameters, names).allSatisfy { parameter, name in
            tensors[name]?.dtype == FloatBuffer.Element.float32.rawValue
                && tensors[name]?.offsets[0] == first.offsets[0] + 4 * parameter.block.offset
        }
        let start = dataStart + first.offsets[0]
        return lieAlike && start % 4 == 0 ? FloatBuffer(memory, offset: start, count: layout.count) : nil
    }

    /// Reads the vector `name`, of `count` elements, from a file.
    ///
    /// - Throws: ``ModelError`` if it is not there.
    package static func read(_ name: String, count: Int, from file: URL) throws -> FloatBuffer {
        let tensors = try SafeTensors(contentsOf: file)
        if let problem = tensors.problem(of: name, shape: [count]) {
            throw ModelError("\(file.path): the tensor '\(name)' is \(problem)")
        }
        var buffer = FloatBuffer(count: count)
        tensors.read(name, into: &buffer, at: Block(offset: 0, columns: count))
        return buffer
    }

    /// Writes `buffer` to a new file as one vector.
    ///
    /// - Throws: what the file system says.
    package static func write(_ buffer: FloatBuffer, as name: String, to file: URL) throws {
        try write(buffer, tensors: [(name, [buffer.count])], to: file)
    }

    /// Writes tensors that fill `buffer` one after another to a new file.
    ///
    /// - Throws: what the file system says.
    static func write(_ buffer: FloatBuffer, tensors: [(name: String, shape: [Int])], to file: URL) throws {
        var end = 0
        let entries = tensors.map { name, shape in
            let start = end
            end += 4 * shape.reduce(1, *)
            let dimensions = shape.map(String.init).joined(separator: ",")
            return "\"\(name)\":{\"dtype\":\"F32\",\"shape\":[\(dimensions)],\"data_offsets\":[\(start),\(end)]}"
        }
        // transformers asks for the format; the length is rounded up so that the tensors lie on a cache line's boundary.
        var header = "{\"__metadata__\":{\"format\":\"pt\"}," + entries.joined(separator: ",") + "}"
        header += String(repeating: " ", count: (64 - (8 + header.utf8.count) % 64) % 64)
        var start = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
        start.append(contentsOf: header.utf8)
        try start.write(to: file)
        let handle = try FileHandle(forWritingTo: file)
        try handle.seekToEnd()
        try buffer.withUnsafeBytes(of: Block(offset: 0, columns: buffer.count)) { bytes in
            // In pieces, because each is copied to a Data.
            let piece = 1 << 24
            for start in stride(from: 0, to: bytes.count, by: piece) {
                try handle.write(contentsOf: Data(bytes[start..<min(start + piece, bytes.count)]))
            }
        }
        try handle.close()
    }

    /// The header: tensors by name, and metadata that is passed over.
    private struct Header: Decodable {
        let tensors: [String: Tensor]

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: JSONName.self)
            var tensors: [String: Tensor] = [:]
            for key in container.allKeys where key.stringValue != "__metadata__" {
                tensors[key.stringValue] = try container.decode(Tensor.self, forKey: key)
            }
            self.tensors = tensors
        }
    }
}
