import GRDB

/// What two evaluations of the same file have for a text, as they recorded it.
package struct PairedAnswer: Hashable, Sendable {
    /// The text's label, in each.
    package let actualA, actualB: String
    /// The answers.
    package let predictedA, predictedB: String

    fileprivate init(_ row: Row) {
        (actualA, actualB) = (row[0], row[1])
        (predictedA, predictedB) = (row[2], row[3])
    }
}

extension RunStore {
    /// The names of the labels that an evaluation reported on.
    package func labels(of evaluation: Int64) throws -> [String] {
        try read { db in
            try String.fetchAll(
                db, sql: "SELECT label FROM class_metrics WHERE evaluation_id = ? ORDER BY label",
                arguments: [evaluation])
        }
    }

    /// How many texts' predictions are there of an evaluation.
    package func predictionCount(of evaluation: Int64) throws -> Int {
        try read { db in
            try Int.fetchOne(
                db, sql: "SELECT count(*) FROM predictions WHERE evaluation_id = ?", arguments: [evaluation]) ?? 0
        }
    }

    /// What two evaluations say of the texts in the rows that both have, and how often. A million rows take some seconds, most of
    /// them in SQLite.
    package func pairedAnswers(_ a: Int64, _ b: Int64) throws -> [(answer: PairedAnswer, count: Int)] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT a.actual, b.actual, a.predicted, b.predicted, count(*) \(Self.paired) GROUP BY 1, 2, 3, 4
                    """, arguments: [a, b]
            ).map { (PairedAnswer($0), $0[4]) }
        }
    }

    /// Calls `body` with each row whose answers differ, in their order, until it returns false. The text is that which was recorded
    /// with a wrong answer; nil if none was.
    package func forEachDifferingAnswer(
        _ a: Int64, _ b: Int64, _ body: (_ row: Int, PairedAnswer, _ text: String?) -> Bool
    ) throws {
        try read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT a.actual, b.actual, a.predicted, b.predicted, a.row, coalesce(a.text, b.text)
                    \(Self.paired)
                    WHERE a.predicted <> b.predicted ORDER BY a.row
                    """, arguments: [a, b])
            while let row = try rows.next(), body(row[4], PairedAnswer(row), row[5]) {}
        }
    }

    private static let paired = """
        FROM (SELECT * FROM predictions WHERE evaluation_id = ?) AS a
        JOIN predictions AS b ON b.evaluation_id = ? AND b.row = a.row
        """
}
