import Plots

/// What readers are told, whoever prints it: as text for a terminal, or as a page for a browser. Nothing in it is escaped yet.
package struct Report: Sendable {
    /// A chapter of a page.
    package struct Section: Sendable {
        let title: String
        /// Whether the parts may stand side by side where there is room.
        let hasColumns: Bool
        let parts: [Part]

        package init(_ title: String, hasColumns: Bool = false, _ parts: [Part]) {
            (self.title, self.hasColumns, self.parts) = (title, hasColumns, parts)
        }
    }

    /// What belongs together.
    package struct Part: Sendable {
        package let heading: String?
        package let blocks: [Block]

        package init(heading: String? = nil, _ blocks: [Block]) { (self.heading, self.blocks) = (heading, blocks) }
    }

    package enum Block: Sendable {
        case sentence(String)
        /// How to read what follows.
        case note(String)
        case table(ReportTable)
        case figure(Figure)
        case grid(OutcomeGrid)
        /// A formula, or several, on lines of their own.
        case formula(String)
    }

    let title: String
    let sections: [Section]

    /// - Parameter sections: those without parts are left out
    package init(_ title: String, _ sections: [Section]) {
        self.title = title
        self.sections = sections.filter { !$0.parts.isEmpty }
    }

    /// Each picture as a file of its own, named by its title.
    package var pictures: [(name: String, svg: String)] {
        sections.flatMap(\.parts).flatMap(\.blocks).compactMap { block in
            switch block {
            case .figure(let figure): (Self.fileName(figure.title), figure.svg(isFile: true))
            case .grid(let grid): (Self.fileName(grid.title), grid.svg(isFile: true))
            default: nil
            }
        }
    }

    private static func fileName(_ title: String) -> String {
        title.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }.joined(separator: "-") + ".svg"
    }
}
