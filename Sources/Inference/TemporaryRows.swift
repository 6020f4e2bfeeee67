import Foundation
import Kernels

/// Rows of numbers in a temporary file, which has no name and goes away with this object: as many as there are, and none of them in memory.
struct TemporaryRows<Number: BitwiseCopyable> {
    /// How many numbers a row has.
    let columns: Int
    private let file: FileHandle
    private(set) var count = 0

    /// - Throws: ``TemporaryFileError`` if there is no room for temporary files.
    init(columns: Int) throws {
        self.columns = columns
        file = try TemporaryFileError.naming {
            FileHandle(fileDescriptor: try openNamelessFile(), closeOnDealloc: true)
        }
    }

    /// Appends whole rows.
    ///
    /// - Throws: ``TemporaryFileError`` if the disk is full.
    mutating func append(_ numbers: [Number]) throws {
        precondition(numbers.count.isMultiple(of: columns), "whole rows")
        try TemporaryFileError.naming {
            try file.seekToEnd()
            try file.write(contentsOf: numbers.withUnsafeBytes { Data($0) })
        }
        count += numbers.count / columns
    }

    /// Some rows, one after the other.
    ///
    /// - Throws: ``TemporaryFileError`` if the disk does not give back what was written.
    func read(_ rows: Range<Int>) throws -> [Number] {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= count, "rows that are there")
        let size = MemoryLayout<Number>.stride
        return try TemporaryFileError.naming {
            try file.seek(toOffset: UInt64(rows.lowerBound * columns * size))
            let bytes = rows.count * columns * size
            var data = Data()
            while data.count < bytes, let part = try file.read(upToCount: bytes - data.count), !part.isEmpty {
                data += part
            }
            guard data.count == bytes else { throw POSIXError(.EIO) }
            return data.withUnsafeBytes { source in
                [Number](unsafeUninitializedCapacity: rows.count * columns) { target, count in
                    UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
                    count = rows.count * columns
                }
            }
        }
    }
}

/// Why vectors cannot be kept in a temporary file.
package struct TemporaryFileError: LocalizedError, CustomStringConvertible {
    package let description: String
    package var errorDescription: String? { description }

    /// Says of the errors of `body` which folder they are about.
    static func naming<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw TemporaryFileError(
                description:
                    "\(FileManager.default.temporaryDirectory.path): no room for the vectors of the texts: \(error.localizedDescription);"
                    + " free some, or set TMPDIR to a folder of another disk")
        }
    }
}
