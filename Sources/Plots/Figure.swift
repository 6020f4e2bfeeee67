/// Curves, bands and points over two axes, to be drawn as SVG or with the characters of a terminal.
package struct Figure: Sendable {
    /// A value, and how sure it is.
    package struct Point: Sendable, Equatable {
        package let x: Double
        /// Nil where there is no value: a gap in the curve.
        package let y: Double?
        /// The ends of an interval around it.
        package let low: Double?
        package let high: Double?
        /// The number of things that the value was measured on, which is written above the point.
        package let count: Int?

        package init(_ x: Double, _ y: Double?, low: Double? = nil, high: Double? = nil, count: Int? = nil) {
            func drawable(_ value: Double?) -> Double? { value.flatMap { abs($0) < 1e300 ? $0 : nil } }
            self.x = drawable(x) ?? 0
            // Sums of what is larger would not be finite.
            self.y = drawable(x) == nil ? nil : drawable(y)
            (self.low, self.high, self.count) = (drawable(low), drawable(high), count)
        }
    }

    /// One curve, or points that belong together.
    package struct Series: Sendable {
        package enum Style: Sendable {
            case solid, dashed
            /// Points that are not joined, with a bar for each interval.
            case points
            /// Points that are not joined, each of which is drawn, however many there are.
            case scatter
        }

        package let name: String
        /// Whether the picture shows the name: a second curve of the same colour may not need it.
        package let isNamed: Bool
        package let style: Style
        /// The place in the palette; nil for something to compare with, which stays in the background.
        package let color: Int?
        /// In ascending order of x.
        package let points: [Point]

        package init(
            _ name: String, isNamed: Bool = true, _ style: Style = .solid, color: Int?, _ points: [Point]
        ) {
            (self.name, self.isNamed, self.style, self.color, self.points) = (name, isNamed, style, color, points)
        }
    }

    package let title: String
    /// How to read it.
    package let note: String?
    package let x: Axis
    package let y: Axis
    package let series: [Series]

    package init(_ title: String, note: String? = nil, x: Axis, y: Axis, _ series: [Series]) {
        (self.title, self.note, self.x, self.y) = (title, note, x, y)
        self.series = series.map { series in
            series.with(
                points: series.points.filter { x.has($0.x) }.map { point in
                    point.y.map(y.has) ?? true ? point : Point(point.x, nil)
                })
        }
    }

    /// Whether there is a value to be drawn.
    package var isEmpty: Bool { !series.contains { $0.points.contains { $0.y != nil } } }

    /// The x axis: from the least to the greatest value, and a little more.
    var xScale: Scale {
        Scale(series.flatMap { $0.points.filter { $0.y != nil }.map(\.x) }, x)
    }

    /// The y axis. Intervals count, but one much wider than all the values is cut off at the edge, or the values would be a flat
    /// line.
    var yScale: Scale {
        let points = series.lazy.flatMap(\.points).filter { $0.y != nil }
        let values = points.compactMap(\.y)
        let reach = Scale(values, y).reach
        let ends = points.flatMap { [$0.low, $0.high].compactMap { $0 } }
        return Scale(values + ends.filter(y.has).map { $0.clamped(to: reach) }, y)
    }
}

extension Figure.Series {
    fileprivate func with(points: [Figure.Point]) -> Figure.Series {
        Figure.Series(name, isNamed: isNamed, style, color: color, points)
    }

    /// As many points as a picture of so many columns can show: of each column the first, the least, the greatest and the
    /// last, so that no spike is lost, and one gap if there are some (Jugel et al., *M4: A Visualization-Oriented Time Series
    /// Data Aggregation*, 2014).
    ///
    /// - Parameter x: the axis that the columns divide
    package func thinned(to columns: Int, on x: Axis) -> [Figure.Point] {
        guard points.count > 4 * columns, let first = points.first.map({ x.position(of: $0.x) }),
            let last = points.last.map({ x.position(of: $0.x) }), last > first
        else { return points }
        func column(_ place: Int) -> Int {
            min(Int((x.position(of: points[place].x) - first) / (last - first) * Double(columns)), columns - 1)
        }
        func y(_ place: Int) -> Double { points[place].y ?? 0 }
        return Dictionary(grouping: points.indices, by: column).sorted { $0.key < $1.key }.flatMap { _, places in
            let values = places.filter { points[$0].y != nil }
            let extremes = [values.min { y($0) < y($1) }, values.max { y($0) < y($1) }]
            let gap = places.last { points[$0].y == nil }
            return Set(([places.first, places.last, gap] + extremes).compactMap { $0 }).sorted().map { points[$0] }
        }
    }
}

extension Figure {
    /// What is drawn one over the other: the first curve on top, what is only to compare with below all.
    var layers: [Int] {
        let isReference = { series[$0].color == nil }
        return series.indices.filter(isReference) + series.indices.filter { !isReference($0) }.reversed()
    }

    /// The named series in the rows of a legend: where each begins, and its place.
    ///
    /// - Parameter width: what each one takes, besides `gap` between two
    func legend(
        width: Double, gap: Double, of entry: (Series) -> Double
    ) -> [[(x: Double, series: Int)]] {
        var rows: [[(Double, Int)]] = []
        var start = 0.0
        for index in series.indices where series[index].isNamed {
            let needed = entry(series[index])
            if rows.isEmpty || start + needed > width {
                rows.append([])
                start = 0
            }
            rows[rows.count - 1].append((start, index))
            start += needed + gap
        }
        return rows
    }
}
