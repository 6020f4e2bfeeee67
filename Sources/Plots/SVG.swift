import Escaping
import Foundation

extension Figure {
    /// The picture as an `<svg>` element, which is a file of its own or a part of a page. It has no ids, and all have the same style, so
    /// that several can stand in one page. Its colours are for a light or a dark background, as the reader prefers, and for paper.
    ///
    /// - Parameters:
    ///   - width: in pixels, as the height; text has 12 pixels
    ///   - isFile: whether it stands alone and paints its background
    package func svg(width: Double = 640, height: Double = 340, isFile: Bool = false) -> String {
        let names = series.filter(\.isNamed).map(\.name)
        let longest = Double(names.map(\.columns).max() ?? 0) * 1.1 * Self.glyph + 34
        // Names stand where the curves end, unless they would take too much of the width.
        let isLabelled =
            longest < 0.36 * width && !series.contains { $0.isNamed && $0.style == .points } && curvesEndTogether
        let (head, top) = head(width: width, hasLegend: !isLabelled)
        // However long the legend is, something is left for the curves.
        let height = max(height, top + (isLabelled ? 60 + Double(names.count) * Self.line : 192))
        let bottom = height - 42
        let (x, y) = (xScale, yScale)
        let yTicks = y.ticks(atMost: max(Int((bottom - top) / 34), 2))
        let area = Area(
            x: x, y: y, left: Double(yTicks.map(\.label.count).max() ?? 0) * 1.1 * Self.glyph + 8,
            right: width - (isLabelled && !names.isEmpty ? longest : 28), top: top, bottom: bottom)
        let body =
            head + axes(of: area, yTicks) + series.filter { $0.style != .points }.flatMap { bands(of: $0, in: area) }
            + layers.map { place in
                let series = series[place]
                let title = "<title>\(series.name.escaped)</title>"
                return "<g class=\"\(series.className)\">\(title)\(drawn(series, in: area))</g>"
            } + (isLabelled ? labels(in: area) : [])
        return svgElement(title, description, body, width: width, height: height, isFile: isFile)
    }

    /// Whether no name's line would have to cross the picture, as from a run of 2 epochs beside one of 40.
    private var curvesEndTogether: Bool {
        series.filter(\.isNamed).allSatisfy { series in
            (series.points.last { $0.y != nil }?.x).map { xScale.place($0) > 0.85 } ?? true
        }
    }

    /// What a reader who does not see the picture needs to know of it.
    private var description: String {
        let curves = series.filter { $0.color != nil }.map { series in
            let points = series.points.filter { $0.y != nil }
            guard let first = points.first, let last = points.last, let least = points.lazy.compactMap(\.y).min(),
                let greatest = points.lazy.compactMap(\.y).max()
            else { return "\(series.name): no values" }
            return
                "\(series.name): \(points.count) values, from \(first.y!.short) at \(first.x.short) to \(last.y!.short) at"
                + " \(last.x.short), least \(least.short), greatest \(greatest.short)"
        }
        return "\(y.title) by \(x.title). " + curves.joined(separator: "; ")
    }

    // MARK: Parts

    /// Title, note, legend and the name of the y axis.
    ///
    /// - Returns: also where the curves may begin
    private func head(width: Double, hasLegend: Bool) -> (elements: [String], top: Double) {
        var top = 16.0
        var elements = [words(fitted(title, width, glyph: 8.6), at: (0, top), "title")]
        for line in (note ?? "").broken(to: Int(width / Self.glyph)) {
            top += 18
            elements.append(words(line, at: (0, top), "quiet"))
        }
        let legend = legend(width: width, gap: 16) { Double($0.name.columns) * Self.glyph + 28 }
        for row in hasLegend ? legend : [] {
            top += 20
            for (x, index) in row {
                elements.append(swatch(series[index], at: (x, top - 4)))
                elements.append(words(fitted(series[index].name, width - 26), at: (x + 26, top)))
            }
        }
        top += 24
        elements.append(words(fitted(y.title, width), at: (0, top), "quiet"))
        // Numbers above the points have a line of their own.
        return (elements, top + (series.contains { $0.points.contains { $0.count != nil } } ? 30 : 14))
    }

    private func axes(of area: Area, _ yTicks: [(value: Double, label: String)]) -> [String] {
        let (left, right, bottom) = (area.left, area.right, area.bottom)
        let middle = (left + right) / 2
        var elements = yTicks.flatMap { value, label in
            let y = area.place(y: value)
            return [
                "<path class=\"grid\" d=\"M\(left.px) \(y.px)H\(right.px)\"/>",
                words(label, at: (left - 8, y + 4), "quiet", .end),
            ]
        }
        let room = 24 + Self.glyph * Double(area.x.ticks(atMost: 10).map(\.label.count).max() ?? 0)
        for (value, label) in area.x.ticks(atMost: max(Int((right - left) / max(room, 40)), 2)) {
            let x = area.place(x: value)
            elements.append("<path class=\"axis\" d=\"M\(x.px) \(bottom.px)v5\"/>")
            elements.append(words(label, at: (x, bottom + 19), "quiet", .middle))
        }
        elements.append("<path class=\"axis\" d=\"M\(left.px) \(bottom.px)H\(right.px)\"/>")
        elements.append(words(fitted(x.title, area.width), at: (middle, bottom + 37), "quiet", .middle))
        if isEmpty { elements.append(words("no values", at: (middle, (area.top + bottom) / 2), "quiet", .middle)) }
        return elements
    }

