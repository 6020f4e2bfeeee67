import Foundation
import Kernels
import Testing

@Suite struct MatrixTests {
    @Test func copiesAreValues() {
        var buffer = FloatBuffer([1, 2, 3, 4, 5, 6])
        let view = buffer[Block(offset: 2, rows: 2, columns: 2)]
        buffer[3] = 40
        #expect(view.values == [3, 4, 5, 6])
        #expect(buffer[Block(offset: 2, rows: 2, columns: 2)].row(0) == [3, 40])
    }
}

@Suite struct MappedMemoryTests {
    @Test func memoryIsTheFileUntilItIsWrittenTo() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID())")
        defer { try? FileManager.default.removeItem(at: file) }
        let bytes = [Float(1), 2, 3, 4].withUnsafeBytes { Data($0) }
        try bytes.write(to: file)
        var buffer = FloatBuffer(try MappedMemory(contentsOf: file.path), offset: 4, count: 3)
        #expect((0..<3).map { buffer[$0] } == [2, 3, 4])
        let copy = buffer
        buffer[1] = 9
        #expect((0..<3).map { buffer[$0] } == [2, 9, 4])
        #expect((0..<3).map { copy[$0] } == [2, 3, 4])
        var alone = FloatBuffer(try MappedMemory(contentsOf: file.path), offset: 0, count: 4)
        alone[0] = 7
        #expect(alone[0] == 7)
        #expect(try Data(contentsOf: file) == bytes)
    }

    @Test func temporaryMemoryIsZero() throws {
        var buffer = FloatBuffer(try MappedMemory(temporaryBytes: 40_000), offset: 0, count: 10_000)
        #expect((0..<10_000).allSatisfy { buffer[$0] == 0 })
        buffer[9_999] = 1
        #expect(buffer[9_999] == 1)
    }

    @Test func saysWhatCannotBeMapped() {
        #expect(throws: POSIXError(.ENOENT)) { try MappedMemory(contentsOf: "/nowhere") }
        #expect(throws: POSIXError.self) { try MappedMemory(contentsOf: "/") }
        #expect(throws: POSIXError.self) { try MappedMemory(temporaryBytes: 1 << 60) }
    }
}
