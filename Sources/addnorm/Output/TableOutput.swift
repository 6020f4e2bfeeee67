import Reports
import RunStore

extension ReportTable {
    /// The result of a query.
    ///
    /// - Parameters:
    ///   - titles: headings of columns that are not called by their names
    ///   - optional: the columns that are left out where they have nothing
    ///   - isFigure: whether a column has figures, which are shown with four digits; others are as SQLite's shell prints them
    init(
        _ table: Table, titles: [String: String] = [:], optional: Set<String> = [],
        isFigure: (String) -> Bool = { _ in false }
    ) {
        let columns = table.columns.enumerated().map { place, name in
            let isFigure = isFigure(name)
            let fact = Fact<[Table.Cell]>.cell(titles[name] ?? name, table.isNumeric(place) ? .number : .text) { row in
                switch row[place] {
                case .null: .missing
                case .real(let value) where isFigure: .figure(value)
                case let cell: .text(cell.text)
                }
            }
            return optional.contains(name) ? fact.ifAny : fact
        }
        self.init(table.rows, columns)
    }
}

extension Table {
    /// Whether a column has numbers, and nothing else.
    fileprivate func isNumeric(_ column: Int) -> Bool {
        let cells = rows.lazy.map { $0[column] }.filter { $0 != .null }
        return !cells.isEmpty
            && cells.allSatisfy { cell in
                switch cell {
                case .integer, .real: true
                default: false
                }
            }
    }
}
