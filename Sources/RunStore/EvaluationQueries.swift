import GRDB

// What is read of evaluations: parts of what is recorded, so that large ones are not held as a whole.

extension RunStore {
    /// The evaluations of the models that a run has written, the oldest first.
    package func evaluations(of run: Int64) throws -> [Evaluation] {
        try read { try Evaluation.all($0, "WHERE run_id = ? ORDER BY id", [run]) }
    }

    /// How well each label was told in an evaluation, by label.
    package func classMetrics(of evaluation: Int64) throws -> [ClassMetric] {
        try read { try ClassMetric.all($0, "WHERE evaluation_id = ? ORDER BY label", [evaluation]) }
    }

    /// The names of the labels that an evaluation reported on.
    package func labels(of evaluation: Int64) throws -> [String] { try classMetrics(of: evaluation).map(\.label) }

    /// How often labels were taken for each other in an evaluation.
    package func confusions(of evaluation: Int64) throws -> [Confusion] {
        try read { try Confusion.all($0, "WHERE evaluation_id = ? ORDER BY actual, predicted", [evaluation]) }
    }

    /// The wrong answers of an evaluation, the most confident first.
    package func mistakes(of evaluation: Int64, atMost count: Int) throws -> [PredictionRecord] {
        try read { db in
            try PredictionRecord.all(
                db, "WHERE evaluation_id = ? AND actual <> predicted ORDER BY confidence DESC, row LIMIT ?",
                [evaluation, count])
        }
    }

    /// What a regression has predicted for the first texts of an evaluation, in their order.
    package func predictedNumbers(of evaluation: Int64, atMost count: Int) throws -> [PredictedNumber] {
        try read { db in
            try PredictedNumber.all(db, "WHERE evaluation_id = ? ORDER BY row LIMIT ?", [evaluation, count])
        }
    }

    /// The number of texts whose predictions an evaluation has recorded.
    package func predictionCount(of evaluation: Int64) throws -> Int {
        try read { try PredictionRecord.filter(Column("evaluation_id") == evaluation).fetchCount($0) }
    }

    /// How confident each answer of an evaluation is, and whether it is right.
    package func confidences(of evaluation: Int64) throws -> [(confidence: Double, isRight: Bool)] {
        try read { db in
            let rows = try Row.fetchCursor(
                db, sql: "SELECT confidence, actual = predicted FROM predictions WHERE evaluation_id = ?",
                arguments: [evaluation])
            return try Array(
                rows.map { row in
                    let confidence = try row.decode(Double.self, atIndex: 0)
                    try Plausible.number(confidence, "predictions.confidence", in: 0...1)
                    return (confidence, try row.decode(Bool.self, atIndex: 1))
                })
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
            ).map { (try PairedAnswer($0), try $0.decode(atIndex: 4)) }
        }
    }

    /// What two evaluations say of each text that both have, with its loss, in their order.
    package func pairedScores(_ a: Int64, _ b: Int64) throws -> [PairedScore] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT a.actual, a.predicted, b.predicted, a.confidence, b.confidence, a.loss, b.loss
                    \(Self.paired) ORDER BY a.row
                    """, arguments: [a, b]
            ).map(PairedScore.init)
        }
    }

    /// Calls `body` with each row whose answers differ, in their order, until it returns false. The text is the one that was
    /// recorded with a wrong answer, or nil if none was.
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
            while let row = try rows.next(),
                try body(row.decode(atIndex: 4), PairedAnswer(row), row.decode(atIndex: 5))
            {}
        }
    }

    private static let paired = """
        FROM (SELECT * FROM predictions WHERE evaluation_id = ?) AS a
        JOIN predictions AS b ON b.evaluation_id = ? AND b.row = a.row
        """
}

/// The label and the answer that two evaluations of one file have recorded for a text.
package struct PairedAnswer: Hashable, Sendable {
    /// The text's label, in each.
    package let actualA, actualB: String
    /// The answers.
    package let predictedA, predictedB: String

    fileprivate init(_ row: Row) throws {
        (actualA, actualB) = (try row.decode(atIndex: 0), try row.decode(atIndex: 1))
        (predictedA, predictedB) = (try row.decode(atIndex: 2), try row.decode(atIndex: 3))
    }
}

/// What two evaluations of one file have recorded for a text besides the answers.
package struct PairedScore: Sendable {
    package let actual: String
    /// The answers, how probable they were, and the losses, of A and of B.
    package let predicted: [String]
    package let confidence: [Double]
    package let loss: [Double?]

    fileprivate init(_ row: Row) throws {
        actual = try row.decode(atIndex: 0)
        predicted = try [row.decode(atIndex: 1), row.decode(atIndex: 2)]
        confidence = try [row.decode(atIndex: 3), row.decode(atIndex: 4)]
        loss = try [row.decode(atIndex: 5), row.decode(atIndex: 6)]
    }
}
