import Foundation
import JSON
import Kernels

/// A file of named tensors: eight bytes with the header's length, a JSON header, the tensors' bytes.
///
/// The file is memory-mapped. Nothing in it is believed before it has been checked against the file's size.
///
/// ### References
/// The format's description at <https://github.com/huggingface/safetensors>.
package struct SafeTensors: TensorFile {
    /// What the header says of a tensor.
    private struct Entry {
        /// How the numbers are stored: `F32`, `I64`, …
        let dtype: String
        let shape: [Int]
        /// Where its bytes begin and end, among those of all tensors.
        let offsets: Range<Int>

        /// The bits of an element of each type that the format knows.
        private static let bits = [
            "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
            "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32,
            "F32": 32,
            "C64": 64, "F64": 64, "I64": 64, "U64": 64,
        ]

        /// Reads an entry of the header; nil if it is none, or does not agree with itself.
        init?(_ entry: JSONValue) {
            guard entry.hasDifferentKeys, let dtype = entry["dtype"].string, let bits = Self.bits[dtype],
                let shape = entry["shape"].sizes, let offsets = entry["data_offsets"].sizes, offsets.count == 2,
                offsets[0] <= offsets[1]
            else { return nil }
            var size = bits
            for dimension in shape {
                let product = size.multipliedReportingOverflow(by: dimension)
                if product.overflow { return nil }
                size = product.partialValue
            }
            guard size % 8 == 0, offsets[1] - offsets[0] == size / 8 else { return nil }
            (self.dtype, self.shape, self.offsets) = (dtype, shape, offsets[0]..<offsets[1])
        }
    }

    package let file: URL
    package let memory: MappedMemory
    package let tensors: [String: StoredTensor]

    /// The longest header that is read: the format's own limit.
    private static let longestHeader = 100_000_000

    /// Opens a file and checks its header.
    ///
    /// - Throws: ``ModelError`` if the file cannot be read, or its header does not describe its contents.
    package init(contentsOf file: URL) throws {
        try self.init(Self.map(file), file: file)
    }

    /// Reads what is in memory.
    ///
    /// - Parameter file: what errors name
    /// - Throws: ``ModelError`` if the header does not describe the contents.
    package init(_ memory: MappedMemory, file: URL) throws {
        (self.memory, self.file) = (memory, file)
        func invalid(_ cause: String) -> ModelError {
            ModelError("\(file.path): not a valid safetensors file: \(cause); fetch or save the model again")
        }
        let bytes = memory.bytes
        guard bytes.count >= 8 else { throw invalid("it has \(bytes.count) bytes") }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(Self.longestHeader), Int(length) <= bytes.count - 8 else {
            throw invalid("the header is said to have \(length) bytes, the file has \(bytes.count)")
        }
        let dataStart = 8 + Int(length)
        let header = bytes[8..<dataStart]
        guard header.first == UInt8(ascii: "{"), let document = JSONValue(parsing: header), document.hasDifferentKeys,
            let entries = document.object, document[Self.metadata].isMetadata
        else { throw invalid("the header is not the JSON that it should be") }
        var tensors: [String: Entry] = [:]
        for (name, entry) in entries where name != Self.metadata {
            guard let tensor = Entry(entry) else {
                throw invalid("what the header says of the tensor '\(name)' cannot be, or is of an unknown type")
            }
            tensors[name] = tensor
        }
        let size = bytes.count - dataStart
        var end = 0
        for (name, tensor) in tensors.sorted(by: {
            ($0.value.offsets.lowerBound, $0.value.offsets.upperBound) < (
                $1.value.offsets.lowerBound, $1.value.offsets.upperBound
            )
        }) {
            guard tensor.offsets.lowerBound == end, tensor.offsets.upperBound <= size else {
                throw invalid("the tensor '\(name)' does not lie where one can be, in \(size) bytes of data")
            }
            end = tensor.offsets.upperBound
        }
        if end != size { throw invalid("\(size - end) bytes of data belong to no tensor") }
        self.tensors = tensors.mapValues { tensor in
            let bytes = dataStart + tensor.offsets.lowerBound..<dataStart + tensor.offsets.upperBound
            return StoredTensor(dtype: tensor.dtype, shape: tensor.shape, bytes: bytes)
        }
    }

    private static let metadata = "__metadata__"

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

    /// The numbers of an array.
    ///
    /// - Throws: ``ModelError`` if it is not there, or of another type or shape.
    func numbers<Number: BitwiseCopyable>(
        _ name: String, _ dtype: String, shape: [Int], as type: Number.Type
    ) throws -> [Number] {
        guard let tensor = tensors[name], tensor.dtype == dtype, tensor.shape == shape else {
            let found = tensors[name].map { "of type \($0.dtype) and shape \($0.shape)" } ?? "missing"
            throw ModelError("\(file.path): the tensor '\(name)' is \(found), not of type \(dtype) and shape \(shape)")
        }
        return memory.bytes[tensor.bytes].withUnsafeBytes { bytes in
            [Number](unsafeUninitializedCapacity: shape.reduce(1, *)) { target, count in
                UnsafeMutableRawBufferPointer(target).copyMemory(from: bytes)
                count = shape.reduce(1, *)
            }
        }
    }

    /// Writes `buffer` to a new file as one vector.
    ///
    /// - Throws: what the file system says.
    package static func write(_ buffer: FloatBuffer, as name: String, to file: URL) throws {
        try write(
            buffer, tensors: [(name, [buffer.count], Block(offset: 0, columns: buffer.count))], to: file)
    }

    /// Writes tensors that lie in `buffer` to a new file, one after another.
    ///
    /// - Throws: what the file system says.
    static func write(_ buffer: FloatBuffer, tensors: [(name: String, shape: [Int], block: Block)], to file: URL) throws
    {
        try header(of: tensors.map { ($0.name, FloatBuffer.Element.float32.rawValue, 4 * $0.block.count, $0.shape) })
            .write(to: file)
        let handle = try FileHandle(forWritingTo: file)
        try handle.seekToEnd()
        for tensor in tensors {
            // In pieces, because each is copied to a Data.
            let (piece, range) = (1 << 22, tensor.block.range)
            for start in stride(from: range.lowerBound, to: range.upperBound, by: piece) {
                let block = Block(offset: start, columns: min(piece, range.upperBound - start))
                try buffer.withUnsafeBytes(of: block) { try handle.write(contentsOf: Data($0)) }
            }
        }
        try handle.close()
    }

    /// An array of numbers that is no parameter.
    struct Numbers {
        let name: String
        let dtype: String
        let shape: [Int]
        let bytes: Data

        /// - Parameter dtype: the format's name for the type of the numbers
        init<Number: BitwiseCopyable>(_ name: String, _ dtype: String, shape: [Int], _ numbers: [Number]) {
            precondition(numbers.count == shape.reduce(1, *), "as many numbers as the shape says")
            self.init(name, dtype, shape: shape, bytes: numbers.withUnsafeBytes { Data($0) })
        }

        init(_ name: String, _ dtype: String, shape: [Int], bytes: Data) {
            (self.name, self.dtype, self.shape, self.bytes) = (name, dtype, shape, bytes)
        }
    }

    /// Writes arrays to a new file.
    ///
    /// - Throws: what the file system says.
    static func write(_ arrays: [Numbers], to file: URL) throws {
        let start = header(of: arrays.map { ($0.name, $0.dtype, $0.bytes.count, $0.shape) })
        try arrays.reduce(into: start) { $0 += $1.bytes }.write(to: file)
    }

    /// What stands before the tensors' bytes.
    private static func header(of tensors: [(name: String, dtype: String, bytes: Int, shape: [Int])]) -> Data {
        var end = 0
        let entries = tensors.map { name, dtype, bytes, shape in
            let start = end
            end += bytes
            let dimensions = shape.map(String.init).joined(separator: ",")
            return "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":[\(dimensions)],\"data_offsets\":[\(start),\(end)]}"
        }
        // transformers asks for the format; the length is rounded up so that the tensors lie on a cache line's boundary.
        var header = "{\"__metadata__\":{\"format\":\"pt\"}," + entries.joined(separator: ",") + "}"
        header += String(repeating: " ", count: (64 - (8 + header.utf8.count) % 64) % 64)
        return withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8)
    }
}

extension JSONValue {
    /// Whether no key of an object is there twice.
    fileprivate var hasDifferentKeys: Bool { object.map { Set($0.map(\.key)).count == $0.count } ?? false }

    /// Whether it is what may stand for metadata: nothing, or texts.
    fileprivate var isMetadata: Bool {
        isNull || (hasDifferentKeys && object?.allSatisfy { $0.value.string != nil } == true)
    }

    /// An array of numbers that are written as sizes are: in digits alone.
    fileprivate var sizes: [Int]? {
        guard let array else { return nil }
        let sizes = array.compactMap { value -> Int? in
            guard case .number(let text) = value, text.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains)
            else { return nil }
            return Int(text)
        }
        return sizes.count == array.count ? sizes : nil
    }
}
