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

    /// How confident each answer of an evaluation is, and whether it is right.
    package func confidences(of evaluation: Int64) throws -> [(confidence: Double, isRight: Bool)] {
        try read { db in
            let rows = try Row.fetchCursor(
                db, sql: "SELECT confidence, actual = predicted FROM predictions WHERE evaluation_id = ?",
                arguments: [evaluation])
            return try Array(rows.map { (confidence: $0[0], isRight: $0[1]) })
        }
    }
}
