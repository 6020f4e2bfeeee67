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
}
