import Foundation
import GRDB

/// The result of a query.
package struct Table: Sendable, Equatable {
    /// One value.
    package enum Cell: Sendable, Hashable {
        case null
        case integer(Int64)
        case real(Double)
        case text(String)
        case blob(Data)

        init(_ value: DatabaseValue) {
            self =
                switch value.storage {
                case .null: .null
                case .int64(let value): .integer(value)
                case .double(let value): .real(value)
                case .string(let value): .text(value)
                case .blob(let value): .blob(value)
                }
        }

        /// About the memory that it takes, in bytes.
        var size: Int {
            switch self {
            case .null, .integer, .real: 32
            case .text(let value): 32 + value.utf8.count
            case .blob(let value): 32 + value.count
            }
        }

        /// The value as SQLite's shell prints it.
        package var text: String {
            switch self {
            case .null: ""
            case .integer(let value): "\(value)"
            case .real(let value): "\(value)"
            case .text(let value): value
            case .blob(let value): value.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            }
        }
    }

    /// The columns' names, in the order of the statement.
    package let columns: [String]
    /// A value for each column.
    package let rows: [[Cell]]

    init(columns: [String], rows: [Row]) {
        self.init(columns: columns, rows: rows.map { $0.databaseValues.map(Cell.init) })
    }

    init(columns: [String], rows: [[Cell]]) { (self.columns, self.rows) = (columns, rows) }

    /// A row as an object, whose keys are the columns' names.
    package struct Object: Encodable, Sendable {
        fileprivate struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }

            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        fileprivate let keys: [Key]
        package let cells: [Cell]

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            for (key, cell) in zip(keys, cells) { try container.encode(cell, forKey: key) }
        }
    }

    /// An object for each row; no two columns have the same name.
    package var objects: [Object] {
        let keys = columns.map(Object.Key.init)
        return rows.map { Object(keys: keys, cells: $0) }
    }
}

extension Table.Cell: Encodable {
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
