import Foundation

/// The examples of a file or a folder, in its order, or of several, one after the other.
package struct Dataset: Sendable {
    /// A file or folder that examples are from.
    package struct Source: Sendable {
        /// As the user named it.
        package let path: String
        /// The SHA-256 of the file's bytes, compressed or not, in hexadecimal. Of a folder: the SHA-256 of the list that
        /// `sha256sum */*` prints there, in byte order of the paths.
        package let sha256: String
        /// How many examples ``Layout/labelMap`` has left out.
        package fileprivate(set) var leftOut: Int
        /// The keys of ``Layout/labelMap`` that no example had as a label, sorted.
        package fileprivate(set) var unusedLabelMapKeys: [String]
        /// The rows that were left out because they are wrong.
        package fileprivate(set) var badRows: BadRows

        /// What the user should know: what was left out, and why.
        fileprivate var notices: [String] {
            var notices = [badRows.notice(path)].compactMap { $0 }
            if leftOut > 0 {
                notices.append("\(path): \(leftOut) \(leftOut == 1 ? "row is" : "rows are") left out by --label-map")
            }
            return notices
        }
    }

    /// The files and folders.
    package private(set) var sources: [Source]
    /// The file or folder as the user named it; several stand between commas.
    package var path: String { sources.map(\.path).joined(separator: ", ") }
    /// That of the file or folder; of several, the SHA-256 of theirs, each on a line of its own.
    package var sha256: String {
        sources.count == 1
            ? sources[0].sha256 : Datasets.sha256(ofLines: sources.map(\.sha256))
    }
    /// In the order of the file; of a folder, in the byte order of its paths.
    package var examples: [Example]
    /// Whether ``Example/label`` can hold several.
    package private(set) var hasSeveralLabels: Bool
    /// Whether ``Example/label`` is a number.
    package let hasNumbers: Bool

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
        try self.init(Piece(path: path), layout: layout, labels: labels)
    }

    /// Reads a piece of a file or folder.
    ///
    /// - Throws: ``DatasetError``, as for a file.
    package init(_ piece: Piece, layout: Layout, labels: LabelReading) throws {
        try self.init(ExampleStream(piece, layout: layout, labels: labels), path: piece.name, labels)
    }

    /// Reads several files or folders as one.
    ///
    /// - Throws: ``DatasetError`` for each of them, and if one is named twice.
    package init(contentsOf paths: [String], layout: Layout, labels: LabelReading) throws {
        for (place, path) in paths.enumerated() where paths[..<place].contains(path) {
            throw DatasetError(path, "is named twice")
        }
        var parts = try paths.map { try Dataset(contentsOf: $0, layout: layout, labels: labels) }
        // What one of them has decides about all.
        if parts.contains(where: \.hasSeveralLabels) {
            for index in parts.indices where !parts[index].hasSeveralLabels {
                parts[index] = try Dataset(contentsOf: paths[index], layout: layout, labels: .several)
            }
        }
        self = parts[0]
        if parts.count == 1 { return }
        for part in parts { try part.requirePairs(like: self) }
        examples = parts.enumerated().flatMap { place, part in
            part.examples.map { example in
                var example = example
                example.source = place
                return example
            }
        }
        sources = parts.flatMap(\.sources)
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
                for example in next {
                    size += MemoryLayout<Example>.size + example.text.utf8.count + (example.textPair?.utf8.count ?? 0)
                }
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
        if let header = stream.possibleHeader, Self.isHeader(header, before: examples) {
            throw DatasetError(
                path, line: examples[0].line,
                "the first row, '\(header[0])' and '\(header[1])', looks like a header; if it is one, give --text-column"
                    + " '\(header[0])' --label-column '\(header[1])', else --text-column 1 --label-column 2")
        }
        sources = [
            Source(
                path: path, sha256: stream.sha256, leftOut: leftOut, unusedLabelMapKeys: rules.unusedKeys,
                badRows: badRows)
        ]
        (self.examples, hasSeveralLabels, hasNumbers) = (examples, rules.areSeveral, labels == .number)
    }

    /// Whether what was read as the first example is more likely a header: a few words, and a label that no other row has, though labels occur often.
    private static func isHeader(_ cells: [String], before examples: [Example]) -> Bool {
        guard examples.count >= 10, cells.count == 2, examples[0].text == cells[0] else { return false }
        let isName = cells.allSatisfy { cell in
            let words = cell.split(separator: " ")
            return (1...3).contains(words.count)
                && words.joined().allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }
        }
        guard isName else { return false }
        let labels = Dictionary(grouping: examples, by: \.label).mapValues(\.count)
        return labels[examples[0].label] == 1 && 2 * labels.count <= examples.count
    }

    /// Some of the examples as data of their own, of which nothing was left out.
    package func part(_ indices: some Sequence<Int>) -> Dataset {
        var part = self
        part.examples = indices.map { examples[$0] }
        for index in sources.indices {
            (part.sources[index].leftOut, part.sources[index].unusedLabelMapKeys) = (0, [])
            part.sources[index].badRows = sources[index].badRows.none
        }
        return part
    }

    /// Whether each example has a second text.
    package var hasPairs: Bool { examples.first?.textPair != nil }

    /// - Throws: ``DatasetError`` if only one of both has second texts.
    package func requirePairs(like other: Dataset) throws {
        guard hasPairs != other.hasPairs else { return }
        throw DatasetError(
            path,
            "has \(hasPairs ? "" : "no ")second texts, and \(other.path) has \(hasPairs ? "none" : "some"); --text-pair-column names their column"
        )
    }

    /// The labels that occur.
    package var labelNames: Set<String> { Set(examples.flatMap { $0.labels(several: hasSeveralLabels) }) }

    /// How many examples have each label.
    package var labelCounts: [String: Int] {
        examples.reduce(into: [:]) { counts, example in
            for label in example.labels(several: hasSeveralLabels) { counts[label, default: 0] += 1 }
        }
    }

    /// The file that an example is from.
    package func file(of example: Example) -> String { example.file ?? sources[example.source].path }

    /// The examples of each file or folder, as data of their own, and their places.
    package var bySource: [(data: Dataset, places: [Int])] {
        sources.indices.map { source in
            let places = examples.indices.filter { examples[$0].source == source }
            var data = self
            data.sources = [sources[source]]
            data.examples = places.map {
                var example = examples[$0]
                example.source = 0
                return example
            }
            return (data, places)
        }
    }

    /// Treats labels that are not among `known` as bad rows.
    ///
    /// - Parameter known: the names of the labels, by id
    /// - Throws: ``DatasetError`` at the first example with another label if the layout does not skip it, and if no example is
    ///   left.
    package mutating func requireLabels(among known: [String]) throws {
        let names = Set(known)
        let list = known.prefix(20).map { "'\($0)'" }.joined(separator: ", ") + (known.count > 20 ? ", …" : "")
        var sources = sources
        try examples.removeAll { [hasSeveralLabels] example in
            let labels = example.labels(several: hasSeveralLabels)
            guard let unknown = labels.first(where: { !names.contains($0) }) else { return false }
            try sources[example.source].badRows.add(
                example.error(
                    "the label '\(unknown)' is unknown; the model was trained with \(list); --label-map gives labels other names",
                    in: sources[example.source].path))
            return true
        }
        self.sources = sources
        if examples.isEmpty { for source in sources { try source.badRows.requireOthers(source.path) } }
    }

    /// What the user should know: what was left out, and why.
    package var notices: [String] { sources.flatMap(\.notices) }
}
