import Escaping

// What all pictures are made of.

/// Okabe and Ito's colours, which colour-blind people tell apart (*Color Universal Design*, 2008), some darker so that thin
/// lines are seen on white, others lighter for a dark background.
private let style = String(decoding: PackageResources.figure_css.dropLast(), as: UTF8.self)

/// What a page has around the picture, for a file of its own.
private let fileStyle = "\n" + String(decoding: PackageResources.figure_file_css.dropLast(), as: UTF8.self)

/// A picture as an `<svg>` element.
///
/// - Parameters:
///   - description: what a reader who does not see it needs to know
///   - body: its elements
///   - isFile: whether it stands alone, with a margin and its own background
func svgElement(
    _ title: String, _ description: String, _ body: [String], width: Double, height: Double, isFile: Bool
) -> String {
    // A file has no page around it.
    let margin = isFile ? 12.0 : 0
    let size = ((width + 2 * margin).px, (height + 2 * margin).px)
    return """
        <svg class="plot" xmlns="http://www.w3.org/2000/svg" role="img" \
        viewBox="\((-margin).px) \((-margin).px) \(size.0) \(size.1)"\
        \(isFile ? " width=\"\(size.0)\" height=\"\(size.1)\"" : "")>
        <title>\(title.escaped)</title>
        <desc>\(description.escaped)</desc>
        <style>\(style)\(isFile ? fileStyle : "")</style>
        \(body.map { $0 + "\n" }.joined())</svg>

        """
}

enum TextAnchor: String { case start, middle, end }

/// A line of text.
func words(
    _ text: String, at place: (x: Double, y: Double), _ className: String = "", _ anchor: TextAnchor = .start
) -> String {
    let kind = className.isEmpty ? "" : " class=\"\(className)\""
    let side = anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\""
    return "<text\(kind)\(side) x=\"\(place.x.px)\" y=\"\(place.y.px)\">\(text.escaped)</text>"
}

extension Double {
    /// A length or place in pixels: one digit after the point.
    var px: String {
        let tenths = Int((self * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }
}