    private func bands(of series: Series, in area: Area) -> [String] {
        series.segments(atMost: Int(area.width), on: x).compactMap { segment in
            let points = segment.filter { $0.low != nil && $0.high != nil }
            guard points.count > 1 else { return nil }
            let edge =
                points.map { area.place($0.x, $0.high ?? 0) } + points.reversed().map { area.place($0.x, $0.low ?? 0) }
            return "<path class=\"band \(series.className)\" d=\"M\(edge.joined(separator: "L"))Z\"/>"
        }
    }

    private func drawn(_ series: Series, in area: Area) -> String {
        if series.style == .scatter {
            return series.points.compactMap { point in
                point.y.map {
                    "<circle cx=\"\(area.place(x: point.x).px)\" cy=\"\(area.place(y: $0).px)\" r=\"2\" opacity=\".5\"/>"
                }
            }.joined()
        }
        let segments = series.segments(atMost: Int(area.width), on: x)
        var parts: [String] = []
        if series.style == .points {
            // From the right, where answers are most: a number that would touch the one before is left out.
            var free = Double.infinity
            for point in segments.joined().reversed() {
                let x = area.place(x: point.x)
                if let low = point.low, let high = point.high {
                    let ends = (area.place(y: low).px, area.place(y: high).px)
                    parts.append("<path class=\"bar\" d=\"M\(x.px) \(ends.0)V\(ends.1)\"/>")
                }
                let half = Double("\(point.count ?? 0)".count) * Self.glyph / 2
                guard let count = point.count, x + half + 4 < free else { continue }
                free = x - half
                parts.append(words("\(count)", at: (x, area.top - 6), "count", .middle))
            }
        } else {
            for segment in segments where segment.count > 1 {
                let path = segment.map { area.place($0.x, $0.y ?? 0) }.joined(separator: "L")
                parts.append("<path\(series.dashes) d=\"M\(path)\"/>")
            }
        }
        // Where there are few values, each is seen; where there are many, those that nothing joins.
        let isSparse = Double(series.points.count) < area.width / 16 && series.color != nil
        let radius = series.style == .dashed ? 2 : 3
        for point in segments.filter({ isSparse || $0.count == 1 }).joined() {
            let (x, y) = (area.place(x: point.x).px, area.place(y: point.y ?? 0).px)
            parts.append("<circle cx=\"\(x)\" cy=\"\(y)\" r=\"\(radius)\"/>")
        }
        return parts.joined()
    }

    /// The names of the curves at their ends, each with a line that leads to it, moved apart where they would overlap.
    private func labels(in area: Area) -> [String] {
        let ends = series.filter(\.isNamed).compactMap { series in
            series.points.last { $0.y != nil }
                .map { (series: series, x: area.place(x: $0.x), y: area.place(y: $0.y ?? 0)) }
        }.sorted { $0.y < $1.y }
        // Down from the top, then up from the bottom: there is room for all.
        var places: [Double] = []
        for end in ends { places.append(max(end.y, places.last.map { $0 + Self.line } ?? area.top)) }
        var limit = area.bottom
        for index in places.indices.reversed() {
            places[index] = min(places[index], limit)
            limit = places[index] - Self.line
        }
        return zip(ends, places).map { end, place in
            let (start, right) = ("\((end.x + 5).px) \(end.y.px)", area.right)
            return """
                <path class="leader \(end.series.className)" d="M\(start)H\((right + 6).px)L\((right + 18).px) \(place.px)h6"/>\
                \(words(end.series.name, at: (right + 28, place + 4)))
                """
        }
    }

    /// About the width of a character, and the height of a line of names.
    private static let (glyph, line) = (7.0, 15.0)

    private func fitted(_ text: String, _ width: Double, glyph: Double = Figure.glyph) -> String {
        text.shortened(toColumns: max(Int(width / glyph), 1))
    }

    private func swatch(_ series: Series, at place: (x: Double, y: Double)) -> String {
        let mark =
            series.style == .points
            ? "<circle cx=\"\((place.x + 10).px)\" cy=\"\(place.y.px)\" r=\"3\"/>"
            : "<path\(series.dashes) d=\"M\(place.x.px) \(place.y.px)h20\"/>"
        return "<g class=\"\(series.className)\">\(mark)</g>"
    }

    /// How many colours `figure.css` has; further curves have dashes.
    package static let colors = 6
}

extension Figure.Series {
    fileprivate var className: String { color.map { "c\($0 % Figure.colors)" } ?? "reference" }

    /// Further patterns where the colours come again.
    fileprivate var dashes: String {
        let round = (color ?? 0) / Figure.colors
        let pattern =
            style == .dashed ? "5 4" : ["", "14 3", "9 3 2 3"][min(round, 2)]
        return pattern.isEmpty ? "" : " stroke-dasharray=\"\(pattern)\""
    }

    /// The parts that are drawn, without gaps, in so many columns.
    fileprivate func segments(atMost columns: Int, on x: Axis) -> [[Figure.Point]] {
        thinned(to: columns, on: x).split { $0.y == nil }.map(Array.init)
    }
}

/// Where in a picture values lie, in pixels.
private struct Area {
    let x, y: Scale
    let left, right, top, bottom: Double

    var width: Double { right - left }

    func place(x value: Double) -> Double { left + x.place(value) * width }
    func place(y value: Double) -> Double { bottom - y.place(value) * (bottom - top) }
    func place(_ x: Double, _ y: Double) -> String { "\(place(x: x).px) \(place(y: y).px)" }
}

extension Double {
    /// Four digits that count.
    fileprivate var short: String { String(format: "%.4g", self) }
}
