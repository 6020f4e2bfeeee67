import GRDB

/// The run that is best by a metric, and by how much.
package struct BestRun: Record {
    /// The id and the name of the run.
    package let id: Int64
    package let name: String
    /// The metric, and the data that it was measured on.
    package let metric: String
    package let split: Metric.Split
    package let value: Double
    /// When the run was that good.
    package let epoch: Double
    package let step: Int
    /// The folder of its model, and when the model was written, or nil if it never was.
    package let output: String
    package let outputWrittenAt: String?
    /// How many runs were compared.
    package let compared: Int
}

extension RunStore {
    /// The run with the best value of a metric at any time; of equal ones, the earliest.
    ///
    /// - Parameters:
    ///   - metric: of the dev data, or if there is none of this name, of the training data
    ///   - selection: the runs that are compared
    /// - Returns: nil if none of the runs has such a metric
    package func best(by metric: String, among selection: RunSelection) throws -> BestRun? {
        let wanted = Set(try ids(of: selection))
        return try read { db in
            for split in [Metric.Split.dev, .train] {
                if let best = try best(by: metric, split, among: wanted, in: db) { return best }
            }
            return nil
        }
    }

    private func best(by metric: String, _ split: Metric.Split, among wanted: Set<Int64>, in db: Database) throws
        -> BestRun?
    {
        let (extremum, direction) = Self.lowerIsBetter(metric) ? ("min", "ASC") : ("max", "DESC")
        // A look into the key for each run: much quicker than all values of the metric.
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM (
                    SELECT id, (SELECT \(extremum)(value) FROM metrics
                        WHERE run_id = runs.id AND split = ? AND name = ? AND abs(value) < 9e999) AS best
                    FROM runs)
                WHERE best IS NOT NULL ORDER BY best \(direction), id
                """, arguments: [split.rawValue, metric]
        ).filter { try wanted.contains($0.decode(forColumn: "id")) }
        guard let best = rows.first else { return nil }
        return try BestRun.fetchOne(
            db,
            sql: """
                SELECT runs.id, runs.name, metrics.name AS metric, split, value, epoch, step, output, output_written_at,
                       ? AS compared
                FROM metrics JOIN runs ON id = run_id
                WHERE run_id = ? AND split = ? AND metrics.name = ? AND value = ?
                ORDER BY (SELECT f1.value FROM metrics AS f1 WHERE f1.run_id = metrics.run_id AND f1.split = metrics.split
                          AND f1.name = 'macro_f1' AND f1.step = metrics.step) DESC, step LIMIT 1
                """,
            arguments: [
                rows.count, best.decode(DatabaseValue.self, forColumn: "id"), split.rawValue, metric,
                best.decode(DatabaseValue.self, forColumn: "best"),
            ])
    }
}
