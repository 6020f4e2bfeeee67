import Escaping

/// What became of many trials that differ in two things: a table of coloured cells, rows in groups.
package struct OutcomeGrid: Sendable {
    /// What a trial can come to.
    package struct Kind: Sendable {
        package let name: String
        /// One character, by which kinds are told apart without colours.
        package let mark: String
        /// The place in the palette of figures; nil for what stays in the background.
        package let color: Int?

        package init(_ name: String, mark: String, color: Int?) {
            (self.name, self.mark, self.color) = (name, mark, color)
        }
    }

    package struct Row: Sendable {
        package let name: String
        /// The place of each cell's kind; nil where nothing was tried. As many as there are columns.
        package let cells: [Int?]

        package init(_ name: String, _ cells: [Int?]) { (self.name, self.cells) = (name, cells) }
    }

    package struct Group: Sendable {
        package let heading: String
        package let rows: [Row]

        package init(_ heading: String, _ rows: [Row]) { (self.heading, self.rows) = (heading, rows) }
    }

    package let title: String
    /// How to read it.
    package let note: String
    package let columnsTitle: String
    package let columns: [String]
    package let kinds: [Kind]
    package let groups: [Group]

    package init(
        _ title: String, note: String, columnsTitle: String, columns: [String], kinds: [Kind], groups: [Group]
    ) {
        (self.title, self.note, self.columnsTitle, self.columns) = (title, note, columnsTitle, columns)
        (self.kinds, self.groups) = (kinds, groups)
    }

    /// The picture as an `<svg>` element, as ``Figure/svg(width:height:isFile:)`` makes it.
    package func svg(width: Double = 640, isFile: Bool = false) -> String {
        let glyph = 7.0
        let left = min(0.4 * width, glyph * Double(groups.flatMap(\.rows).map(\.name.columns).max() ?? 0) + 14)
        // Cells are no wider than they need to be.
        let cell = (width: min((width - left) / Double(max(columns.count, 1)), 84), height: 20.0)
        var body = [words(title.shortened(toColumns: Int(width / 8.6)), at: (0, 16), "title")]
        var y = 16.0
        for line in note.broken(to: Int(width / glyph)) {
            y += 18
            body.append(words(line, at: (0, y), "quiet"))
        }
        y += 22
        var x = 0.0
        for kind in kinds {
            body.append(square(kind, at: (x, y - 12), (18, 16)))
            body.append(words(kind.name, at: (x + 24, y)))
            x += 24 + glyph * Double(kind.name.columns) + 18
        }
        y += 26
        body.append(
            words(columnsTitle, at: (left + cell.width * Double(columns.count) / 2, y), "quiet", .middle))
        y += 18
        for (place, name) in columns.enumerated() {
            body.append(words(name, at: (left + cell.width * (Double(place) + 0.5), y), "quiet", .middle))
        }
        y += 4
        for group in groups {
            y += 22
            body.append(words(group.heading.shortened(toColumns: Int(width / glyph)), at: (0, y), "heading"))
            y += 7
            for row in group.rows {
                let name = row.name.shortened(toColumns: max(Int((left - 10) / glyph), 1))
                body.append(words(name, at: (0, y + 14), "quiet"))
                for (place, kind) in row.cells.enumerated() {
                    guard let kind else { continue }
                    body.append(
                        square(
                            kinds[kind], at: (left + cell.width * Double(place) + 1, y + 1),
                            (cell.width - 2, cell.height - 2)))
                }
                y += cell.height
            }
        }
        return svgElement(title, description, body, width: width, height: y + 8, isFile: isFile)
    }

    /// The picture in a ``Page``, for a wide page and for a narrow one.
    package func html(width: Double) -> String {
        "<figure>\n<div class=\"wide\">\(svg(width: width))</div>\n<div class=\"narrow\">\(svg(width: 350))</div>\n</figure>\n"
    }

    /// For a terminal: a mark for each cell, and what they mean.
    package var text: String {
        let width = groups.flatMap(\.rows).map(\.name.columns).max() ?? 0
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(width - text.columns, 0))
        }
        let widths = columns.map { max($0.columns, 1) }
        func line(_ name: String, _ cells: [String]) -> String {
            let line = padded(name, width) + "  " + zip(cells, widths).map(padded).joined(separator: "  ")
            return line.trimmingSuffix { $0 == " " } + "\n"
        }
        let legend = kinds.map { "\($0.mark) \($0.name)" }.joined(separator: ", ")
        return "\(title): \(legend)".printable + "\n" + line("", columns.map(\.printable))
            + groups.flatMap { group in
                [group.heading.printable + "\n"]
                    + group.rows.map { row in
                        line(row.name.printable, row.cells.map { $0.map { kinds[$0].mark } ?? "" })
                    }
            }.joined()
    }

    private var description: String {
        groups.flatMap { group in
            group.rows.map { row in
                "\(group.heading), \(row.name): "
                    + zip(columns, row.cells).map { "\($0) \($1.map { kinds[$0].name } ?? "not tried")" }
                    .joined(separator: ", ")
            }
        }.joined(separator: "; ")
    }

    private func square(_ kind: Kind, at place: (x: Double, y: Double), _ size: (Double, Double)) -> String {
        let color = kind.color.map { "c\($0 % Figure.colors)" } ?? "reference"
        let frame = "x=\"\(place.x.px)\" y=\"\(place.y.px)\" width=\"\(size.0.px)\" height=\"\(size.1.px)\" rx=\"3\""
        return "<rect class=\"cell \(color)\" \(frame)/>"
            + words(kind.mark, at: (place.x + size.0 / 2, place.y + size.1 / 2 + 4), "", .middle)
    }
}

extension String {
    fileprivate func trimmingSuffix(_ isTrimmed: (Character) -> Bool) -> String {
        guard let end = lastIndex(where: { !isTrimmed($0) }) else { return "" }
        return String(self[...end])
    }
}
