import Foundation
import GRDB

// The statements stand in files of SQL, in the folder `Schema`.

extension DatabaseMigrator {
    /// The schema of the runs' database. Each change is a further migration; one that has been released is never edited.
    package static var runStore: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: runs, metrics and evaluations") { db in
            try db.execute(sql: text(PackageResources.migration1_sql))
        }
        migrator.registerMigration("2: what probabilities are worth", foreignKeyChecks: .immediate) { db in
            try db.execute(sql: text(PackageResources.migration2_sql))
        }
        migrator.registerMigration("3: processes, notes and tags; metrics by their key") { db in
            try db.execute(sql: text(PackageResources.migration3_sql))
            for (event, row) in [("INSERT", "new"), ("DELETE", "old")] {
                try db.execute(
                    sql: """
                        CREATE TRIGGER best_epoch_after_\(event.lowercased()) AFTER \(event) ON metrics
                        WHEN \(row).split = 'dev' AND \(row).name IN ('accuracy', 'macro_f1', 'loss')
                        BEGIN
                            DELETE FROM best_epochs WHERE run_id = \(row).run_id;
                            INSERT INTO best_epochs \(bestEpoch(of: "\(row).run_id"));
                        END;
                        """)
            }
            for run in try Int64.fetchAll(db, sql: "SELECT id FROM runs") {
                try db.execute(sql: "INSERT INTO best_epochs \(bestEpoch(of: "\(run)"))")
            }
            try db.execute(sql: "CREATE VIEW run_summary AS SELECT NULL AS id")
        }
        migrator.registerMigration("4: identities and checkpoints of runs") { db in
            try db.execute(sql: text(PackageResources.migration4_sql))
        }
        migrator.registerMigration("5: how evaluations were made, metrics and projects") { db in
            try db.execute(sql: text(PackageResources.migration5_sql))
            let best = text(PackageResources.best_epoch_by_metric_sql)
            try keepBestEpochs(chosenBy: best, in: db)
            for run in try Run.fetchAll(db, sql: "SELECT * FROM runs") {
                try db.execute(sql: "INSERT INTO best_epochs \(best.replacing(":run", with: "\(run.id)"))")
                try db.execute(
                    sql: "UPDATE runs SET project = ? WHERE id = ?", arguments: [run.usualProject, run.id])
            }
            try db.execute(sql: "CREATE VIEW run_summary AS \(runSummary)")
        }
        migrator.registerMigration("6: experiments") { db in
            try db.execute(sql: text(PackageResources.migration6_sql))
        }
        migrator.registerMigration("7: figures of numbers") { db in
            try db.execute(sql: text(PackageResources.migration7_sql))
            try keepBestEpochs(chosenBy: text(PackageResources.best_epoch_of_any_kind_sql), in: db)
        }
        migrator.registerMigration("8: pairs of texts") { db in
            try db.execute(sql: "ALTER TABLE evaluations ADD COLUMN text_pair_column TEXT")
        }
        migrator.registerMigration("9: precision of evaluations") { db in
            try db.execute(sql: "ALTER TABLE evaluations ADD COLUMN precision TEXT")
        }
        return migrator
    }

    /// Creates the triggers that choose the best epoch of a run anew whenever its dev metrics change.
    ///
    /// - Parameter query: finds the epoch of the run `:run`
    private static func keepBestEpochs(chosenBy query: String, in db: Database) throws {
        for (event, row) in [("insert", "new"), ("delete", "old")] {
            try db.execute(
                sql: """
                    CREATE TRIGGER best_epoch_after_\(event) AFTER \(event) ON metrics WHEN \(row).split = 'dev'
                    BEGIN
                        DELETE FROM best_epochs WHERE run_id = \(row).run_id;
                        INSERT INTO best_epochs \(query.replacing(":run", with: "\(row).run_id"));
                    END;
                    """)
        }
    }

    /// As earlier versions had it: the epoch of a run with the highest dev accuracy; among equal ones the epoch with the higher macro F1, or the earlier. Finds
    /// nothing for a run that is being deleted.
    private static func bestEpoch(of run: String) -> String {
        text(PackageResources.best_epoch_sql).replacing(":run", with: run)
    }

    /// The view `run_summary`: a row for each run, with the figures of its best epoch.
    static var runSummary: String { text(PackageResources.run_summary_sql) }

    private static func text(_ file: [UInt8]) -> String {
        String(decoding: file, as: UTF8.self).trimmingCharacters(in: .newlines)
    }
}
