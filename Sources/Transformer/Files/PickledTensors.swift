import Foundation
import Kernels

/// A file that `torch.save` has written of a state dictionary: an archive with a pickle, `data.pkl`, which says what tensors there are, and a record of numbers for each
/// storage, `data/0` and so on.
///
/// The file is memory-mapped, and nothing in it is run: an ``Unpickler`` reads the pickle. Nothing in it is believed before it has been checked against the file's
/// size. The checksum of the pickle is checked; those of the numbers are not, as they are not by PyTorch: that would take longer than everything else.
///
/// ### References
/// `torch/serialization.py` and `caffe2/serialize/inline_container.cc` of PyTorch 1.6 and later.
package struct PickledTensors: TensorFile {
    package let file: URL
    package let memory: MappedMemory
    package let tensors: [String: StoredTensor]

    /// The largest pickle that is read: of some tens of thousands of tensors.
    private static let largestPickle = 4_000_000
    /// The versions of the container that PyTorch knows.
    private static let versions = 1...10
    /// How many times a file's size its tensors may have; they can share storages, as tied weights do.
    private static let mostSharing = 4

    /// Opens a file, and finds its tensors.
    ///
    /// - Throws: ``ModelError`` if the file cannot be read, or is not one of tensors alone.
    package init(contentsOf file: URL) throws {
        try self.init(Self.map(file), file: file)
    }

    /// Reads what is in memory.
    ///
    /// - Parameter file: what errors name
    /// - Throws: ``ModelError`` if it is not a file of tensors alone.
    package init(_ memory: MappedMemory, file: URL) throws {
        (self.memory, self.file) = (memory, file)
        let bytes = UnsafeRawBufferPointer(memory.bytes)
        if bytes.starts(with: [0x80]) { throw ModelError(Self.conversion(of: file)) }
        do {
            guard bytes.starts(with: "PK".utf8) else { throw ModelError("it does not begin as an archive does") }
            let archive = try StoredArchive(bytes)
            let pickles = archive.names.filter {
                $0.split(separator: "/", omittingEmptySubsequences: false).dropFirst() == ["data.pkl"]
            }
            guard let name = pickles.first, pickles.count == 1,
                let pickle = try archive.contents(of: name, atMost: Self.largestPickle)
            else { throw ModelError("it has \(pickles.count) records 'data.pkl'") }
            let root = String(name.dropLast("data.pkl".count))
            func value(_ name: String) throws -> String? {
                try archive.contents(of: root + name, atMost: 100).map {
                    String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
                }
            }
            // Versions of PyTorch before 2.1 do not say.
            if let order = try value("byteorder"), order != "little" {
                throw ModelError("its numbers are \(order)-endian, not little-endian")
            }
            guard let version = try value("version").flatMap({ Int($0) }), Self.versions.contains(version) else {
                throw ModelError("its version is none of \(Self.versions.lowerBound) to \(Self.versions.upperBound)")
            }
            var (tensors, room) = ([String: StoredTensor](), Self.mostSharing * bytes.count)
            for (name, tensor) in try Self.pickled(pickle).sorted(by: { $0.key < $1.key }) {
                guard let stored = StoredTensor(tensor, in: archive, root, &room) else {
                    throw ModelError("the tensor '\(name)' does not lie where one can be")
                }
                tensors[name] = stored
            }
            self.tensors = tensors
        } catch let refusal as Refusal {
            throw ModelError(
                "\(file.path): is not opened: its data.pkl \(refusal.cause). Nothing in it was run. Use a model.safetensors of the model,"
                    + " or save its state dictionary alone: torch.save(model.state_dict(), \"pytorch_model.bin\")")
        } catch {
            throw ModelError("\(file.path): not a valid PyTorch file: \(error); fetch or save the model again")
        }
    }

    /// A pickle that is not one of tensors alone.
    private struct Refusal: Error {
        let cause: String
    }

    private static func pickled(_ pickle: [UInt8]) throws -> [String: StorageView] {
        do {
            return try Unpickler.tensors(pickle)
        } catch {
            throw Refusal(cause: "\(error)")
        }
    }

    /// What to do with a file that is no archive.
    private static func conversion(of file: URL) -> String {
        """
        \(file.path): is in the format of PyTorch before 1.6, which cannot be read. Convert it once, with PyTorch:
          pip install torch
          python3 -c 'import sys, torch; f = sys.argv[1]; \
        torch.save(torch.load(f, map_location="cpu", weights_only=True), f)' "\(file.path)"
        """
    }
}

extension StoredTensor {
    /// Where a tensor lies in an archive; nil if it cannot lie there.
    ///
    /// - Parameters:
    ///   - root: the folder of the archive that all records are in
    ///   - room: how many bytes all tensors may have from here on
    fileprivate init?(_ tensor: StorageView, in archive: StoredArchive, _ root: String, _ room: inout Int) {
        let (name, size) = tensor.storage.type.dtype
        guard let storage = archive.range(of: root + "data/" + tensor.storage.key),
            storage.count % size == 0, storage.count / size == tensor.storage.count,
            tensor.offset >= 0, tensor.offset <= tensor.storage.count,
            zip(tensor.shape, tensor.strides).allSatisfy({ $0 >= 0 && $1 >= 0 })
        else { return nil }
        let isEmpty = tensor.shape.contains(0)
        // In numbers of 128 bits, in which no product of two sizes overflows.
        var (count, last, expected) = (Int128(1), Int128(tensor.offset), [Int]())
        for (dimension, stride) in zip(tensor.shape, tensor.strides).reversed() {
            let dimension = max(dimension, 1)
            expected.append(dimension == 1 ? stride : Int(count))
            count *= Int128(dimension)
            if !isEmpty { last += Int128(dimension - 1) * Int128(stride) }
            guard count * Int128(size) <= Int128(room), last <= Int128(tensor.storage.count) else { return nil }
        }
        guard isEmpty || last < Int128(tensor.storage.count) else { return nil }
        if !isEmpty { room -= size * Int(count) }
        let start = storage.lowerBound + size * tensor.offset
        self.init(
            dtype: name, shape: tensor.shape,
            bytes: start..<storage.lowerBound + size * (isEmpty ? tensor.offset : Int(last) + 1),
            strides: isEmpty || expected.reversed() == tensor.strides ? nil : tensor.strides)
    }
}
