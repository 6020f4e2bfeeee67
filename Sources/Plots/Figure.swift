/// Curves, bands and points over two axes, to be drawn as SVG or with the characters of a terminal.
package struct Figure: Sendable {
    /// What a direction of the picture measures.
    package struct Axis: Sendable {
        /// The quantity and its unit: `loss (nats)`.
        package let title: String
        /// No value lies beyond, and so the axis does not go there.
        package let limits: ClosedRange<Double>
        /// Whether only whole numbers make sense.
        package let isInteger: Bool

        package init(
            _ title: String, limits: ClosedRange<Double> = -Double.infinity...Double.infinity, isInteger: Bool = false
        ) {
            (self.title, self.limits, self.isInteger) = (title, limits, isInteger)
        }
    }

    /// A value, and how sure it is.
    package struct Point: Sendable, Equatable {
        package let x: Double
        /// Nil, or not finite, where there is no value: a gap.
        package let y: Double?
        /// The ends of an interval around it.
        package let low: Double?
        package let high: Double?
        /// On how many values it rests; stands above it.
        package let count: Int?

        package init(_ x: Double, _ y: Double?, low: Double? = nil, high: Double? = nil, count: Int? = nil) {
            func drawable(_ value: Double?) -> Double? { value.flatMap { abs($0) < 1e300 ? $0 : nil } }
            self.x = drawable(x) ?? 0
            // Sums of what is larger would not be finite.
            self.y = drawable(x) == nil ? nil : drawable(y)
            (self.low, self.high, self.count) = (drawable(low), drawable(high), count)
        }
    }

    /// What belongs to one name.
    package struct Series: Sendable {
        package enum Style: Sendable {
            case solid, dashed
            /// Points that are not joined, with a bar for each interval.
            case points
        }

        package let name: String
        /// Whether the picture says the name: a second curve of the same colour may not need it.
        package let isNamed: Bool
        package let style: Style
        /// The place in the palette; nil for something to compare with, which stays in the background.
        package let color: Int?
        /// In the order of x.
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
        (self.title, self.note, self.x, self.y, self.series) = (title, note, x, y, series)
    }

    /// Whether there is a value to be drawn.
    package var isEmpty: Bool { !series.contains { $0.points.contains { $0.y != nil } } }

    /// From the least to the greatest value, and a little more.
    var xScale: Scale {
        Scale(series.flatMap { $0.points.filter { $0.y != nil }.map(\.x) }, x)
    }

    /// The same of y. Intervals count, but one much wider than all the values is cut off at the edge, or the values would be a
    /// flat line.
    var yScale: Scale {
        let points = series.lazy.flatMap(\.points).filter { $0.y != nil }
        let values = points.compactMap(\.y)
        let scale = Scale(values, y)
        let reach = (scale.range.lowerBound - scale.width)...(scale.range.upperBound + scale.width)
        return Scale(
            values + points.flatMap { [$0.low, $0.high].compactMap { $0.map { $0.clamped(to: reach) } } }, y)
    }
}

extension Figure.Series {
    /// The points in runs without a gap.
    var segments: [[Figure.Point]] { points.split { $0.y == nil }.map(Array.init) }

    /// As many points as a picture of so many columns can show: of each column the first, the least, the greatest and the
    /// last, so that no spike is lost, and one gap if there are some (Jugel et al., *M4: A Visualization-Oriented Time Series
    /// Data Aggregation*, 2014).
    package func thinned(to columns: Int) -> [Figure.Point] {
        guard points.count > 4 * columns, let first = points.first?.x, let last = points.last?.x, last > first else {
            return points
        }
        func column(_ point: Figure.Point) -> Int {
            min(Int((point.x - first) / (last - first) * Double(columns)), columns - 1)
        }
        var result: [Figure.Point] = []
        var start = 0
        while start < points.count {
            var end = start
            var (least, greatest, gap): (Int?, Int?, Int?) = (nil, nil, nil)
            while end < points.count, column(points[end]) == column(points[start]) {
                if let y = points[end].y {
                    if y < points[least ?? end].y! || least == nil { least = end }
                    if y > points[greatest ?? end].y! || greatest == nil { greatest = end }
                } else {
                    gap = end
                }
                end += 1
            }
            result += Set([start, least, greatest, gap, end - 1].compactMap { $0 }).sorted().map { points[$0] }
            start = end
        }
        return result
    }
}

extension Double {
    func clamped(to range: ClosedRange<Double>) -> Double {
        Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}
