import Escaping

/// A page for a browser in one file, without scripts, fonts or images: it can be mailed, printed and kept. It is light or dark as
/// the reader prefers, and black on white on paper.
package struct Page {
    private let title: String
    private let style: String
    private let body: String

    /// - Parameters:
    ///   - title: not escaped yet
    ///   - style: CSS besides what every page has, which defines the colours `--ink`, `--quiet`, `--paper` and `--line`
    ///   - body: HTML
    package init(title: String, style: String, body: String) {
        (self.title, self.style, self.body) = (title, style, body)
    }

    /// The whole document.
    package var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(title.escaped)</title>
        <style>
        \(String(decoding: PackageResources.page_css, as: UTF8.self))\(style)
        </style>
        </head>
        <body>
        \(body)</body>
        </html>

        """
    }
}

extension Figure {
    /// The picture in a ``Page``: twice, for a wide page and for a narrow one, so that text stays readable; one of them is shown.
    package func html(width: Double, height: Double) -> String {
        "<figure>\n<div class=\"wide\">\(svg(width: width, height: height))</div>\n"
            + "<div class=\"narrow\">\(svg(width: 350, height: 300))</div>\n</figure>\n"
    }

    /// A page with nothing but the picture.
    package var page: String {
        Page(title: title, style: "figure { margin: 0 }", body: html(width: 720, height: 420)).html
    }
}
