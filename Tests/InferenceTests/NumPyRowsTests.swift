import Foundation
import Inference
import Testing

@Suite struct NumPyRowsTests {
    /// A file as NumPy writes it: the header ends at a multiple of 64 bytes.
    private static func file(_ header: String, version: UInt8 = 1, _ numbers: [Float] = []) -> Data {
        let start = version == 1 ? 10 : 12
        let padding = 63 - (start + header.utf8.count) % 64
        let size = header.utf8.count + padding + 1
        let length = (0..<(version == 1 ? 2 : 4)).map { UInt8(size >> (8 * $0) & 255) }
        return Data([0x93] + Array("NUMPY".utf8) + [version, 0] + length)
            + Data((header + String(repeating: " ", count: padding) + "\n").utf8)
            + numbers.withUnsafeBytes { Data($0) }
    }

    private static func withFile(_ data: Data, _ body: (String) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).npy")
        try data.write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        try body(url.path)
    }

    @Test(arguments: [1, 2, 3] as [UInt8])
    func rowsComeInTheirOrder(_ version: UInt8) throws {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }"
        try Self.withFile(Self.file(header, version: version, [1, 2, 3, 4, 5, -6.5])) { path in
            var rows = try NumPyRows(path: path)
            #expect(rows.count == 3 && rows.columns == 2)
            #expect(try rows.next(1).values == [1, 2])
            #expect(throws: NumPyError.self) { try rows.requireEnd() }
            #expect(try rows.next(2).values == [3, 4, 5, -6.5])
            try rows.requireEnd()
            #expect(throws: NumPyError.self) { _ = try rows.next(1) }
        }
    }

    @Test(
        arguments: [
            ("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }", "'<f8'"),
            ("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", "fortran_order"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "(1,)"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }", "2 × 1"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 4), }", "× 4"),
            ("{'descr': '<f4', 'fortran_order': False}", "'shape'"),
            ("", "'descr'"),
        ])
    func otherFilesAreRefusedByWhatIsWrong(_ header: String, _ message: String) throws {
        try Self.withFile(Self.file(header, [1])) { path in
            let error = #expect(throws: NumPyError.self) { _ = try NumPyRows(path: path) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
    }

    @Test func whatEndsTooSoonIsRefused() throws {
        let whole = Self.file("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }", [1])
        for count in 0..<whole.count {
            try Self.withFile(whole.prefix(count)) { path in
                #expect(throws: NumPyError.self) { _ = try NumPyRows(path: path) }
            }
        }
        #expect(throws: NumPyError.self) { _ = try NumPyRows(path: "/nowhere.npy") }
    }

    @Test func numbersThatAreNotFiniteAreRefused() throws {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }"
        try Self.withFile(Self.file(header, [1, .nan])) { path in
            var rows = try NumPyRows(path: path)
            #expect(throws: NumPyError.self) { _ = try rows.next(1) }
        }
    }
}
