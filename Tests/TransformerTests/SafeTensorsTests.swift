import Foundation
import Kernels
import TestSupport
import Testing
import Transformer

/// Files that strangers have written.
@Suite struct SafeTensorsTests {
    /// A file of a header, its length, and so many bytes of data.
    static func file(_ header: String, length: UInt64? = nil, data: Int) -> Data {
        file(Data(header.utf8), length: length, data: data)
    }

    static func file(_ header: Data, length: UInt64? = nil, data: Int) -> Data {
        withUnsafeBytes(of: (length ?? UInt64(header.count)).littleEndian) { Data($0) } + header + Data(count: data)
    }

    static func entry(_ dtype: String = "F32", _ shape: String = "[2]", _ offsets: String = "[0,8]") -> String {
        "{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
    }

    static let refused: [(name: String, file: Data)] = [
        ("no bytes", Data()), ("seven bytes", Data(count: 7)), ("a header of length 0", file("", data: 0)),
        ("a header of more than 100,000,000 bytes", file("{}", length: 100_000_001, data: 100)),
        ("a header past the end", file("{}", length: 3, data: 0)),
        ("a length that overflows", file("{}", length: .max, data: 0)),
        ("invalid UTF-8", file(Data("{\"a".utf8) + [0xFF] + Data("\":\(entry())}".utf8), data: 8)),
        ("a byte-order mark", file("\u{FEFF}{\"a\":\(entry())}", data: 8)),
        ("leading white space", file(" {\"a\":\(entry())}", data: 8)),
        ("trailing JSON", file("{\"a\":\(entry())}{}", data: 8)),
        ("a NUL behind the header", file("{\"a\":\(entry())}\0", data: 8)),
        ("deep nesting", file("{\"a\":" + String(repeating: "[", count: 100_000), data: 8)),
        ("an array", file("[]", data: 0)),
        ("no type", file("{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", data: 8)),
        ("no shape", file("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", data: 8)),
        ("no offsets", file("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", data: 8)),
        ("an unknown type", file("{\"a\":\(entry("F33"))}", data: 8)),
        ("a type in lower case", file("{\"a\":\(entry("f32"))}", data: 8)),
        ("a negative dimension", file("{\"a\":\(entry("F32", "[-2]"))}", data: 8)),
        ("a fractional dimension", file("{\"a\":\(entry("F32", "[2.0]"))}", data: 8)),
        ("an exponent", file("{\"a\":\(entry("F32", "[2e0]"))}", data: 8)),
        ("a dimension as a string", file("{\"a\":\(entry("F32", "[\"2\"]"))}", data: 8)),
        ("a nested dimension", file("{\"a\":\(entry("F32", "[[2]]"))}", data: 8)),
        ("begin after end", file("{\"a\":\(entry("F32", "[2]", "[8,0]"))}", data: 8)),
        ("one offset", file("{\"a\":\(entry("F32", "[2]", "[8]"))}", data: 8)),
        ("three offsets", file("{\"a\":\(entry("F32", "[2]", "[0,8,8]"))}", data: 8)),
        ("a hole at the beginning", file("{\"a\":\(entry("F32", "[2]", "[4,12]"))}", data: 12)),
        ("a hole between two", file("{\"a\":\(entry()),\"b\":\(entry("F32", "[1]", "[12,16]"))}", data: 16)),
        ("an overlap", file("{\"a\":\(entry()),\"b\":\(entry("F32", "[2]", "[4,12]"))}", data: 12)),
        ("a length that is not shape × size", file("{\"a\":\(entry("F32", "[3]"))}", data: 8)),
        ("a shape that overflows", file("{\"a\":\(entry("F32", "[9223372036854775807,4]"))}", data: 8)),
        (
            "a shape that overflows to the right size",
            file("{\"a\":\(entry("F32", "[4611686018427387904,4,2]"))}", data: 8)
        ),
        ("half a byte", file("{\"a\":\(entry("F4", "[1]", "[0,0]"))}", data: 0)),
        ("data that end too early", file("{\"a\":\(entry())}", data: 7)),
        ("data that end too late", file("{\"a\":\(entry())}", data: 9)),
        ("data of no tensor", file("{}", data: 1)),
        ("metadata that are not strings", file("{\"__metadata__\":{\"a\":1},\"a\":\(entry())}", data: 8)),
        ("metadata that are an array", file("{\"__metadata__\":[],\"a\":\(entry())}", data: 8)),
        ("a tensor twice", file("{\"a\":\(entry()),\"a\":\(entry())}", data: 8)),
        (
            "a field twice",
            file("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", data: 8)
        ),
        ("metadata twice", file("{\"__metadata__\":{},\"__metadata__\":{},\"a\":\(entry())}", data: 8)),
    ]

    @Test(arguments: refused.indices) func whatCannotBeIsRefused(_ index: Int) throws {
        let (name, data) = Self.refused[index]
        try withFolder { folder in
            let file = folder.appending(path: "x.safetensors")
            try data.write(to: file)
            let error = #expect(throws: ModelError.self, "\(name)") { try SafeTensors(contentsOf: file) }
            #expect(error?.description.contains("x.safetensors: not a valid safetensors file") == true, "\(name)")
        }
    }

