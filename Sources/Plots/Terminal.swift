import Escaping
import Foundation

extension Figure {
    /// The picture in characters, for a terminal: curves in braille, two by four dots to a character.
    ///
    /// - Parameters:
    ///   - columns: no line is longer
    ///   - rows: as many lines, but for the legend's sake more if they are very few
    ///   - color: whether curves are told apart by colours, else by marks
    package func terminal(columns: Int, rows: Int, color: Bool) -> String {
        let columns = max(columns, 1)
        let head = [title, note, isEmpty ? "no values" : y.title].compactMap { $0 }.flatMap { text in
            text.printable.broken(to: columns).map { $0.shortened(toColumns: columns) + "\n" }
        }
        if isEmpty { return head.joined() }

        let marks = self.marks(color: color)
        let nameWidth = max(columns - 3, 1)
        func name(_ series: Series) -> String { series.name.printable.shortened(toColumns: nameWidth) }
        let legend = legend(width: Double(columns), gap: 3) { Double(3 + name($0).columns) }
        let height = max(rows - head.count - legend.count - 3, 4)
        let (xScale, yScale) = (xScale, yScale)
        let yTicks = yScale.ticks(atMost: max(height / 2, 2))
        let left = min((yTicks.map(\.label.count).max() ?? 0) + 2, max(columns - 2, 0))
        let grid = Grid(x: xScale, y: yScale, columns: max(columns - left, 1), rows: height)

        var canvas = Canvas(columns: columns, rows: height + 3)
        for row in 0..<height { canvas.put("│", at: (row, left - 1)) }
        for (value, label) in yTicks {
            let row = grid.row(value)
            canvas.put(label, at: (row, left - 2 - label.count))
            canvas.put("┤", at: (row, left - 1))
        }
        canvas.put("└" + String(repeating: "─", count: grid.columns), at: (height, left - 1))
        let room = 4 + xScale.ticks(atMost: grid.columns / 8).reduce(0) { max($0, $1.label.count) }
        var end = 0
        for (value, label) in xScale.ticks(atMost: max(grid.columns / room, 2)) {
            let column = left + grid.column(value)
            canvas.put("┬", at: (height, column))
            let start = min(max(column - (label.count - 1) / 2, 0), columns - label.count)
            guard start >= end else { continue }
            canvas.put(label, at: (height + 1, start))
            end = start + label.count + 1
        }
        canvas.put(x.title, at: (height + 2, max(left + (grid.columns - x.title.columns) / 2, 0)))

        for place in layers {
            let color = color ? series[place].ansi : nil
            for (position, mask) in dots(of: series[place], in: grid).sorted(by: { $0.key < $1.key }) {
                guard let dots = Unicode.Scalar(0x2800 + mask) else { continue }
                let cell = (position / grid.columns, left + position % grid.columns)
                canvas.put(String(dots), at: cell, color: color)
            }
            guard let mark = marks[place] else { continue }
            for point in marked(place, columns: grid.columns) {
                let (row, column) = grid.cell(of: point)
                canvas.put(mark, at: (row, left + column), color: color)
            }
        }
        var foot = Canvas(columns: columns, rows: legend.count)
        for (row, entries) in legend.enumerated() {
            for (start, place) in entries {
                let (series, column) = (series[place], Int(start))
                foot.put(swatch(series, marks[place]), at: (row, column), color: color ? series.ansi : nil)
                foot.put(name(series), at: (row, column + 3))
            }
        }
        return head.joined() + canvas.text + foot.text
    }

    /// A curve, its bounds dotted: the masks of braille characters by their places.
    private func dots(of series: Series, in grid: Grid) -> [Int: UInt32] {
        var dots = Dots(columns: grid.columns)
        for segment in series.points.split(whereSeparator: { $0.y == nil }) {
            func line(_ value: KeyPath<Point, Double?>) -> [(x: Double, y: Double)] {
                segment.compactMap { point in point[keyPath: value].map { grid.dot(point.x, $0) } }
            }
            if series.style == .points || series.style == .scatter {
                for point in segment {
                    let ends = [point.low ?? point.y, point.high ?? point.y].compactMap { $0 }
                    dots.join(ends.map { grid.dot(point.x, $0) }, on: 1, off: 0)
                }
            } else {
                dots.join(line(\.low), on: 1, off: 3)
                dots.join(line(\.high), on: 1, off: 3)
                dots.join(line(\.y), on: 3, off: series.style == .dashed ? 3 : 0)
            }
        }
        return dots.masks
    }

    /// Where the mark of a curve stands: at every point if they are few, else here and there, each curve's at other places.
    private func marked(_ place: Int, columns: Int) -> [Point] {
        let points = series[place].points.filter { $0.y != nil }
        if points.count <= max(columns / 4, 1) { return points }
        let every = max(points.count / 6, 1)
        return points.indices.filter { $0 % every == every * (place + 1) / (series.count + 1) }.map { points[$0] }
    }

