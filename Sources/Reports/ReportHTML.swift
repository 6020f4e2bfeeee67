import Escaping
import Foundation
import Plots

extension Report {
    /// A page for a browser, in one file.
    package var html: String {
        let body = "<header>\n<h1>\(title.escaped)</h1>\n</header>\n" + sections.map(\.html).joined()
        return Page(title: title, style: Self.style, body: body).html
    }

    private static let style = String(decoding: PackageResources.report_css.dropLast(), as: UTF8.self)
}

extension Report.Section {
    fileprivate var html: String {
        let parts = parts.map(\.html).joined()
        return """
            <section>
            <h2>\(title.escaped)</h2>
            \(hasColumns ? "<div class=\"columns\">\n\(parts)</div>\n" : parts)</section>

            """
    }
}

extension Report.Part {
    fileprivate var html: String {
        let isFull = blocks.contains { block in
            if case .table(let table) = block { table.kinds.contains(.prose) } else { false }
        }
        let heading = heading.map { "<h3>\($0.escaped)</h3>\n" } ?? ""
        return "<div class=\"part\(isFull ? " full" : "")\">\n\(heading)\(blocks.map(\.html).joined())</div>\n"
    }
}

extension Report.Block {
    fileprivate var html: String {
        switch self {
        case .sentence(let text): "<p>\(text.escaped)</p>\n"
        case .note(let text): "<p class=\"quiet\">\(text.escaped)</p>\n"
        case .table(let table): table.html
        case .figure(let figure): figure.html(width: 540, height: 320)
        case .grid(let grid): grid.html(width: 540)
        case .formula(let text):
            "<p class=\"formula\">\(text.split(separator: "\n").map { String($0).escaped }.joined(separator: "<br>\n"))</p>\n"
        }
    }
}

extension ReportTable {
    /// Longer cells may be broken into lines.
    private static let shortest = 24

    fileprivate var html: String {
        switch style {
        case .plain:
            table(
                kinds.contains(.prose) ? "texts" : "",
                head: header.enumerated().map { cell("th", $1, column: $0) }.joined(),
                rows: rows.map { $0.enumerated().map { cell("td", $1.html, column: $0) }.joined() })
        case .list: list
        case .matrix: matrix
        }
    }

    private func table(_ name: String, head: String, rows: [String]) -> String {
        """
        <div class="scroll"><table class="\(name)">
        <thead><tr>\(head)</tr></thead>
        <tbody>
        \(rows.map { "<tr>\($0)</tr>\n" }.joined())</tbody>
        </table></div>

        """
    }

    private func cell(_ tag: String, _ text: String, column: Int) -> String {
        let kind =
            switch kinds[column] {
            case .text: text.count > Self.shortest ? "long" : "short"
            case .number: "number"
            case .prose: "long prose"
            }
        return "<\(tag) class=\"\(kind)\" dir=\"auto\">\(text.escaped)</\(tag)>"
    }

    /// Short values stand in several columns.
    private var list: String {
        let isDense = rows.allSatisfy { $0[1].html.count <= Self.shortest }
        let entries = rows.map { row in
            "<div><dt>\(row[0].html.escaped)</dt><dd dir=\"auto\">\(row[1].html.escaped)</dd></div>\n"
        }
        return "<dl\(isDense ? " class=\"dense\"" : "")>\n\(entries.joined())</dl>\n"
    }

    private var matrix: String {
        func name(_ text: String, _ scope: String) -> String {
            "<th scope=\"\(scope)\"><span dir=\"auto\" title=\"\(text.escaped)\">\(text.escaped)</span></th>"
        }
        let isUpright = header.count > 5 || header.contains { $0.count > 12 }
        return table(
            isUpright ? "matrix upright" : "matrix",
            head: "<td></td>" + header.dropFirst().map { name($0, "col") }.joined(),
            rows: rows.enumerated().map { place, row in
                name(row[0].html, "row")
                    + row.enumerated().dropFirst().map { column, cell in
                        let kind = cell.share == 0 ? "zero" : column == place + 1 ? "right" : "wrong"
                        // The root, so that a tenth is seen.
                        let share = String(format: "%.2f", cell.share.squareRoot())
                        return "<td class=\"\(kind)\" style=\"--share:\(share)\">\(cell.html)</td>"
                    }.joined()
            })
    }
}

extension ReportTable.Cell {
    /// Not escaped yet.
    fileprivate var html: String {
        switch self {
        case .text(let text): text
        case .count(let count), .share(let count, of: _): count.grouped
        case .figure(let value): value.figure.replacing("-", with: "−")
        case .seconds(let seconds): seconds.duration
        case .time(let time): time.minute
        case .missing: "–"
        }
    }

    fileprivate var share: Double {
        if case .share(let count, let sum) = self, sum > 0 { Double(count) / Double(sum) } else { 0 }
    }
}
