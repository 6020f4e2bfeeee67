import Foundation
import Kernels

/// The rows of a file of NumPy's format with a matrix of Float32, some at a time (NEP 1): what `addnorm embed` and `numpy.save` write.
package struct NumPyRows {
    /// The number of rows.
    package let count: Int
    /// The width of a row.
    package let columns: Int
    /// How many rows have been read.
    package private(set) var position = 0
    private let path: String
    private let file: FileHandle

    private static let longestHeader = 1 << 16

    /// Opens a file, and reads what it says of itself.
    ///
    /// - Throws: ``NumPyError`` if it cannot be read, is no such file, or has another matrix than its header says.
    package init(path: String) throws {
        self.path = path
        do {
            file = try FileHandle(forReadingFrom: URL(filePath: path))
        } catch {
            throw NumPyError(path, "cannot be read: \(error.localizedDescription)")
        }
        let start = [UInt8](try Self.read(10, of: file, path))
        guard start.count == 10, start.starts(with: [0x93] + Array("NUMPY".utf8)), (1...3).contains(start[6]) else {
            throw NumPyError(path, "is no file of NumPy (.npy); write one with: addnorm embed --output FILE.npy")
        }
        // The length has two bytes in version 1, and four since.
        var length = Int(start[8]) | Int(start[9]) << 8
        var offset = 10
        if start[6] > 1 {
            let rest = [UInt8](try Self.read(2, of: file, path))
            guard rest.count == 2 else { throw NumPyError(path, "ends within its header") }
            (length, offset) = (length | Int(rest[0]) << 16 | Int(rest[1]) << 24, 12)
        }
        guard length <= Self.longestHeader else { throw NumPyError(path, "has a header of \(length) bytes") }
        let header = try Self.read(length, of: file, path)
        guard header.count == length else { throw NumPyError(path, "ends within its header") }
        (count, columns) = try Self.shape(String(decoding: header, as: UTF8.self), path)
        let (numbers, overflow) = count.multipliedReportingOverflow(by: columns)
        let size = (try? file.seekToEnd()) ?? 0
        guard !overflow, numbers <= Int.max / 8, size == UInt64(offset + length + 4 * numbers) else {
            throw NumPyError(
                path, "has \(size) bytes, which are not those of the \(count) × \(columns) numbers in its header")
        }
        try file.seek(toOffset: UInt64(offset + length))
    }

    /// The two lengths of a header's shape.
    private static func shape(_ header: String, _ path: String) throws -> (Int, Int) {
        func value(_ key: String, _ pattern: String) throws -> Substring {
            let found = header.firstRange(of: "'\(key)':").map { header[$0.upperBound...].drop { $0 == " " } }
            guard let found, let end = found.range(of: pattern, options: [.regularExpression, .anchored]) else {
                throw NumPyError(path, "has a header without a '\(key)' that can be read")
            }
            return found[end]
        }
        let type = try value("descr", "'[^']*'")
        guard type == "'<f4'" else {
            throw NumPyError(path, "has numbers of the type \(type), not Float32, '<f4'")
        }
        guard try value("fortran_order", "(True|False)") == "False" else {
            throw NumPyError(path, "has its numbers column after column (fortran_order), not row after row")
        }
        let shape = try value("shape", "\\([0-9, ]*\\)")
        let lengths = shape.split { !$0.isNumber }.map { Int($0) }
        guard lengths.count == 2, let rows = lengths[0], let columns = lengths[1], columns > 0 else {
            throw NumPyError(path, "has the shape \(shape), not (texts, hidden size)")
        }
        return (rows, columns)
    }

    /// The next rows, `[rows, columns]`.
    ///
    /// - Throws: ``NumPyError`` if there are not so many, or if a number is not finite.
    package mutating func next(_ rows: Int) throws -> Matrix {
        precondition(rows >= 0, "a number of rows")
        guard rows <= count - position else {
            throw NumPyError(path, "has \(count) vectors, but there are more texts; make it again from the same files")
        }
        let bytes = rows * columns * 4
        let data = try Self.read(bytes, of: file, path)
        guard data.count == bytes else { throw NumPyError(path, "became shorter while it was read") }
        position += rows
        let values = data.withUnsafeBytes { source in
            (0..<rows * columns).map {
                Float(bitPattern: UInt32(littleEndian: source.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
            }
        }
        let matrix = Matrix(values, columns: columns)
        guard matrix.allFinite else { throw NumPyError(path, "has a number that is not finite") }
        return matrix
    }

    /// Checks that all rows were read.
    ///
    /// - Throws: ``NumPyError`` if some are left.
    package func requireEnd() throws {
        guard position == count else {
            throw NumPyError(
                path, "has \(count) vectors, but there are \(position) texts; make it again from the same files")
        }
    }

    /// As many bytes as there are, at most `count`.
    private static func read(_ count: Int, of file: FileHandle, _ path: String) throws -> Data {
        var data = Data()
        do {
            while data.count < count, let part = try file.read(upToCount: count - data.count), !part.isEmpty {
                data += part
            }
        } catch {
            throw NumPyError(path, "cannot be read: \(error.localizedDescription)")
        }
        return data
    }
}

/// What is wrong with a file of NumPy.
package struct NumPyError: LocalizedError, CustomStringConvertible {
    package let description: String
    package var errorDescription: String? { description }

    init(_ path: String, _ cause: String) { description = "\(path): \(cause)" }
}
