import CZlib
import Kernels

/// A zip archive whose records are stored as they are, not compressed, as PyTorch writes them: where in the file each of them lies.
///
/// Nothing in it is believed before it has been checked against the file's size. Records may not overlap, nor be there twice.
///
/// ### References
/// PKWARE, *APPNOTE.TXT, .ZIP File Format Specification*, 6.3.10, sections 4.3.7, 4.3.12 to 4.3.16 and 4.5.3 (ZIP64).
struct StoredArchive {
    private struct Record {
        let bytes: Range<Int>
        let checksum: UInt32
    }

    private let bytes: UnsafeRawBufferPointer
    private var records: [String: Record] = [:]

    /// The names of the records.
    var names: some Collection<String> { records.keys }

    /// The longest list of records that is read, in bytes: some tens of thousands.
    private static let longestDirectory = 8_000_000

    /// Reads the list of records.
    ///
    /// - Parameter bytes: the whole file, which has to stay where it is
    /// - Throws: ``ModelError``, without the file's name, that says what cannot be.
    init(_ bytes: UnsafeRawBufferPointer) throws {
        self.bytes = bytes
        let directory = try Self.directory(of: bytes)
        guard directory.range.count <= Self.longestDirectory else {
            throw ModelError("its list of records has \(directory.range.count) bytes")
        }
        var (place, ranges) = (directory.range.lowerBound, [Range<Int>]())
        for _ in 0..<directory.count {
            place = try readEntry(at: place, upTo: directory.range.upperBound, &ranges)
        }
        guard place == directory.range.upperBound else { throw Self.damagedList }
        ranges.sort { $0.lowerBound < $1.lowerBound }
        for (range, next) in zip(ranges, ranges.dropFirst() + [directory.range])
        where range.upperBound > next.lowerBound {
            throw ModelError("its records overlap")
        }
    }

    /// Where a record lies in the file; nil if there is none of the name.
    func range(of name: String) -> Range<Int>? { records[name]?.bytes }

    /// A copy of a small record.
    ///
    /// - Throws: ``ModelError``, without the file's name, if it is longer than `limit`, or not what its checksum says; PyTorch can be told to write 0 in place of it.
    func contents(of name: String, atMost limit: Int) throws -> [UInt8]? {
        guard let record = records[name] else { return nil }
        guard record.bytes.count <= limit else {
            throw ModelError("'\(name)' has \(record.bytes.count) bytes, more than \(limit)")
        }
        let contents = [UInt8](bytes[record.bytes])
        guard record.checksum == 0 || crc32(0, contents, UInt32(contents.count)) == UInt(record.checksum) else {
            throw ModelError("'\(name)' is not what its checksum says")
        }
        return contents
    }

    // MARK: The format

    private static let damagedList = ModelError("its list of records is damaged")

