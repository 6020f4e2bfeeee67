import GRDB

// What reports read: parts of what is recorded, so that long runs and large evaluations are not held as a whole.

extension RunStore {
    /// The values of one metric of a run, in the order of splits and steps.
    package func metrics(of run: Int64, named name: String) throws -> [Metric] {
        try read { db in
            try Metric.filter(Column("run_id") == run && Column("name") == name)
                .order(Column("split"), Column("step")).fetchAll(db)
        }
    }

    /// The names of the metrics that one of the runs has, in alphabetical order.
    package func metricNames(of runs: [Int64]) throws -> [String] {
        try read { db in
            try String.fetchSet(db, Metric.filter(runs.contains(Column("run_id"))).select(Column("name")).distinct())
                .sorted()
        }
    }

    /// How well each label was told in an evaluation.
    package func classMetrics(of evaluation: Int64) throws -> [ClassMetric] {
        try read { try ClassMetric.filter(Column("evaluation_id") == evaluation).fetchAll($0) }
    }

    /// How often labels were taken for each other in an evaluation.
    package func confusions(of evaluation: Int64) throws -> [Confusion] {
        try read { try Confusion.filter(Column("evaluation_id") == evaluation).fetchAll($0) }
    }

    /// The wrong answers of an evaluation, the most confident first.
    package func mistakes(of evaluation: Int64, atMost count: Int) throws -> [PredictionRecord] {
        try read { db in
            try PredictionRecord.filter(
                Column("evaluation_id") == evaluation && Column("actual") != Column("predicted")
            )
            .order(Column("confidence").desc, Column("row")).limit(count).fetchAll(db)
        }
    }

    /// How often answers of like confidence are right: those of 15 bins of equal width that have texts. Upper limits belong to
    /// a bin, as in the calibration error.
    package func reliability(of evaluation: Int64) throws -> [Reliability] {
        try read { db in
            try Reliability.fetchAll(
                db,
                sql: """
                    SELECT bin / 15.0 AS lower, (bin + 1) / 15.0 AS upper, count(*) AS count, avg(confidence) AS confidence,
                           sum(is_right) AS correct
                    FROM (SELECT confidence, actual = predicted AS is_right,
                                 max(CAST(confidence * 15 AS INTEGER)
                                     - (confidence * 15 = CAST(confidence * 15 AS INTEGER)), 0) AS bin
                          FROM predictions WHERE evaluation_id = ?)
                    GROUP BY bin ORDER BY bin
                    """, arguments: [evaluation])
        }
    }
}

/// Answers of like confidence.
package struct Reliability: Codable, FetchableRecord, Sendable {
    /// The range of the confidences.
    package let lower: Double
    package let upper: Double
    package let count: Int
    /// Their mean.
    package let confidence: Double
    /// How many of the answers are right.
    package let correct: Int
}
