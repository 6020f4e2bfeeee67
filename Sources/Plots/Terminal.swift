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
        func lines(_ text: String) -> [String] {
            text.printable.broken(to: columns).map { $0.shortened(toColumns: columns) + "\n" }
        }
        let head = [title, note, isEmpty ? "no values" : y.title].compactMap { $0 }.flatMap(lines)
        if isEmpty { return head.joined() }

        let marks = self.marks(color: color)
        let legend = legend(columns: columns, marks)
        let height = max(rows - head.count - legend.count - 3, 4)
        let (xScale, yScale) = (xScale, yScale)
        let yTicks = yScale.ticks(atMost: max(height / 2, 2))
        let left = min((yTicks.map(\.label.count).max() ?? 0) + 2, max(columns - 2, 0))
        let width = max(columns - left, 1)

        var canvas = Canvas(columns: columns, rows: height + 3)
        for row in 0..<height { canvas.put("│", row, left - 1) }
        for (value, label) in yTicks {
            let row = Int((1 - yScale.place(value)) * Double(height - 1) + 0.5)
            canvas.put(label, row, left - 2 - label.count)
            canvas.put("┤", row, left - 1)
        }
        canvas.put("└" + String(repeating: "─", count: width), height, left - 1)
        let room = 4 + xScale.ticks(atMost: width / 8).reduce(0) { max($0, $1.label.count) }
        var end = 0
        for (value, label) in xScale.ticks(atMost: max(width / room, 2)) {
            let column = left + Int(xScale.place(value) * Double(width - 1) + 0.5)
            canvas.put("┬", height, column)
            let start = min(max(column - (label.count - 1) / 2, 0), columns - label.count)
            guard start >= end else { continue }
            canvas.put(label, height + 1, start)
            end = start + label.count + 1
        }
        canvas.put(x.title, height + 2, max(left + (width - x.title.columns) / 2, 0))

        // The first curve is drawn last and lies on top; what is only to compare with lies below all.
        let order =
            series.indices.filter { series[$0].color == nil }
            + series.indices.filter { series[$0].color != nil }.reversed()
        for index in order { draw(index, marks[index], xScale, yScale, on: &canvas, left, width, height, color: color) }
        var foot = Canvas(columns: columns, rows: legend.count)
        for (row, entries) in legend.enumerated() {
            for (column, index, text) in entries {
                foot.put(swatch(series[index], marks[index]), row, column, color ? series[index].ansi : nil)
                foot.put(text, row, column + 3)
            }
        }
        return head.joined() + canvas.text + foot.text
    }

    /// One curve, its bounds dotted.
    private func draw(
        _ index: Int, _ mark: String?, _ xScale: Scale, _ yScale: Scale, on canvas: inout Canvas, _ left: Int,
        _ width: Int, _ height: Int, color: Bool
    ) {
        let series = series[index]
        let color = color ? series.ansi : nil
        var dots = Dots(columns: width, rows: height)
        func place(_ x: Double, _ y: Double) -> (x: Double, y: Double) {
            (xScale.place(x) * Double(2 * width - 1), (1 - yScale.place(y)) * Double(4 * height - 1))
        }
        for segment in series.segments {
            if series.style == .points {
                for point in segment {
                    let ends = [place(point.x, point.low ?? point.y!), place(point.x, point.high ?? point.y!)]
                    dots.join(ends, on: 1, off: 0)
                }
            } else {
                for bound in [\Point.low, \.high] {
                    dots.join(
                        segment.compactMap { point in point[keyPath: bound].map { place(point.x, $0) } }, on: 1, off: 3)
                }
                dots.join(segment.map { place($0.x, $0.y!) }, on: 3, off: series.style == .dashed ? 3 : 0)
            }
        }
        dots.put(on: &canvas, left, color)
        guard let mark else { return }
        // At every point if there are few, else here and there, each curve at other places.
        let drawn = series.points.filter { $0.y != nil }
        let every = drawn.count <= max(width / 4, 1) ? 1 : max(drawn.count / 6, 1)
        for (place, point) in drawn.enumerated()
        where every == 1 || place % every == every * (index + 1) / (self.series.count + 1) {
            let row = Int((1 - yScale.place(point.y!)) * (Double(height) - 0.01))
            canvas.put(mark, row, left + Int(xScale.place(point.x) * (Double(width) - 0.01)), color)
        }
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
            return isNeeded ? series.color.map { String(marks[$0 % marks.count]) } : nil
        }
    }

    private func swatch(_ series: Series, _ mark: String?) -> String {
        switch series.style {
        case .solid: (mark ?? "─") + "─"
        case .dashed: (mark ?? "╌") + "╌"
        case .points: "o"
        }
    }

    /// The rows of the legend: where each entry begins, whose it is, and its name.
    private func legend(columns: Int, _ marks: [String?]) -> [[(column: Int, series: Int, text: String)]] {
        var rows: [[(Int, Int, String)]] = []
        var end = columns
        for (index, series) in series.enumerated() where series.isNamed {
            let text = series.name.printable.shortened(toColumns: max(columns - 3, 1))
            if end + 6 + text.columns > columns {
                rows.append([])
                end = -3
            }
            rows[rows.count - 1].append((end + 3, index, text))
            end += 6 + text.columns
        }
        return rows
    }
}

