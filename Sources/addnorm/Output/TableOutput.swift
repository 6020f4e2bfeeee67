import ArgumentParser
import RunStore

extension Table {
    /// A row as an object, whose keys are the columns' names.
    struct Object: Encodable {
        struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }

            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        let keys: [Key]
        let cells: [Cell]

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            for (key, cell) in zip(keys, cells) { try container.encode(cell, forKey: key) }
        }
    }

    /// An object for each row; no two columns have the same name.
    var objects: [Object] {
        let keys = columns.map(Object.Key.init)
        return rows.map { Object(keys: keys, cells: $0) }
    }
}

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

extension Table.Cell: Encodable {
    var isNumber: Bool {
        switch self {
        case .integer, .real: true
        default: false
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .integer(let value): try container.encode(value)
        // JSON has no infinity.
        case .real(let value): if value.isFinite { try container.encode(value) } else { try container.encodeNil() }
        case .text(let value): try container.encode(value)
        case .blob: try container.encode(text)
        }
    }
}