    static let accepted: [(name: String, file: Data, tensors: Int)] = [
        ("an empty object", file("{}", data: 0), 0),
        ("metadata alone", file("{\"__metadata__\":{\"format\":\"pt\"}}", data: 0), 0),
        ("a scalar", file("{\"a\":\(entry("F32", "[]", "[0,4]"))}", data: 4), 1),
        ("a dimension of zero", file("{\"a\":\(entry("F32", "[2,0]", "[0,0]")),\"b\":\(entry())}", data: 8), 2),
        ("any order", file("{\"b\":\(entry("F32", "[1]", "[8,12]")),\"a\":\(entry())}", data: 12), 2),
        ("trailing spaces", file("{\"a\":\(entry())}    ", data: 8), 1),
        (
            "unaligned tensors",
            file("{\"a\":\(entry("U8", "[3]", "[0,3]")),\"b\":\(entry("F32", "[2]", "[3,11]"))}", data: 11), 2
        ),
        ("four bits", file("{\"a\":\(entry("F4", "[4]", "[0,2]"))}", data: 2), 1),
        ("names in other scripts", file("{\"重み\":\(entry())}", data: 8), 1),
    ]

    @Test(arguments: accepted.indices) func whatCanBeIsRead(_ index: Int) throws {
        let (name, data, tensors) = Self.accepted[index]
        try withFolder { folder in
            let file = folder.appending(path: "x.safetensors")
            try data.write(to: file)
            #expect(try SafeTensors(contentsOf: file).tensors.count == tensors, "\(name)")
        }
    }

    /// A pipe in place of a file, which nobody writes to.
    @Test(.timeLimit(.minutes(1)), arguments: ["model.safetensors", "config.json", "vocab.txt"])
    func nobodyWaitsAtAPipe(_ name: String) throws {
        try withFolder { folder in
            try ModelFolderTests.model().write(to: folder.appending(path: "m"))
            let file = folder.appending(path: "m/\(name)")
            try FileManager.default.removeItem(at: file)
            #expect(mkfifo(file.path, 0o600) == 0)
            let error = #expect(throws: (any Error).self) {
                try ModelFolder(contentsOf: folder.appending(path: "m"), mapped: true)
            }
            #expect("\(error!)".contains(name))
        }
    }

    /// Infinity and what is no number are found in any tensor: not all of them would be seen in an answer.
    @Test(arguments: [Float.nan, .infinity, -.infinity]) func damagedNumbersAreFoundInEveryTensor(_ value: Float) throws
    {
        try withFolder { folder in
            var model = try ModelFolderTests.model()
            for (name, _, block) in model.tensors {
                for place in [block.range.lowerBound, block.range.upperBound - 1] {
                    let before = model.classifier.parameters[place]
                    model.classifier.parameters[place] = value
                    try model.write(to: folder.appending(path: "m"))
                    model.classifier.parameters[place] = before
                    for mapped in [true, false] {
                        let error = #expect(throws: ModelError.self, "\(name)") {
                            try ModelFolder(contentsOf: folder.appending(path: "m"), mapped: mapped)
                        }
                        #expect(error?.description.contains("'\(name)' has values") == true)
                    }
                }
            }
        }
    }

    /// A folder as others write it, in the order of names and with tensors between that nobody needs, is mapped too, with the same answers.
    @Test(arguments: [0, 4096, 3]) func anyOrderIsMapped(_ foreignBytes: Int) throws {
        try withFolder { folder in
            let model = try ModelFolderTests.model()
            let url = folder.appending(path: "m")
            try model.write(to: url)
            let tensors = model.tensors.sorted { $0.name < $1.name }
            var (entries, data) = (
                ["\"a.foreign\":\(Self.entry("U8", "[\(foreignBytes)]", "[0,\(foreignBytes)]"))"],
                Data(count: foreignBytes)
            )
            for (name, shape, block) in tensors {
                let start = data.count
                model.classifier.parameters.withUnsafeBytes(of: block) { data.append(contentsOf: $0) }
                entries.append("\"\(name)\":\(Self.entry("F32", "\(shape)", "[\(start),\(data.count)]"))")
            }
            var header = "{" + entries.joined(separator: ",") + "}"
            header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
            try (Self.file(header, data: 0) + data).write(to: ModelFolder.weights(in: url))

            let (mapped, copied) = (try ModelFolder(contentsOf: url, mapped: true), try ModelFolder(contentsOf: url))
            func logits(_ model: ModelFolder) -> [Float] {
                var workspace = model.classifier.makeWorkspace(for: .inference, on: Workers(count: 1))
                return model.classifier.logits(.texts(Batch([[2, 5, 6, 3], [2, 7, 3]])), in: &workspace).values
            }
            #expect(logits(mapped) == logits(copied))
            #expect(logits(mapped) == logits(model))
            // What is written again has the usual order.
            try mapped.write(to: folder.appending(path: "again"))
            try model.write(to: folder.appending(path: "usual"))
            #expect(
                try Data(contentsOf: ModelFolder.weights(in: folder.appending(path: "again")))
                    == Data(contentsOf: ModelFolder.weights(in: folder.appending(path: "usual"))))
        }
    }
}