    /// A number at a place, or nil behind the end.
    private static func number<Number: FixedWidthInteger>(
        _ bytes: UnsafeRawBufferPointer, _ place: Int, as type: Number.Type
    ) -> Number? {
        guard place >= 0, place <= bytes.count - Number.bitWidth / 8 else { return nil }
        return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: type))
    }

    private func number<Number: FixedWidthInteger>(_ place: Int, as type: Number.Type) throws -> Number {
        guard let number = Self.number(bytes, place, as: type) else { throw Self.damagedList }
        return number
    }

    /// Finds the list of records from the end of the file.
    private static func directory(of bytes: UnsafeRawBufferPointer) throws -> (range: Range<Int>, count: UInt64) {
        let cut = ModelError("it has no list of records at its end, and is not whole")
        // The end has 22 bytes, and no comment behind it.
        var end = bytes.count - 22
        guard number(bytes, end, as: UInt32.self) == 0x0605_4B50, number(bytes, end + 20, as: UInt16.self) == 0,
            var count = number(bytes, end + 10, as: UInt16.self).map(UInt64.init),
            var size = number(bytes, end + 12, as: UInt32.self).map(UInt64.init),
            var start = number(bytes, end + 16, as: UInt32.self).map(UInt64.init)
        else { throw cut }
        if number(bytes, end - 20, as: UInt32.self) == 0x0706_4B50 {
            // The larger numbers of ZIP64 stand in another record, which the 20 bytes before this one point to.
            guard let place = number(bytes, end - 12, as: UInt64.self), place <= UInt64(end - 20),
                number(bytes, Int(place), as: UInt32.self) == 0x0606_4B50,
                let count64 = number(bytes, Int(place) + 32, as: UInt64.self),
                let size64 = number(bytes, Int(place) + 40, as: UInt64.self),
                let start64 = number(bytes, Int(place) + 48, as: UInt64.self)
            else { throw cut }
            (end, count, size, start) = (Int(place), count64, size64, start64)
        }
        guard start <= UInt64(end), size <= UInt64(end) - start, count <= size / 46 else { throw damagedList }
        return (Int(start)..<Int(start + size), count)
    }

    /// Reads an entry of the list, and returns where the next one begins.
    private mutating func readEntry(at place: Int, upTo limit: Int, _ ranges: inout [Range<Int>]) throws -> Int {
        let (nameLength, extraLength) = (
            Int(try number(place + 28, as: UInt16.self)), Int(try number(place + 30, as: UInt16.self))
        )
        let nameEnd = place + 46 + nameLength
        let end = nameEnd + extraLength + Int(try number(place + 32, as: UInt16.self))
        guard try number(place, as: UInt32.self) == 0x0201_4B50, end <= limit,
            let name = String(validating: bytes[place + 46..<nameEnd], as: UTF8.self)
        else { throw Self.damagedList }
        let (flags, method) = (try number(place + 8, as: UInt16.self), try number(place + 10, as: UInt16.self))
        guard flags & 1 == 0 else { throw ModelError("its record '\(name)' is encrypted") }
        guard method == 0 else {
            throw ModelError("its record '\(name)' is compressed (method \(method)), which PyTorch's are not")
        }
        var sizes = [
            UInt64(try number(place + 24, as: UInt32.self)), UInt64(try number(place + 20, as: UInt32.self)),
            UInt64(try number(place + 42, as: UInt32.self)),
        ]
        try readLargeSizes(&sizes, in: nameEnd..<nameEnd + extraLength)
        // What stands before the record itself: its name again, and something to align it.
        guard sizes[0] == sizes[1], sizes[2] <= UInt64(bytes.count) else { throw Self.damagedList }
        let header = Int(sizes[2])
        let nameStart = header + 30
        let length = Int(try number(header + 26, as: UInt16.self))
        let start = nameStart + length + Int(try number(header + 28, as: UInt16.self))
        guard try number(header, as: UInt32.self) == 0x0403_4B50, start <= bytes.count,
            bytes[nameStart..<nameStart + length].elementsEqual(bytes[place + 46..<nameEnd]),
            sizes[0] <= UInt64(bytes.count - start)
        else { throw ModelError("its record '\(name)' is not where the list of records says") }
        let range = start..<start + Int(sizes[0])
        let record = Record(bytes: range, checksum: try number(place + 16, as: UInt32.self))
        guard records.updateValue(record, forKey: name) == nil else {
            throw ModelError("it has two records '\(name)'")
        }
        ranges.append(header..<range.upperBound)
        return end
    }

    /// Reads those of the sizes and the place of a record that need more than 32 bits, and stand in the field 1 of its extra fields.
    private func readLargeSizes(_ sizes: inout [UInt64], in extra: Range<Int>) throws {
        let large = sizes.indices.filter { sizes[$0] == 0xFFFF_FFFF }
        var place = extra.lowerBound
        while !large.isEmpty {
            let (id, length) = (try number(place, as: UInt16.self), Int(try number(place + 2, as: UInt16.self)))
            guard place + 4 + length <= extra.upperBound, id != 1 || length >= 8 * large.count else {
                throw Self.damagedList
            }
            if id == 1 {
                for (index, size) in large.enumerated() {
                    sizes[size] = try number(place + 4 + 8 * index, as: UInt64.self)
                }
                return
            }
            place += 4 + length
        }
    }
}
