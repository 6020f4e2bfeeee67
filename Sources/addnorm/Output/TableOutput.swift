import Escaping
import RunStore

extension TextTable {
    /// The result of a query.
    init(_ table: Table) {
        self.init(
            header: table.columns.map(\.printable), rows: table.rows.map { $0.map(\.text.printable) },
            numeric: table.numericColumns)
    }
}

extension Table {
    /// The columns that have numbers, and nothing else.
    var numericColumns: Set<Int> {
        Set(
            columns.indices.filter { column in
                rows.contains { $0[column].isNumber }
                    && rows.allSatisfy { $0[column].isNumber || $0[column] == .null }
            })
    }
}

extension Table.Cell {
    fileprivate var isNumber: Bool {
        switch self {
        case .integer, .real: true
        default: false
        }
    }
}
