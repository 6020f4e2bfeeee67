import Foundation
import Kernels

/// A file of NumPy's format 1.0 with a matrix of Float32, row after row as they come (NEP 1). It appears whole, by the name that it is to have, or not at all.
final class NumPyFile {
    private let path: String
    private let temporary: String
    private let columns: Int
    private let handle: FileHandle
    private var rows = 0
    private var isFinished = false

    /// The header is as long for every number of rows, so that it can be written last.
    private static let headerSize = 128

    /// Creates the file under another name.
    ///
    /// - Parameter others: what is read, as ``OutputFile`` has it
    /// - Throws: ``OutputError`` if it cannot be written, or is one of the others.
    init(_ path: String, columns: Int, besides others: [String]) throws {
        (self.path, self.columns) = (path, columns)
        try OutputFile.check(path, besides: others)
        temporary = path + ".\(ProcessInfo.processInfo.processIdentifier).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0o644)
        guard descriptor >= 0 else {
            throw OutputError(description: "\(path): cannot be written: \(String(cString: strerror(errno)))")
        }
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try write(Data(count: Self.headerSize))
    }

    deinit { if !isFinished { unlink(temporary) } }

    /// Appends rows.
    ///
    /// - Throws: ``OutputError`` if the disk is full, for example.
    func append(_ matrix: Matrix) throws {
        precondition(matrix.columns == columns, "rows of another width")
        rows += matrix.rows
        try write(matrix.values.withUnsafeBytes { Data($0) })
    }

    /// Writes the header, and gives the file its name.
    ///
    /// - Throws: ``OutputError`` if that fails.
    func finish() throws {
        let start = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(rows), \(columns)), }"
        let size = Self.headerSize - 10
        var header = Data([0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(size), 0])
        header += Data((start + String(repeating: " ", count: size - 1 - start.count) + "\n").utf8)
        do {
            try handle.seek(toOffset: 0)
            try handle.write(contentsOf: header)
            try handle.synchronize()
        } catch {
            throw failure(error.localizedDescription)
        }
        guard rename(temporary, path) == 0 else { throw failure(String(cString: strerror(errno))) }
        isFinished = true
    }

    private func write(_ data: Data) throws {
        do {
            try handle.write(contentsOf: data)
        } catch {
            throw failure(error.localizedDescription)
        }
    }

    private func failure(_ cause: String) -> OutputError {
        OutputError(description: "\(path): cannot be written: \(cause)")
    }
}
