import Foundation
import Kernels
import TestSupport
import Testing
import Transformer

/// Files that `torch.save` has written, and others that only look like it.
@Suite struct PickledTensorsTests {
    static let fixtures = PyTorchTests.fixtures.appending(path: "pickled")

    /// Calls `body` with the folder of a model whose weights are files of PyTorch.
    static func withModel(_ files: [String: Data], _ body: (URL) throws -> Void) throws {
        try PretrainedTests.withModel([]) { folder in
            try FileManager.default.removeItem(at: folder.appending(path: "model.safetensors"))
            for (name, data) in files { try data.write(to: folder.appending(path: name)) }
            try body(folder)
        }
    }

    static func fixture(_ name: String) throws -> Data {
        try Data(contentsOf: fixtures.appending(path: "\(name).bin"))
    }

    /// Every parameter, with the bits of a smaller type where the file has one.
    @Test(arguments: ["usual", "older", "parameters", "transposed", "one-storage", "half", "bfloat16"])
    func everyTensorIsThatOfPyTorch(_ name: String) throws {
        let expected = try PretrainedTests.values(ModelFolder(contentsOf: PretrainedTests.original).classifier, "")
        try Self.withModel(["pytorch_model.bin": Self.fixture(name)]) { folder in
            for mapped in [true, false] {
                var notices: [String] = []
                let model = try ModelFolder(contentsOf: folder, mapped: mapped) { notices.append($0) }
                for (found, wanted) in zip(PretrainedTests.values(model.classifier, ""), expected) {
                    let rounded: [Float] =
                        switch name {
                        case "half": wanted.map { Float(Float16($0)) }
                        case "bfloat16":
                            // To the nearest, and to the even one of two.
                            wanted.map {
                                let bits = $0.bitPattern
                                return Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
                            }
                        default: wanted
                        }
                    #expect(found == rounded)
                }
                // Positions follow from the shape, and need no word.
                #expect(notices.count == (name == "one-storage" ? 1 : 0), "\(notices)")
            }
        }
    }

    @Test func shardsAreReadAndSafetensorsPreferred() throws {
        let expected = try PretrainedTests.values(ModelFolder(contentsOf: PretrainedTests.original).classifier, "")
        let parts = ["part-1", "part-2"]
        var map: [String: String] = [:]
        for part in parts {
            let names = try PickledTensors(contentsOf: Self.fixtures.appending(path: "\(part).bin")).tensors.keys
            for name in names { map[name] = "\(part).bin" }
        }
        var files = [
            "pytorch_model.bin.index.json": try JSONEncoder().encode(["weight_map": map]),
            "part-1.bin": try Self.fixture("part-1"), "part-2.bin": try Self.fixture("part-2"),
        ]
        try Self.withModel(files) { folder in
            for mapped in [true, false] {
                let found = try ModelFolder(contentsOf: folder, mapped: mapped).classifier
                #expect(PretrainedTests.values(found, "") == expected)
            }
        }
        files["model.safetensors"] = try Data(
            contentsOf: PretrainedTests.original.appending(path: "model.safetensors"))
        files["pytorch_model.bin"] = Data("rubbish".utf8)
        try Self.withModel(files) { folder in
            let found = try ModelFolder(contentsOf: folder).classifier
            #expect(PretrainedTests.values(found, "") == expected)
        }
    }

    /// PEFT has written adapters so, too.
    @Test func adaptersAreRead() throws {
        let original = PyTorchTests.fixtures.appending(path: "lora-query-value")
        let base = PretrainedTests.original
        let expected = try PretrainedTests.values(ModelFolder(contentsOf: original, base: base).classifier, "")
        try withFolder { parent in
            let folder = parent.appending(path: "adapter")
            try FileManager.default.copyItem(at: original, to: folder)
            try FileManager.default.removeItem(at: folder.appending(path: "adapter_model.safetensors"))
            try Self.fixture("adapter").write(to: folder.appending(path: "adapter_model.bin"))
            let found = try PretrainedTests.values(ModelFolder(contentsOf: folder, base: base).classifier, "")
            #expect(found == expected)
        }
    }

