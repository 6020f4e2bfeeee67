import Foundation

/// A folder with a folder for each label and in those a file for each text, as in `DIR/positive/0_9.txt`.
///
/// Files that lie elsewhere, and those whose names begin with a dot, are not part of it.
struct LabeledFolder {
    private let path: String
    /// The files that have not been read yet, as `label/name`, in the byte order of these.
    private var files: ArraySlice<(label: String, name: String)>
    private let hash = SHA256()

    /// Lists the files.
    ///
    /// - Parameter part: the numbers of those that are read; nil: all
    /// - Throws: ``DatasetError`` if there are none, or if a folder cannot be listed.
    init(path: String, files part: Range<Int>? = nil) throws {
        self.path = path
        let expected = "expected a folder for each label, with a file for each text: \(path)/LABEL/TEXT.txt"
        let labels = try Self.list(path, S_IFDIR)
        if labels.isEmpty { throw DatasetError(path, "there are no folders in it; \(expected)") }
        let files = try labels.flatMap { label in
            try Self.list("\(path)/\(label)", S_IFREG).map { (label: label, name: "\(label)/\($0)") }
        }
        if files.isEmpty { throw DatasetError(path, "there are no files in its folders; \(expected)") }
        let sorted = files.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        self.files = sorted[part.map { $0.clamped(to: sorted.indices) } ?? sorted.indices]
    }

    /// The bytes of each file.
    ///
    /// - Throws: ``DatasetError`` if one is not there any more.
    func sizes() throws -> [Int] {
        try files.map { file in
            var status = stat()
            guard stat("\(path)/\(file.name)", &status) == 0 else {
                throw DatasetError("\(path)/\(file.name)", "cannot be found")
            }
            return Int(status.st_size)
        }
    }

    /// The SHA-256, in hexadecimal, of the list that `sha256sum */*` prints in the folder, of the files read so far.
    var sha256: String { hash.hexadecimal }

    /// Reads the next file: its content without the last line break. Nil after the last one.
    ///
    /// - Throws: ``DatasetError`` if it cannot be read.
    mutating func next() throws -> (label: String, file: String, content: ArraySlice<UInt8>)? {
        guard let (label, name) = files.popFirst() else { return nil }
        let file = "\(path)/\(name)"
        var stream = try ByteStream(path: file)
        var content: ArraySlice<UInt8> = []
        while let piece = try stream.next() {
            content += piece
            if content.count > LineStream.longestLine {
                throw DatasetError(file, "has more than \(LineStream.longestLine >> 20) MB; divide the text")
            }
        }
        hash.update(Array("\(stream.sha256)  \(name)\n".utf8))
        if content.last == UInt8(ascii: "\n") { content = content.dropLast().withoutCarriageReturn }
        return (label, file, content)
    }

    /// The names of the entries of a folder that are of one kind; a link counts as what it leads to.
    private static func list(_ path: String, _ kind: mode_t) throws -> [String] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw DatasetError(path, "cannot be listed: \(error.localizedDescription)")
        }
        return try names.filter { name in
            if name.hasPrefix(".") { return false }
            let file = "\(path)/\(name)"
            var status = stat()
            guard stat(file, &status) == 0 else {
                throw DatasetError(
                    file, "cannot be found: a link to nothing, or a name that is not UTF-8; rename or remove it")
            }
            if status.st_mode & S_IFMT == kind { return true }
            // Beside the folders of labels there may be other files, but not among the texts.
            if kind == S_IFDIR { return false }
            throw DatasetError(file, "is not a file; texts stand in files directly in the folder of their label")
        }
    }
}
