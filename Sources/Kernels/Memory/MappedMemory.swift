import Foundation

/// Memory that the system provides page by page: a page of a file when it is first read, and a page of its own when it is first
/// written to.
package final class MappedMemory {
    /// The bytes of the file, or the zeros.
    package let bytes: UnsafeMutableRawBufferPointer

    /// Maps the file at `path`. What is written to the memory is never written to the file.
    ///
    /// - Throws: what the system says.
    package init(contentsOf path: String) throws {
        let (descriptor, size) = try Self.open(path)
        defer { close(descriptor) }
        bytes = try Self.map(size, MAP_PRIVATE, descriptor)
    }

    /// Maps files one after the other, each from the beginning of a page on, and behind them room for `count` more bytes, all zero.
    ///
    /// - Throws: what the system says; or an error if a file has not the size that it had, `sizes`.
    package init(contentsOf paths: [String], sizes: [Int], room count: Int) throws {
        let starts = Self.starts(ofFiles: sizes)
        bytes = try Self.map((starts.last ?? 0) + count, MAP_PRIVATE | MAP_ANONYMOUS, -1)
        for (path, (start, size)) in zip(paths, zip(starts, sizes)) where size > 0 {
            let (descriptor, found) = try Self.open(path)
            defer { close(descriptor) }
            let address = mmap(
                bytes.baseAddress! + start, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, descriptor, 0)
            guard found == size, address != MAP_FAILED else {
                throw found == size ? POSIXError.current : POSIXError(.EIO)
            }
        }
    }

    /// Where each of some files begins that are mapped one after the other, and where the room behind them does.
    package static func starts(ofFiles sizes: [Int]) -> [Int] {
        let page = Int(getpagesize())
        return sizes.reduce(into: [0]) { $0.append($0.last! + ($1 + page - 1) / page * page) }
    }

    /// Opens an ordinary file. Not to wait at a pipe is what `O_NONBLOCK` is for.
    private static func open(_ path: String) throws -> (descriptor: Int32, size: Int) {
        let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw POSIXError.current }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            let failure = status.st_mode & S_IFMT == S_IFREG ? POSIXError.current : POSIXError(.EINVAL)
            close(descriptor)
            throw failure
        }
        return (descriptor, Int(status.st_size))
    }

    /// Maps a new file of `count` bytes, all zero, that has no name and goes away with this object: memory that the system
    /// can move to the disk.
    ///
    /// - Throws: what the system says, for example that the disk is full.
    package init(temporaryBytes count: Int) throws {
        let descriptor = try openNamelessFile()
        defer { close(descriptor) }
        // Room is reserved now: a disk that is full later could only be told by a signal.
        let failure = posix_fallocate(descriptor, 0, off_t(max(count, 1)))
        guard failure == 0 else { throw POSIXError(POSIXErrorCode(rawValue: failure) ?? .EIO) }
        bytes = try Self.map(max(count, 1), MAP_SHARED, descriptor)
    }

    /// A copy of bytes.
    ///
    /// - Throws: what the system says.
    package convenience init(copying source: [UInt8]) throws {
        try self.init(zeros: source.count)
        bytes.copyBytes(from: source)
    }

    /// `count` bytes, all zero, without a file. A page that is never written to needs no memory.
    ///
    /// - Throws: what the system says.
    init(zeros count: Int) throws {
        bytes = try Self.map(count, MAP_PRIVATE | MAP_ANONYMOUS, -1)
    }

    private static func map(
        _ count: Int, _ flags: Int32, _ descriptor: Int32
    ) throws -> UnsafeMutableRawBufferPointer {
        if count == 0 { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
        let address = mmap(nil, count, PROT_READ | PROT_WRITE, flags, descriptor, 0)
        guard let address, address != MAP_FAILED else { throw POSIXError.current }
        return UnsafeMutableRawBufferPointer(start: address, count: count)
    }

    deinit {
        if let address = bytes.baseAddress { munmap(address, bytes.count) }
    }

    /// Gives back the memory of pages that lie wholly in `range` and have only been read.
    package func release(_ range: Range<Int>) {
        let page = Int(getpagesize())
        let (start, end) = ((range.lowerBound + page - 1) / page * page, range.upperBound / page * page)
        if start < end { madvise(bytes.baseAddress! + start, end - start, MADV_DONTNEED) }
    }
}

/// Opens a new file of the temporary folder that has no name: nobody else can read it, and it goes away when it is closed.
///
/// - Throws: what the system says.
package func openNamelessFile() throws -> Int32 {
    // mkstemp replaces the six letters by ones that make the name unique.
    var template = Array("\(FileManager.default.temporaryDirectory.path)/addnorm-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw POSIXError.current }
    unlink(template)
    return descriptor
}

extension POSIXError {
    /// What the last call that failed has said.
    package static var current: POSIXError { POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
}
