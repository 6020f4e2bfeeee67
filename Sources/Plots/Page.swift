import Escaping

/// A page for a browser in one file, without scripts, fonts or images: it can be mailed, printed and kept. It is light or dark as
/// the reader prefers, and black on white on paper.
package struct Page {
    private let title: String
    private let style: String
    private let body: String

    /// - Parameters:
    ///   - title: not escaped yet
    ///   - style: CSS besides that of every page, which has the colours `--ink`, `--quiet`, `--paper` and `--line`
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
        :root { --ink: #1b1f24; --quiet: #5d6670; --paper: #fff; --line: #d8dde3 }
        @media (prefers-color-scheme: dark) { :root { --ink: #f0f3f6; --quiet: #a3adb8; --paper: #14171b; --line: #363c44 } }
        body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--paper);
               font: 1rem/1.7 system-ui, sans-serif }
        h1 { font-size: 1.3rem; line-height: 1.3; margin: 0 }
        h2 { font-size: 1rem; margin: 0 0 .4rem }
        h1, h2, p { overflow-wrap: anywhere }
        .narrow { display: none }
        @media (max-width: 36rem) { .wide { display: none } .narrow { display: block } }
        @media print {
          :root { --ink: #000; --quiet: #444; --paper: #fff; --line: #bbb }
          body { max-width: none; margin: 0 }
          .wide { display: none }
          .narrow { display: block }
        }
        \(style)
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
}