    /// Okabe and Ito's colours as nearly as terminals of 256 colours have them, for dark and light backgrounds.
    fileprivate static let ansi = ["38;5;32", "38;5;166", "38;5;36", "38;5;175", "38;5;178", "39"]

    /// The mark of each curve, where colours do not tell them apart: the same for the same colour.
    private func marks(color: Bool) -> [String?] {
        let colors = Set(series.compactMap(\.color)).count
        let isNeeded = colors > (color ? Self.ansi.count : 1)
        let marks = Array("ox+*#@%&abcdefghijklmnpqrstuvwyz")
        return series.map { series in
            if series.style == .points { return "o" }
            if series.style == .scatter { return nil }
            return isNeeded ? series.color.map { String(marks[$0 % marks.count]) } : nil
        }
    }

    private func swatch(_ series: Series, _ mark: String?) -> String {
        switch series.style {
        case .solid: (mark ?? "─") + "─"
        case .dashed: (mark ?? "╌") + "╌"
        case .points: "o"
        case .scatter: "·"
        }
    }
}

extension Figure.Series {
    /// The escape sequence of the colour; without one, faint.
    fileprivate var ansi: String { color.map { Figure.ansi[$0 % Figure.ansi.count] } ?? "2" }
}

/// Where in rows and columns values lie.
private struct Grid {
    let x, y: Scale
    let columns, rows: Int

    func row(_ value: Double) -> Int { Int((1 - y.place(value)) * Double(rows - 1) + 0.5) }
    func column(_ value: Double) -> Int { Int(x.place(value) * Double(columns - 1) + 0.5) }

    /// The character that a point lies in.
    func cell(of point: Figure.Point) -> (row: Int, column: Int) {
        let row = (1 - y.place(point.y ?? 0)) * (Double(rows) - 0.01)
        return (Int(row), Int(x.place(point.x) * (Double(columns) - 0.01)))
    }

    /// Where a point lies, in units of dots.
    func dot(_ x: Double, _ y: Double) -> (x: Double, y: Double) {
        (self.x.place(x) * Double(2 * columns - 1), (1 - self.y.place(y)) * Double(4 * rows - 1))
    }
}

/// Rows of characters, each with a colour.
private struct Canvas {
    private struct Cell {
        /// Nil to the right of a wide one.
        var character: Character? = " "
        /// An escape sequence.
        var color: String?
    }

    private var cells: [[Cell]]

    init(columns: Int, rows: Int) {
        cells = Array(repeating: Array(repeating: Cell(), count: columns), count: rows)
    }

    /// Writes text, as far as there is room.
    mutating func put(_ text: String, at place: (row: Int, column: Int), color: String? = nil) {
        var column = place.column
        for character in text {
            let next = column + character.columns
            guard column >= 0, next <= cells[place.row].count else { return }
            for column in column..<next { cells[place.row][column] = Cell(character: nil, color: color) }
            cells[place.row][column].character = character
            column = next
        }
    }

    var text: String {
        cells.map { row in
            var (line, color): (String, String?) = ("", nil)
            for cell in row[..<((row.lastIndex { $0.character != " " } ?? -1) + 1)] {
                guard let character = cell.character else { continue }
                if cell.color != color && character != " " {
                    if color != nil { line += "\u{1B}[0m" }
                    color = cell.color
                    if let color { line += "\u{1B}[\(color)m" }
                }
                line.append(character)
            }
            return line + (color == nil ? "" : "\u{1B}[0m") + "\n"
        }.joined()
    }
}

/// Dots of braille characters, two by four in each.
private struct Dots {
    let columns: Int
    /// The dots of each character that has some, by its place row after row.
    private(set) var masks: [Int: UInt32] = [:]

    init(columns: Int) { self.columns = columns }

    /// Sets the dots along a line through points, `on` of them and then `off` not.
    mutating func join(_ points: [(x: Double, y: Double)], on: Int, off: Int) {
        var count = 0
        for (index, point) in points.enumerated() {
            let from = points[max(index - 1, 0)]
            let steps = Int(max(abs(point.x - from.x), abs(point.y - from.y)).rounded(.up))
            for step in 0...steps where step > 0 || index == 0 {
                let share = steps == 0 ? 1 : Double(step) / Double(steps)
                let x = Int(from.x + (point.x - from.x) * share + 0.5)
                let y = Int(from.y + (point.y - from.y) * share + 0.5)
                if count % (on + off) < on { masks[y / 4 * columns + x / 2, default: 0] |= Self.bits[y % 4][x % 2] }
                count += 1
            }
        }
    }

    /// The dots of a braille character, by row and column (Unicode, block U+2800).
    private static let bits: [[UInt32]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
}
