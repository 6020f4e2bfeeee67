import Foundation

/// The examples of a file or a folder, in its order.
package struct Dataset: Sendable {
    /// The file or folder as the user named it.
    package let path: String
    /// The SHA-256 of the file's bytes, compressed or not, in hexadecimal. Of a folder: the SHA-256 of the list
    /// that `sha256sum */*` prints there, in byte order of the paths.
    package let sha256: String
    /// In the order of the file; of a folder, in the byte order of its paths.
    package var examples: [Example]
    /// Whether ``Example/label`` can hold several.
    package let hasSeveralLabels: Bool
    /// How many examples ``Layout/labelMap`` has left out.
    package private(set) var leftOut: Int
    /// The keys of ``Layout/labelMap`` that no example had as a label, sorted.
    package private(set) var unusedLabelMapKeys: [String]
    /// The rows that were left out because they are wrong.
    package private(set) var badRows: BadRows

    /// Reads a whole file, stream or folder.
    ///
    /// - Parameters:
    ///   - path: the file or folder; `-` is standard input
    ///   - layout: how it is read
    ///   - labels: how many labels an example has
    /// - Throws: ``DatasetError`` if it is missing, unreadable or empty, at the first row that is wrong if the layout does not
    ///   skip it, and if no row is left.
    /// - Complexity: O(*n*) in the size of the file. Each text is held once.
    package init(contentsOf path: String, layout: Layout, labels: LabelReading) throws {
        try self.init(ExampleStream(path: path, layout: layout, labels: labels), path: path, labels)
    }

    /// Reads what is in memory, by the same rules as a file.
    ///
    /// - Parameters:
    ///   - path: what errors name as the file
    ///   - format: not ``Layout/Format/folder``
    /// - Throws: ``DatasetError``, as for a file.
    package init(
        _ content: [UInt8], path: String, format: Layout.Format, layout: Layout, labels: LabelReading
    ) throws {
        let stream = try ExampleStream(content, path: path, format: format, layout: layout, labels: labels)
        try self.init(stream, path: path, labels)
    }

    private init(_ stream: ExampleStream, path: String, _ labels: LabelReading) throws {
        var stream = stream
        var examples: [Example] = []
        var failure: (any Error)?
        do {
            var size = 0
            while let next = try stream.next() {
                examples += next
                size += next.reduce(0) { $0 + MemoryLayout<Example>.size + $1.text.utf8.count }
                if size > ProcessInfo.processInfo.physicalMemory / 2 {
                    throw DatasetError(
                        path,
                        "the texts take more than half of this machine's memory; divide the file, or take a part of it")
                }
            }
        } catch {
            failure = error
        }
        var (rules, badRows, leftOut) = (stream.labels, stream.badRows, 0)
        if labels != .none {
            var kept = 0
            for index in examples.indices {
                do {
                    examples[kept] = examples[index]
                    examples[kept].label = try rules.finish(examples[index].label ?? "")
                    if examples[kept].label == nil { leftOut += 1 } else { kept += 1 }
                } catch let error as BadRow {
                    try badRows.add(examples[index].error(error.cause, in: path))
                }
            }
            examples.removeLast(examples.count - kept)
        }
        // A label before it may have been wrong too.
        if let failure { throw failure }
        if examples.isEmpty {
            try badRows.requireOthers(path)
            throw DatasetError(
                path,
                leftOut > 0
                    ? "the label map leaves no example"
                    : "the file is empty: there is no \(labels == .none ? "text" : "labelled text") in it")
        }
        (self.path, sha256, self.examples, self.badRows) = (path, stream.sha256, examples, badRows)
        (hasSeveralLabels, self.leftOut, unusedLabelMapKeys) = (rules.areSeveral, leftOut, rules.unusedKeys)
    }

    /// Some of the examples as data of their own, of which nothing was left out.
    package func part(_ indices: some Sequence<Int>) -> Dataset {
        var part = self
        part.examples = indices.map { examples[$0] }
        (part.badRows, part.leftOut, part.unusedLabelMapKeys) = (badRows.none, 0, [])
        return part
    }

    /// The labels that occur.
    package var labelNames: Set<String> { Set(examples.flatMap { $0.labels(several: hasSeveralLabels) }) }

    /// The file that an example is from.
    package func file(of example: Example) -> String { example.file ?? path }

    /// Treats labels that are not among `known` as bad rows.
    ///
    /// - Parameter known: the names of the labels, by id
    /// - Throws: ``DatasetError`` at the first example with another label if the layout does not skip it, and if no example is
    ///   left.
    package mutating func requireLabels(among known: [String]) throws {
        let names = Set(known)
        let list = known.prefix(20).map { "'\($0)'" }.joined(separator: ", ") + (known.count > 20 ? ", …" : "")
        var badRows = badRows
        try examples.removeAll { [path, hasSeveralLabels] example in
            let labels = example.labels(several: hasSeveralLabels)
            guard let unknown = labels.first(where: { !names.contains($0) }) else { return false }
            try badRows.add(
                example.error("the label '\(unknown)' is unknown; the model was trained with \(list)", in: path))
            return true
        }
        self.badRows = badRows
        if examples.isEmpty { try badRows.requireOthers(path) }
    }

    /// What the user should know: what was left out, and why.
    package var notices: [String] {
        var notices = [badRows.notice(path)].compactMap { $0 }
        if leftOut > 0 {
            notices.append("\(path): \(leftOut) \(leftOut == 1 ? "row is" : "rows are") left out by --label-map")
        }
        return notices
    }
}