extension Figure.Series {
    /// The place of the colour; one beyond all is faint.
    fileprivate var ansi: Int { color.map { $0 % Figure.ansi.count } ?? Figure.ansi.count }
}

/// Rows of characters, each with a colour.
private struct Canvas {
    private struct Cell {
        /// Nil to the right of a wide one.
        var character: Character? = " "
        var color: Int?
    }

    private var cells: [[Cell]]

    init(columns: Int, rows: Int) {
        cells = Array(repeating: Array(repeating: Cell(), count: columns), count: rows)
    }

    /// Writes text, as far as there is room.
    mutating func put(_ text: String, _ row: Int, _ column: Int, _ color: Int? = nil) {
        var column = column
        for character in text {
            let next = column + character.columns
            guard column >= 0, next <= cells[row].count else { return }
            for place in column..<next { cells[row][place] = Cell(character: nil, color: color) }
            cells[row][column].character = character
            column = next
        }
    }

    var text: String {
        cells.map { row in
            var (line, color): (String, Int?) = ("", nil)
            for cell in row[..<((row.lastIndex { $0.character != " " } ?? -1) + 1)] {
                guard let character = cell.character else { continue }
                if cell.color != color && character != " " {
                    if color != nil { line += "\u{1B}[0m" }
                    color = cell.color
                    if let color { line += "\u{1B}[\(color < Figure.ansi.count ? Figure.ansi[color] : "2")m" }
                }
                line.append(character)
            }
            return line + (color == nil ? "" : "\u{1B}[0m") + "\n"
        }.joined()
    }
}

/// Dots of braille characters, two by four in each.
private struct Dots {
    private let columns: Int
    private let rows: Int
    private var masks: [UInt32]

    init(columns: Int, rows: Int) {
        (self.columns, self.rows) = (columns, rows)
        masks = Array(repeating: 0, count: columns * rows)
    }

    /// Sets the dots along a line through points, `on` of them and then `off` not.
    mutating func join(_ points: [(x: Double, y: Double)], on: Int, off: Int) {
        var count = 0
        func isOn() -> Bool { count % (on + off) < on }
        for (index, point) in points.enumerated() {
            let from = points[max(index - 1, 0)]
            let steps = Int(max(abs(point.x - from.x), abs(point.y - from.y)).rounded(.up))
            for step in 0...steps where step > 0 || index == 0 {
                let share = steps == 0 ? 1 : Double(step) / Double(steps)
                let (x, y) = (
                    Int(from.x + (point.x - from.x) * share + 0.5), Int(from.y + (point.y - from.y) * share + 0.5)
                )
                if isOn() { masks[y / 4 * columns + x / 2] |= Self.bits[y % 4][x % 2] }
                count += 1
            }
        }
    }

    /// The dots of a braille character, by row and column (Unicode, block U+2800).
    private static let bits: [[UInt32]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]

    func put(on canvas: inout Canvas, _ left: Int, _ color: Int?) {
        for (place, mask) in masks.enumerated() {
            guard mask != 0, let scalar = Unicode.Scalar(0x2800 + mask) else { continue }
            canvas.put(String(scalar), place / columns, left + place % columns, color)
        }
    }
}