    @Test(arguments: [
        ("double", "of type F64"), ("legacy", "Convert it once"),
    ])
    func whatIsNotReadIsNamed(_ name: String, _ message: String) throws {
        try Self.withModel(["pytorch_model.bin": Self.fixture(name)]) { folder in
            let error = #expect(throws: ModelError.self) { try ModelFolder(contentsOf: folder) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
    }

    // MARK: Pickles

    struct Payload: Decodable {
        let name: String
        let pickle: Data
        let says: String
    }

    static func payloads() throws -> [Payload] {
        try String(contentsOf: fixtures.appending(path: "payloads.jsonl"), encoding: .utf8)
            .split(separator: "\n").map { try JSONDecoder().decode(Payload.self, from: Data($0.utf8)) }
    }

    /// Hundreds of pickles that would run something, or are damaged, in an archive that is as it should be.
    @Test func noPickleRunsAnything() throws {
        let payloads = try Self.payloads()
        #expect(payloads.count > 300)
        for payload in payloads {
            let data = Self.archive([("m/data.pkl", payload.pickle), ("m/version", Data("3\n".utf8))])
            let error = #expect(throws: ModelError.self, "\(payload.name)") { try Self.open(data) }
            let text = error?.description ?? ""
            #expect(text.contains(payload.says) && text.contains("Nothing in it was run"), "\(payload.name): \(text)")
            #expect(text.utf8.count < 800)
        }
    }

    /// Whatever byte of a good pickle is changed, and wherever it ends, it is read or refused.
    @Test func everyByteOfAPickleMayChange() throws {
        let pickle = [UInt8](Self.pickle())
        for place in pickle.indices {
            #expect(throws: ModelError.self) { try Unpickler.tensors(Array(pickle[..<place])) }
        }
        var archive = Self.archive(Self.records(), hasChecksums: false)
        _ = try Self.open(archive)
        let start = try #require(archive.range(of: Data(pickle))).lowerBound
        for place in start..<start + pickle.count {
            let byte = archive[place]
            for other in UInt8.min...UInt8.max {
                archive[place] = other
                _ = try? Self.open(archive)
            }
            archive[place] = byte
        }
    }

    // MARK: Archives

    /// A pickle of one tensor `a`, of a storage `0` of six numbers.
    static func pickle(
        type: String = "FloatStorage", count: Int = 6, offset: Int = 0, shape: [Int] = [2, 3], strides: [Int] = [3, 1]
    ) -> Data {
        func text(_ text: String) -> Data {
            Data("X".utf8) + withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { Data($0) } + Data(text.utf8)
        }
        func number(_ number: Int) -> Data {
            Data([0x8A, 8]) + withUnsafeBytes(of: number.littleEndian) { Data($0) }
        }
        func tuple(_ numbers: [Int]) -> Data {
            Data("(".utf8) + numbers.reduce(Data()) { $0 + number($1) } + Data("t".utf8)
        }
        let storage = text("storage") + Data("ctorch\n\(type)\n".utf8) + text("0") + text("cpu") + number(count)
        return Data([0x80, 2]) + Data("}".utf8) + text("a") + Data("ctorch._utils\n_rebuild_tensor_v2\n((".utf8)
            + storage
            + Data("tQ".utf8) + number(offset) + tuple(shape) + tuple(strides) + Data([0x89]) + Data("}tRs.".utf8)
    }

    static func records(_ pickle: Data = pickle()) -> [(String, Data)] {
        let numbers: [Float] = [1, 2, 3, 4, 5, 6]
        return [
            ("m/data.pkl", pickle), ("m/byteorder", Data("little".utf8)),
            ("m/data/0", numbers.withUnsafeBytes { Data($0) }), ("m/version", Data("3\n".utf8)),
        ]
    }

    /// An archive of records that are stored as they are, with a list of them at its end.
    static func archive(_ records: [(name: String, data: Data)], hasChecksums: Bool = true) -> Data {
        func bytes(_ numbers: [any FixedWidthInteger]) -> Data {
            numbers.reduce(into: Data()) { data, number in
                func append<Number: FixedWidthInteger>(_ number: Number) {
                    withUnsafeBytes(of: number.littleEndian) { data.append(contentsOf: $0) }
                }
                append(number)
            }
        }
        var (file, list) = (Data(), Data())
        for (name, data) in records {
            let what: [any FixedWidthInteger] = [
                UInt16(0), UInt16(0), UInt32(0), hasChecksums ? checksum(data) : UInt32(0), UInt32(data.count),
                UInt32(data.count),
                UInt16(name.utf8.count), UInt16(0),
            ]
            list += bytes([UInt32(0x0201_4B50), UInt16(0), UInt16(0)] + what)
            list += bytes([UInt16(0), UInt16(0), UInt16(0), UInt32(0), UInt32(file.count)]) + Data(name.utf8)
            file += bytes([UInt32(0x0403_4B50), UInt16(0)] + what) + Data(name.utf8) + data
        }
        let count = UInt16(records.count)
        return file + list
            + bytes([
                UInt32(0x0605_4B50), UInt16(0), UInt16(0), count, count, UInt32(list.count), UInt32(file.count),
                UInt16(0),
            ])
    }

    /// CRC-32, bit by bit.
    static func checksum(_ data: Data) -> UInt32 {
        ~data.reduce(~0) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
    }

    static func open(_ data: Data) throws -> PickledTensors {
        try PickledTensors(MappedMemory(copying: [UInt8](data)), file: URL(filePath: "/x/pytorch_model.bin"))
    }

    /// The numbers of the tensor `a` of a file.
    static func numbers(_ file: PickledTensors, shape: [Int]) -> [Float] {
        #expect(file.problem(of: "a", shape: shape) == nil)
        let block = Block(offset: 0, columns: shape.reduce(1, *))
        var buffer = FloatBuffer(count: block.count)
        file.read("a", into: &buffer, at: block)
        return buffer[block].values
    }

    @Test(arguments: [
        ([2, 3], [3, 1], 0, [1, 2, 3, 4, 5, 6]), ([3, 2], [1, 3], 0, [1, 4, 2, 5, 3, 6]), ([], [], 4, [5]),
        ([2, 2], [1, 1], 3, [4, 5, 5, 6]), ([1, 6], [99, 1], 0, [1, 2, 3, 4, 5, 6]), ([4], [0], 5, [6, 6, 6, 6]),
        ([3], [2], 1, [2, 4, 6]), ([1, 3, 2], [0, 2, 1], 0, [1, 2, 3, 4, 5, 6]),
        ([2, 1, 3], [1, 7, 2], 0, [1, 3, 5, 2, 4, 6]),
        ([0, 3], [3, 1], 6, []), ([5, 0], [1, 1], 0, []),
    ])
    func viewsAreReadByTheirStrides(_ shape: [Int], _ strides: [Int], _ offset: Int, _ expected: [Float]) throws {
        let pickle = Self.pickle(offset: offset, shape: shape, strides: strides)
        #expect(try Self.numbers(Self.open(Self.archive(Self.records(pickle))), shape: shape) == expected)
    }

    @Test func viewsThatCannotBeAreRefused() throws {
        let most = Int.max
        let pickles = [
            Self.pickle(count: 5), Self.pickle(count: 7), Self.pickle(count: -6), Self.pickle(type: "HalfStorage"),
            Self.pickle(offset: 1), Self.pickle(offset: -1), Self.pickle(offset: most),
            Self.pickle(offset: 7, shape: [0]),
            Self.pickle(shape: [3, 3]), Self.pickle(shape: [2], strides: [3, 1]), Self.pickle(shape: [-2, 3]),
            Self.pickle(strides: [-3, 1]), Self.pickle(strides: [most, most]), Self.pickle(shape: [most, most]),
            Self.pickle(shape: [most, most, 0], strides: [most, most, most]), Self.pickle(shape: [most], strides: [0]),
            Self.pickle(shape: [10_000], strides: [0]), Self.pickle(offset: 6, shape: [], strides: []),
        ]
        for (index, pickle) in pickles.enumerated() {
            let error = #expect(throws: ModelError.self, "\(index)") {
                try Self.open(Self.archive(Self.records(pickle)))
            }
            let text = error?.description ?? ""
            #expect(
                text.contains("'a' does not lie where one can be") || text.contains("Nothing in it was run"), "\(text)")
        }
    }

    @Test func archivesThatCannotBeAreRefused() throws {
        let records = Self.records()
        let whole = Self.archive(records)
        func changed(_ name: String, _ data: String?) -> Data {
            Self.archive(records.compactMap { $0.0 == name ? data.map { (name, Data($0.utf8)) } : $0 })
        }
        let list = try #require(whole.range(of: Data([0x50, 0x4B, 1, 2])))
        func patched(_ offset: Int, _ bytes: [UInt8]) -> Data {
            whole[..<offset] + bytes + whole[(offset + bytes.count)...]
        }
        let (first, end) = (list.lowerBound, whole.count - 22)
        let cases: [(name: String, file: Data, message: String)] = [
            ("no bytes", Data(), "does not begin as an archive"),
            ("a pointer of Git LFS", Data("version https://git-lfs.github.com/spec/v1\n".utf8), "does not begin"),
            ("an end alone", Data("PK\u{5}\u{6}".utf8) + Data(count: 18), "0 records 'data.pkl'"),
            ("big-endian", changed("m/byteorder", "big"), "big-endian"),
            ("no version", changed("m/version", nil), "version is none of"),
            ("another version", changed("m/version", "11\n"), "version is none of"),
            ("no pickle", changed("m/data.pkl", nil), "0 records 'data.pkl'"),
            ("no numbers", changed("m/data/0", nil), "'a' does not lie"),
            ("short numbers", changed("m/data/0", "12345678"), "'a' does not lie"),
            ("two pickles", Self.archive(records + [("n/data.pkl", Self.pickle())]), "2 records 'data.pkl'"),
            ("a record twice", Self.archive(records + records.suffix(1)), "two records 'm/version'"),
            (
                "a large pickle", Self.archive([("m/data.pkl", Data(count: 4_000_001))], hasChecksums: false),
                "more than 4000000"
            ),
            ("a wrong checksum", patched(first + 16, [1, 2, 3, 4]), "not what its checksum says"),
            ("compressed", patched(first + 10, [8]), "'m/data.pkl' is compressed (method 8)"),
            ("encrypted", patched(first + 8, [1]), "'m/data.pkl' is encrypted"),
            ("another size", patched(first + 24, [1]), "list of records is damaged"),
            ("a place that is none", patched(first + 42, [9]), "not where the list of records says"),
            ("a place behind the end", patched(first + 42, [0xFE, 0xFF, 0xFF, 0xFF]), "damaged"),
            ("another name", patched(first + 46, [UInt8(ascii: "n")]), "not where the list of records says"),
            ("a name that is no UTF-8", patched(first + 46, [0xFF]), "list of records is damaged"),
            ("a large place without its field", patched(first + 42, [0xFF, 0xFF, 0xFF, 0xFF]), "damaged"),
            ("a list before the file", patched(end + 16, [0xFF, 0xFF, 0xFF, 0xFF]), "damaged"),
            ("more records", patched(end + 10, [5]), "list of records is damaged"),
            ("fewer records", patched(end + 10, [3]), "list of records is damaged"),
            ("a comment", whole + Data("x".utf8), "not whole"),
        ]
        for (name, file, message) in cases {
            let error = #expect(throws: ModelError.self, "\(name)") { try Self.open(file) }
            #expect(error?.description.contains(message) == true, "\(name): \(error?.description ?? "")")
        }
        // One that lies within another.
        let inner = Self.archive([("m/version", Data("3\n".utf8))])
        var overlap = Self.archive(records.dropLast() + [("m/inner", inner), ("m/version", Data("3\n".utf8))])
        let place = try #require(overlap.range(of: Data("m/inner".utf8))).upperBound
        let entry = try #require(overlap.range(of: Data("m/version".utf8), options: .backwards)).lowerBound - 46
        overlap.replaceSubrange(entry + 42..<entry + 44, with: [UInt8(place % 256), UInt8(place / 256)])
        let error = #expect(throws: ModelError.self) { try Self.open(overlap) }
        #expect(error?.description.contains("records overlap") == true, "\(error?.description ?? "")")

        for length in whole.indices where length > 0 {
            #expect(throws: ModelError.self) { try Self.open(whole.prefix(length)) }
        }
        #expect(try Self.numbers(Self.open(whole), shape: [2, 3]) == [1, 2, 3, 4, 5, 6])
    }
}
