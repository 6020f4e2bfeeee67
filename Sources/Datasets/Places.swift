import JSON

/// Where the parts of an example are in a row: a column of a table, or a key of an object.
struct Places<Place: Equatable> {
    let text: [Place]
    /// Nil where texts stand alone.
    let textPair: Place?
    /// Nil where no labels are read.
    let label: Place?
    let group: Place?
    let kept: [Place]

    var all: [Place] { text + [textPair, label, group].compactMap { $0 } + kept }
}

/// Decides where the parts of an example are, by what a user has said and by the usual names.
struct PlaceFinder {
    /// What errors name as the file.
    let path: String
    let layout: Layout
    let format: Layout.Format
    let readsLabels: Bool

    private static let textNames = ["text", "sentence", "review", "content"]
    private static let textPairName = "text_pair"
    private static let labelNames = ["label", "sentiment", "class", "category"]

    /// Decides where the parts of an example are.
    ///
    /// - Parameters:
    ///   - line: the line that an error names, if any
    ///   - kind: what an error calls a place
    ///   - pair: the place of the usual name of a second text, if there is one
    ///   - find: the place that a user has named, else that of the first of the usual names; is told the option that names it
    private func places<Place: Equatable>(
        line: Int?, _ kind: String, pair: Place?,
        find: (Layout.Column?, _ usual: [String], _ option: String) throws -> Place
    ) throws -> Places<Place> {
        let columns: [Layout.Column?] = layout.textColumns.isEmpty ? [nil] : layout.textColumns
        let texts = try columns.map { try find($0, Self.textNames, "--text-column") }
        let label =
            readsLabels ? try find(layout.labelColumn, Self.labelNames, "--label-column") : nil
        if let label, texts.contains(label) {
            throw DatasetError(
                path, line: line, "text and label are the same \(kind); give --text-column and --label-column")
        }
        let group = try layout.groupColumn.map { try find($0, [], layout.groupOption) }
        let kept = try layout.keptColumns.map { try find($0, [], "--keep") }
        let named = try layout.textPairColumn.map { try find($0, [], "--text-pair-column") }
        if let named, texts.contains(named) || named == label {
            throw DatasetError(
                path, line: line,
                "the second text is the same \(kind) as the first or the label; give --text-column, --text-pair-column and --label-column"
            )
        }
        let pair = pair.flatMap { (texts + [label]).contains($0) ? nil : $0 }
        return Places(text: texts, textPair: named ?? pair, label: label, group: group, kept: kept)
    }

    /// Decides from the first row of a table whether it is a header, and which columns are read.
    ///
    /// - Throws: ``DatasetError`` if one that is needed is not there.
    func columns(firstRow cells: [Substring], line: Int) throws -> (Places<Int>, hasHeader: Bool) {
        if format == .csv, cells.count == 1, cells[0].utf8.contains(UInt8(ascii: ";")) {
            throw DatasetError(
                path, line: line, "the first row has ';' between its fields; the delimiter must be a comma")
        }
        let names = cells.map { $0.lowercased().trimmingCharacters(in: .whitespaces) }
        func known(_ candidates: [String]) -> Int? { names.firstIndex(where: candidates.contains) }
        let (hasText, hasLabel) = (known(Self.textNames) != nil, known(Self.labelNames) != nil)
        let isNamed = chosenColumns.contains { if case .name = $0 { true } else { false } }
        // A user who gives numbers for both says that there is none, unless there is no doubt.
        let areNumbered = format == .tsv && !layout.textColumns.isEmpty && layout.labelColumn != nil
        let hasHeader = isNamed || hasText && hasLabel || (hasText || hasLabel) && !areNumbered
        let list = cells.map { "'\($0)'" }.joined(separator: ", ")
        let pair = hasHeader && layout.secondText != .ignored ? names.firstIndex(of: Self.textPairName) : nil
        let places = try places(line: line, "column", pair: pair) { column, candidates, option in
            switch column {
            case .number(let number):
                // Rows of a TSV file without a header need not be alike.
                guard number >= 1, number <= cells.count || format == .tsv && !hasHeader else {
                    throw DatasetError(
                        path, line: line, "the row has \(cells.count) columns and no column \(number)")
                }
                return number - 1
            case .name(let name):
                guard let index = cells.firstIndex(of: name[...]) ?? names.firstIndex(of: name.lowercased()) else {
                    throw DatasetError(
                        path, line: line,
                        "no column is called '\(name)'; the header has \(list); name one of them with \(option)")
                }
                return index
            case nil:
                if hasHeader, let known = known(candidates) { return known }
                if format == .tsv && !hasHeader { return candidates == Self.labelNames ? 1 : 0 }
                throw DatasetError(
                    path, line: line,
                    "no column is called \(candidates.joined(separator: ", ")); the first row has \(list); name one with"
                        + " \(option), or both by their numbers if that is no header: --text-column 1 --label-column 2")
            }
        }
        if layout.secondText == .needed && places.textPair == nil {
            throw DatasetError(
                path, line: line,
                "no column is called \(Self.textPairName), and the model reads pairs of texts; the first row has \(list); name one with"
                    + " --text-pair-column")
        }
        return (places, hasHeader)
    }

    /// The columns that the user has chosen.
    var chosenColumns: [Layout.Column] {
        layout.textColumns
            + [layout.textPairColumn, readsLabels ? layout.labelColumn : nil, layout.groupColumn]
            .compactMap { $0 } + layout.keptColumns
    }

    /// Decides from the first object which keys are read.
    ///
    /// - Throws: ``BadRow`` if one that is needed is not there, or ``DatasetError`` if no object can have such.
    func keys(of object: [String: JSONValue]) throws -> Places<String> {
        let places = try places(line: nil, "key", pair: textPairKey(of: object)) { column, candidates, option in
            switch column {
            case .name(let name): return name
            case .number(let number):
                throw DatasetError(
                    path, "the keys of JSON objects have no numbers; give a name with \(option), not \(number)")
            case nil:
                let keys = object.keys.sorted()
                // The objects' own order is not known.
                let known = candidates.lazy.compactMap { name in keys.first { $0.lowercased() == name } }
                guard let key = known.first else {
                    throw BadRow(
                        "no key is called \(candidates.joined(separator: ", ")); the keys are"
                            + " \(keys.map { "'\($0)'" }.joined(separator: ", ")); name one of them with \(option)")
                }
                return key
            }
        }
        if layout.secondText == .needed && places.textPair == nil {
            throw BadRow(
                "has no '\(Self.textPairName)', and the model reads pairs; --text-pair-column names another key")
        }
        return places
    }

    /// The key by which a second text is found, of several always the same; nil if there is none, or it is not to be read.
    func textPairKey(of object: [String: JSONValue]) -> String? {
        if layout.secondText == .ignored { return nil }
        return object.lazy.filter { $0.key.lowercased() == Self.textPairName && !$0.value.isNull }.map(\.key).min()
    }
}
