/// Rows of cells under headings.
package struct ReportTable: Sendable {
    /// What a cell says; every renderer has its own form of numbers and times.
    package enum Cell: Sendable, Hashable {
        case text(String)
        /// A number of things.
        case count(Int)
        /// A part of a number of things.
        case share(Int, of: Int)
        /// A figure with four digits after the point.
        case figure(Double)
        /// A duration.
        case seconds(Double)
        /// A time as the database has it.
        case time(String)
        /// Nothing to say.
        case missing

        fileprivate var isEmpty: Bool { self == .missing || self == .text("") }
    }

    /// What a column has, and so how its cells are aligned.
    package enum Kind: Sendable {
        case text, number
        /// Sentences, which need room.
        case prose
    }

    /// What a table is for.
    package enum Style: Sendable {
        case plain
        /// Names and their values, without need of headings.
        case list
        /// Shares of a row's whole, shaded by their size, after a column with the names of the rows. The diagonal is what is wanted.
        case matrix
    }

    package let header: [String]
    /// One for each column.
    package let kinds: [Kind]
    package let rows: [[Cell]]
    package let style: Style

    /// - Parameters:
    ///   - kinds: one for each heading
    ///   - rows: with a cell for each heading
    package init(_ header: [String], _ kinds: [Kind], _ rows: [[Cell]], style: Style = .plain) {
        (self.header, self.kinds, self.rows, self.style) = (header, kinds, rows, style)
    }

    /// A row for each value.
    package init<Value>(_ values: some Sequence<Value>, _ facts: [Fact<Value>], style: Style = .plain) {
        let columns = facts.map { fact in (fact: fact, cells: values.map(fact.cell)) }
            .filter { !$0.fact.isOptional || !$0.cells.allSatisfy(\.isEmpty) }
        self.init(
            columns.map(\.fact.name), columns.map(\.fact.kind),
            values.enumerated().map { row, _ in columns.map { $0.cells[row] } }, style: style)
    }

    /// A row for each fact that is known of one of the values, which stand side by side.
    ///
    /// - Parameter names: those of the values
    package init<Value>(
        _ facts: [Fact<Value>], of values: [Value], named names: [String], title: String = "", _ kind: Kind = .text
    ) {
        let rows = facts.map { fact in (fact.name, cells: values.map(fact.cell)) }
            .filter { !$0.cells.allSatisfy(\.isEmpty) }
        self.init([title] + names, [.text] + names.map { _ in kind }, rows.map { [.text($0)] + $1 })
    }

    /// What is known of one value.
    ///
    /// - Parameter header: headings, where they are shown
    package init<Value>(list facts: [Fact<Value>], of value: Value, header: (String, String) = ("", "")) {
        let rows = facts.map { [.text($0.name), $0.cell(value)] }.filter { !$0[1].isEmpty }
        self.init([header.0, header.1], [.text, .text], rows, style: .list)
    }
}

/// What there is to say of values, under a name: a column of a table.
package struct Fact<Value> {
    let name: String
    let kind: ReportTable.Kind
    /// Whether the column is left out where it has nothing.
    private(set) var isOptional = false
    let cell: (Value) -> ReportTable.Cell

    package static func cell(
        _ name: String, _ kind: ReportTable.Kind = .text, _ cell: @escaping (Value) -> ReportTable.Cell?
    ) -> Self {
        Self(name: name, kind: kind) { cell($0) ?? .missing }
    }

    package static func text(_ name: String, _ text: @escaping (Value) -> String?) -> Self {
        .cell(name) { text($0).map { .text($0) } }
    }

    package static func prose(_ name: String, _ text: @escaping (Value) -> String?) -> Self {
        .cell(name, .prose) { text($0).map { .text($0) } }
    }

    /// A text that is made of numbers, like an interval.
    package static func number(_ name: String, _ text: @escaping (Value) -> String?) -> Self {
        .cell(name, .number) { text($0).map { .text($0) } }
    }

    package static func count(_ name: String, _ count: @escaping (Value) -> Int?) -> Self {
        .cell(name, .number) { count($0).map { .count($0) } }
    }

    package static func figure(_ name: String, _ figure: @escaping (Value) -> Double?) -> Self {
        .cell(name, .number) { figure($0).map { .figure($0) } }
    }

    /// A column that is left out if it has nothing.
    package var ifAny: Self {
        var fact = self
        fact.isOptional = true
        return fact
    }

    /// Whether it is the same of all values.
    func isCommon(to values: [Value]) -> Bool { Set(values.map(cell)).count == 1 }
}
