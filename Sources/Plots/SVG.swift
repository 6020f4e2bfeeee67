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
        let longest = Double(names.map(\.columns).max() ?? 0) * Self.glyph + 34
        // Names stand where the curves end, unless they would take too much of the width.
        let isLabelled = longest < 0.36 * width && !series.contains { $0.isNamed && $0.style == .points }
        let legend = isLabelled ? [] : legend(width: width)

        var text = Lines()
        var top = 16.0
        text.add(words(fitted(title, width, glyph: 8.6), 0, top, "title"))
        for line in (note ?? "").broken(to: Int(width / Self.glyph)) {
            top += 18
            text.add(words(line, 0, top, "quiet"))
        }
        for row in legend {
            top += 20
            for (x, index) in row {
                text.add(swatch(series[index], x, top - 4))
                text.add(words(fitted(series[index].name, width - 26), x + 26, top))
            }
        }
        top += 24
        text.add(words(fitted(y.title, width), 0, top, "quiet"))
        // Numbers above the points have a line of their own.
        top += series.contains { $0.points.contains { $0.count != nil } } ? 30 : 14
        let needed = top + 60 + (isLabelled ? Double(names.count) * Self.line : 0)
        let height = max(height, needed)

        let (xScale, yScale) = (xScale, yScale)
        let bottom = height - 42
        let yTicks = yScale.ticks(atMost: max(Int((bottom - top) / 34), 2))
        let left = Double(yTicks.map(\.label.count).max() ?? 0) * 1.1 * Self.glyph + 8
        let right = width - (isLabelled && !names.isEmpty ? longest : 18)
        func px(_ value: Double) -> Double { left + xScale.place(value) * (right - left) }
        func py(_ value: Double) -> Double { bottom - yScale.place(value) * (bottom - top) }

        for (value, label) in yTicks {
            let y = py(value)
            text.add("<path class=\"grid\" d=\"M\(left.px) \(y.px)H\(right.px)\"/>")
            text.add(words(label, left - 8, y + 4, "quiet", .end))
        }
        let room = 24 + Self.glyph * Double(xScale.ticks(atMost: 10).map(\.label.count).max() ?? 0)
        for (value, label) in xScale.ticks(atMost: max(Int((right - left) / max(room, 40)), 2)) {
            text.add("<path class=\"axis\" d=\"M\(px(value).px) \(bottom.px)v5\"/>")
            text.add(words(label, px(value), bottom + 19, "quiet", .middle))
        }
        text.add("<path class=\"axis\" d=\"M\(left.px) \(bottom.px)H\(right.px)\"/>")
        text.add(words(fitted(x.title, width - left), (left + right) / 2, height - 5, "quiet", .middle))
        if isEmpty { text.add(words("no values", (left + right) / 2, (top + bottom) / 2, "quiet", .middle)) }
        for series in series where series.style != .points { text.add(band(series, right - left, px, py)) }
        // The first curve lies on top, what is only to compare with below all.
        for series in series.filter({ $0.color == nil }) + series.filter({ $0.color != nil }).reversed() {
            text.add(
                "<g class=\"\(series.className)\"><title>\(series.name.escaped)</title>\(drawn(series, right - left, px, py))</g>"
            )
        }
        if isLabelled { text.add(labels(right, top...bottom, px, py)) }
        // A file has no page around it.
        let margin = isFile ? 12.0 : 0
        return """
            <svg class="plot" xmlns="http://www.w3.org/2000/svg" role="img" \
            viewBox="\((-margin).px) \((-margin).px) \((width + 2 * margin).px) \((height + 2 * margin).px)"\
            \(isFile ? " width=\"\((width + 2 * margin).px)\" height=\"\((height + 2 * margin).px)\"" : "")>
            <title>\(title.escaped)</title>
            <desc>\(description.escaped)</desc>
            <style>\(Self.style)\(isFile ? Self.fileStyle : "")</style>
            \(text.text)</svg>

            """
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

    // MARK: Curves

    private func band(
        _ series: Series, _ width: Double, _ px: (Double) -> Double, _ py: (Double) -> Double
    ) -> String {
        series.with(series.thinned(to: Int(width))).segments.compactMap { segment in
            let points = segment.filter { $0.low != nil && $0.high != nil }
            guard points.count > 1 else { return nil }
            let edge =
                points.map { "\(px($0.x).px) \(py($0.high!).px)" }
                + points.reversed().map { "\(px($0.x).px) \(py($0.low!).px)" }
            return "<path class=\"band \(series.className)\" d=\"M\(edge.joined(separator: "L"))Z\"/>"
        }.joined(separator: "\n")
    }

    private func drawn(
        _ series: Series, _ width: Double, _ px: (Double) -> Double, _ py: (Double) -> Double
    ) -> String {
        let segments = series.with(series.thinned(to: Int(width))).segments
        var parts: [String] = []
        if series.style == .points {
            // From the right, where answers are most: a number that would touch the one before is left out.
            var free = Double.infinity
            for point in segments.joined().reversed() {
                let x = px(point.x)
                if let low = point.low, let high = point.high {
                    parts.append("<path class=\"bar\" d=\"M\(x.px) \(py(low).px)V\(py(high).px)\"/>")
                }
                let half = Double("\(point.count ?? 0)".count) * Self.glyph / 2
                guard let count = point.count, x + half + 4 < free else { continue }
                free = x - half
                parts.append(words("\(count)", x, py(.infinity) - 6, "count", .middle))
            }
        } else {
            for segment in segments where segment.count > 1 {
                let path = segment.map { "\(px($0.x).px) \(py($0.y!).px)" }.joined(separator: "L")
                parts.append("<path\(series.dashes) d=\"M\(path)\"/>")
            }
        }
        // Where there are few values, each is seen; where there are many, those that nothing joins.
        let isSparse = Double(series.points.count) < width / 16 && series.color != nil
        for point in segments.filter({ isSparse || $0.count == 1 }).joined() {
            parts.append(
                "<circle cx=\"\(px(point.x).px)\" cy=\"\(py(point.y!).px)\" r=\"\(series.style == .dashed ? "2" : "3")\"/>"
            )
        }
        return parts.joined()
    }

    /// The names of the curves at their ends, each with a line that leads to it, moved apart where they would overlap.
    private func labels(
        _ right: Double, _ area: ClosedRange<Double>, _ px: (Double) -> Double, _ py: (Double) -> Double
    ) -> String {
        var ends = series.filter(\.isNamed).compactMap { series in
            series.points.last { $0.y != nil }.map { (series, x: px($0.x), y: py($0.y!), place: py($0.y!)) }
        }.sorted { $0.y < $1.y }
        // Down from the top, then up from the bottom: there is room for all.
        for index in ends.indices {
            ends[index].place = max(ends[index].place, index == 0 ? area.lowerBound : ends[index - 1].place + Self.line)
        }
        for index in ends.indices.reversed() {
            ends[index].place = min(
                ends[index].place, index == ends.count - 1 ? area.upperBound : ends[index + 1].place - Self.line)
        }
        return ends.map { series, x, y, place in
            """
            <path class="leader \(series.className)" d="M\((x + 5).px) \(y.px)H\((right + 6).px)L\((right + 18).px) \(place.px)h6"/>\
            \(words(series.name, right + 28, place + 4))
            """
        }.joined(separator: "\n")
    }

    // MARK: Text

    /// About the width of a character, and the height of a line of names.
    private static let (glyph, line) = (7.0, 15.0)

    private enum Anchor: String { case start, middle, end }

    private func words(
        _ text: String, _ x: Double, _ y: Double, _ className: String? = nil, _ anchor: Anchor = .start
    ) -> String {
        let kind = className.map { " class=\"\($0)\"" } ?? ""
        let place = anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\""
        return "<text\(kind)\(place) x=\"\(x.px)\" y=\"\(y.px)\">\(text.escaped)</text>"
    }

    private func fitted(_ text: String, _ width: Double, glyph: Double = Figure.glyph) -> String {
        text.shortened(toColumns: max(Int(width / glyph), 1))
    }

    /// Rows of names: where each begins, and whose it is.
    private func legend(width: Double) -> [[(x: Double, series: Int)]] {
        var rows: [[(Double, Int)]] = []
        var end = width
        for index in series.indices where series[index].isNamed {
            let needed = Double(series[index].name.columns) * Self.glyph + 44
            if end + needed - 16 > width {
                rows.append([])
                end = 0
            }
            rows[rows.count - 1].append((end, index))
            end += needed
        }
        return rows
    }

    private func swatch(_ series: Series, _ x: Double, _ y: Double) -> String {
        let mark =
            series.style == .points
            ? "<circle cx=\"\((x + 10).px)\" cy=\"\(y.px)\" r=\"3\"/>"
            : "<path\(series.dashes) d=\"M\(x.px) \(y.px)h20\"/>"
        return "<g class=\"\(series.className)\">\(mark)</g>"
    }

    // MARK: Style

    /// Okabe and Ito's colours, which colour-blind people tell apart (*Color Universal Design*, 2008), some darker so that thin
    /// lines are seen on white, others lighter for a dark background.
    private static let style = """
        .plot{--ink:#1b1f24;--quiet:#5d6670;--line:#dfe3e8;--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#c4629a;--c4:#b98300;--c5:#33383e;\
        display:block;width:100%;height:auto;font:12px system-ui,sans-serif;font-variant-numeric:tabular-nums}
        @media (prefers-color-scheme:dark){.plot{--ink:#f0f3f6;--quiet:#a3adb8;--line:#30363d;--c0:#56b4e9;--c1:#f5894a;--c2:#2cc295;\
        --c3:#e09ac4;--c4:#f0e442;--c5:#e3e7eb}}
        @media print{.plot{--ink:#000;--quiet:#444;--line:#d5d5d5;--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#c4629a;--c4:#b98300;\
        --c5:#33383e}}
        .plot text{fill:var(--ink)}.plot .title{font-size:14px;font-weight:600}.plot .quiet{fill:var(--quiet)}
        .plot path{fill:none;stroke:var(--c,var(--quiet));stroke-width:1.8;stroke-linejoin:round}.plot circle{fill:var(--c,var(--quiet))}
        .plot .grid{stroke:var(--line);stroke-width:1}.plot .axis{stroke:var(--quiet);stroke-width:1}
        .plot .band{stroke:none;fill:var(--c,var(--quiet));opacity:.16}.plot .leader{stroke-width:1;opacity:.6}
        .plot .count{fill:var(--quiet);font-size:11px}
        .plot .bar{stroke-width:1.3}\
        \((0..<colors).map { ".plot .c\($0){--c:var(--c\($0))}" }.joined())
        """

    /// Of a file: what a page around it would have.
    private static let fileStyle = """

        svg.plot{background:#fff;width:auto;max-width:100%}
        @media (prefers-color-scheme:dark){svg.plot{background:#14171b}}
        @media print{svg.plot{background:#fff}}
        """

    /// How many curves can be told apart by their colours; further ones have dashes.
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

    fileprivate func with(_ points: [Figure.Point]) -> Self {
        Self(name, isNamed: isNamed, style, color: color, points)
    }
}

/// Elements, each on a line.
private struct Lines {
    private(set) var text = ""

    mutating func add(_ element: String) { if !element.isEmpty { text += element + "\n" } }
}

extension Double {
    /// A length or place in pixels: one digit after the point.
    fileprivate var px: String {
        let tenths = Int((self * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }

    /// Four digits that count.
    fileprivate var short: String { String(format: "%.4g", self) }
}
