import GRDB

extension DatabaseMigrator {
    /// The schema of the runs' database. Each change is a further migration; one that has been released is never edited.
    package static var runStore: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: runs, metrics and evaluations") { db in
            try db.execute(
                sql: """
                    CREATE TABLE runs (
                        id           INTEGER PRIMARY KEY,
                        name         TEXT NOT NULL UNIQUE,
                        status       TEXT NOT NULL CHECK (status IN ('running', 'finished', 'failed', 'interrupted')),
                        started_at   TEXT NOT NULL,
                        finished_at  TEXT,
                        command      TEXT NOT NULL,
                        model        TEXT,
                        output       TEXT NOT NULL,
                        train_data   TEXT NOT NULL,
                        train_sha256 TEXT NOT NULL,
                        dev_data     TEXT,
                        dev_sha256   TEXT,
                        seed         INTEGER NOT NULL,
                        threads      INTEGER NOT NULL,
                        host         TEXT NOT NULL,
                        version      TEXT NOT NULL,
                        parameters   INTEGER NOT NULL,
                        error        TEXT
                    );

                    -- NUMERIC, so that a value that is a number compares as one.
                    CREATE TABLE params (
                        run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
                        name   TEXT NOT NULL,
                        value  NUMERIC,
                        PRIMARY KEY (run_id, name)
                    ) WITHOUT ROWID;

                    CREATE TABLE metrics (
                        run_id      INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
                        split       TEXT NOT NULL CHECK (split IN ('train', 'dev')),
                        name        TEXT NOT NULL,
                        step        INTEGER NOT NULL,
                        epoch       REAL NOT NULL,
                        value       REAL,
                        recorded_at TEXT NOT NULL
                    );
                    CREATE INDEX metrics_of_run ON metrics (run_id, split, name, step);

                    CREATE TABLE evaluations (
                        id           INTEGER PRIMARY KEY,
                        run_id       INTEGER REFERENCES runs (id) ON DELETE SET NULL,
                        model        TEXT NOT NULL,
                        data         TEXT NOT NULL,
                        data_sha256  TEXT NOT NULL,
                        examples     INTEGER NOT NULL,
                        tokens       INTEGER NOT NULL,
                        loss         REAL,
                        accuracy     REAL NOT NULL,
                        macro_f1     REAL NOT NULL,
                        weighted_f1  REAL NOT NULL,
                        seconds      REAL NOT NULL,
                        evaluated_at TEXT NOT NULL
                    );
                    CREATE INDEX evaluations_of_run ON evaluations (run_id);

                    CREATE TABLE class_metrics (
                        evaluation_id INTEGER NOT NULL REFERENCES evaluations (id) ON DELETE CASCADE,
                        label         TEXT NOT NULL,
                        precision     REAL NOT NULL,
                        recall        REAL NOT NULL,
                        f1            REAL NOT NULL,
                        support       INTEGER NOT NULL,
                        PRIMARY KEY (evaluation_id, label)
                    ) WITHOUT ROWID;

                    CREATE TABLE confusions (
                        evaluation_id INTEGER NOT NULL REFERENCES evaluations (id) ON DELETE CASCADE,
                        actual        TEXT NOT NULL,
                        predicted     TEXT NOT NULL,
                        count         INTEGER NOT NULL,
                        PRIMARY KEY (evaluation_id, actual, predicted)
                    ) WITHOUT ROWID;

                    CREATE TABLE predictions (
                        evaluation_id INTEGER NOT NULL REFERENCES evaluations (id) ON DELETE CASCADE,
                        row           INTEGER NOT NULL,
                        actual        TEXT NOT NULL,
                        predicted     TEXT NOT NULL,
                        confidence    REAL NOT NULL,
                        PRIMARY KEY (evaluation_id, row)
                    ) WITHOUT ROWID;

                    CREATE VIEW run_summary AS
                    SELECT runs.id, runs.name, runs.status, runs.started_at,
                           round((julianday(runs.finished_at) - julianday(runs.started_at)) * 86400, 1) AS seconds,
                           best.value AS best_dev_accuracy,
                           CAST(best.epoch AS INTEGER) AS best_epoch,
                           f1.value AS dev_macro_f1,
                           loss.value AS dev_loss,
                           runs.parameters, runs.output
                    FROM runs
                    LEFT JOIN metrics AS best ON best.rowid = (
                        SELECT accuracy.rowid
                        FROM metrics AS accuracy
                        JOIN metrics AS f1 ON f1.run_id = accuracy.run_id AND f1.split = 'dev'
                            AND f1.name = 'macro_f1' AND f1.step = accuracy.step
                        WHERE accuracy.run_id = runs.id AND accuracy.split = 'dev' AND accuracy.name = 'accuracy'
                        ORDER BY accuracy.value DESC, f1.value DESC, accuracy.step LIMIT 1)
                    LEFT JOIN metrics AS f1 ON f1.run_id = runs.id AND f1.split = 'dev'
                        AND f1.name = 'macro_f1' AND f1.step = best.step
                    LEFT JOIN metrics AS loss ON loss.run_id = runs.id AND loss.split = 'dev'
                        AND loss.name = 'loss' AND loss.step = best.step;
                    """)
        }
        migrator.registerMigration("2: what probabilities are worth", foreignKeyChecks: .immediate) { db in
            try db.execute(
                sql: """
                    ALTER TABLE evaluations ADD COLUMN roc_auc REAL;
                    ALTER TABLE evaluations ADD COLUMN average_precision REAL;
                    ALTER TABLE evaluations ADD COLUMN mcc REAL;
                    ALTER TABLE evaluations ADD COLUMN ece REAL;
                    ALTER TABLE evaluations ADD COLUMN accuracy_low REAL;
                    ALTER TABLE evaluations ADD COLUMN accuracy_high REAL;
                    ALTER TABLE evaluations ADD COLUMN macro_f1_low REAL;
                    ALTER TABLE evaluations ADD COLUMN macro_f1_high REAL;
                    """)
        }
        migrator.registerMigration("3: processes, notes and tags; metrics by their key") { db in
            try db.execute(
                sql: """
                    -- A user's own views of these tables are none of our business.
                    PRAGMA legacy_alter_table = ON;
                    DROP VIEW run_summary;

                    -- What programs that know no foreign keys have left of deleted runs.
                    DELETE FROM params WHERE run_id NOT IN (SELECT id FROM runs);
                    DELETE FROM metrics WHERE run_id NOT IN (SELECT id FROM runs);
                    UPDATE evaluations SET run_id = NULL WHERE run_id NOT IN (SELECT id FROM runs);
                    DELETE FROM class_metrics WHERE evaluation_id NOT IN (SELECT id FROM evaluations);
                    DELETE FROM confusions WHERE evaluation_id NOT IN (SELECT id FROM evaluations);
                    DELETE FROM predictions WHERE evaluation_id NOT IN (SELECT id FROM evaluations);

                    -- AUTOINCREMENT: the id of a deleted run never means another one.
                    CREATE TABLE new_runs (
                        id                INTEGER PRIMARY KEY AUTOINCREMENT,
                        name              TEXT NOT NULL UNIQUE,
                        status            TEXT NOT NULL CHECK (status IN ('running', 'finished', 'failed', 'interrupted')),
                        started_at        TEXT NOT NULL,
                        finished_at       TEXT,
                        command           TEXT NOT NULL,
                        model             TEXT,
                        output            TEXT NOT NULL,
                        train_data        TEXT NOT NULL,
                        train_sha256      TEXT NOT NULL,
                        dev_data          TEXT,
                        dev_sha256        TEXT,
                        seed              INTEGER NOT NULL,
                        threads           INTEGER NOT NULL,
                        host              TEXT NOT NULL,
                        version           TEXT NOT NULL,
                        parameters        INTEGER NOT NULL,
                        error             TEXT,
                        -- Which process trains: the kernel's boot id, the namespace of the process's id, the id, and when the
                        -- process was started, in clock ticks since the boot.
                        boot_id           TEXT,
                        process_namespace TEXT,
                        process_id        INTEGER,
                        process_start     INTEGER,
                        -- When the model at `output` became this run's; null if it never did.
                        output_written_at TEXT,
                        -- The same for all runs of one `train --seeds`.
                        seed_group        TEXT,
                        note              TEXT
                    );
                    INSERT INTO new_runs (id, name, status, started_at, finished_at, command, model, output, train_data,
                        train_sha256, dev_data, dev_sha256, seed, threads, host, version, parameters, error, output_written_at)
                    SELECT id, name, status, started_at, finished_at, command, model, output, train_data, train_sha256, dev_data,
                        dev_sha256, seed, threads, host, version, parameters, error,
                        -- A failed run has its model unless another one of that output has.
                        CASE WHEN status <> 'failed' THEN finished_at WHEN NOT EXISTS (
                            SELECT 1 FROM runs AS other WHERE other.output = runs.output
                            AND other.finished_at IS NOT NULL AND other.status <> 'failed') THEN started_at END
                    FROM runs ORDER BY id;
                    DROP TABLE runs;
                    ALTER TABLE new_runs RENAME TO runs;

                    CREATE TABLE tags (
                        run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
                        tag    TEXT NOT NULL,
                        PRIMARY KEY (run_id, tag)
                    ) WITHOUT ROWID;

                    -- Of wrong answers only.
                    ALTER TABLE predictions ADD COLUMN text TEXT;

                    -- In the order in which they are read, and no value twice.
                    ALTER TABLE metrics RENAME TO old_metrics;
                    CREATE TABLE metrics (
                        run_id      INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
                        split       TEXT NOT NULL CHECK (split IN ('train', 'dev')),
                        name        TEXT NOT NULL,
                        step        INTEGER NOT NULL,
                        epoch       REAL NOT NULL,
                        value       REAL,
                        recorded_at TEXT NOT NULL,
                        PRIMARY KEY (run_id, split, name, step)
                    ) WITHOUT ROWID;
                    INSERT OR REPLACE INTO metrics
                    SELECT run_id, split, name, step, epoch, value, recorded_at FROM old_metrics ORDER BY rowid;
                    DROP TABLE old_metrics;
                    PRAGMA legacy_alter_table = OFF;
                    """)
            // The figures of the view, kept up to date wherever metrics are written: to look for them among all metrics of many
            // runs would take too long.
            try db.execute(
                sql: """
                    CREATE TABLE best_epochs (
                        run_id   INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
                        step     INTEGER NOT NULL,
                        epoch    REAL NOT NULL,
                        accuracy REAL,
                        macro_f1 REAL,
                        loss     REAL
                    );
                    """)
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
            try db.execute(sql: "CREATE VIEW run_summary AS \(runSummary)")
        }
        return migrator
    }

    /// The epoch of a run with the highest dev accuracy; of equal ones that with the higher macro F1, or the earlier. Nothing of
    /// a run that is being deleted.
    private static func bestEpoch(of run: String) -> String {
        """
        SELECT accuracy.run_id, accuracy.step, accuracy.epoch, accuracy.value, f1.value, loss.value
        FROM runs
        JOIN metrics AS accuracy ON accuracy.run_id = runs.id AND accuracy.split = 'dev' AND accuracy.name = 'accuracy'
        JOIN metrics AS f1 ON f1.run_id = runs.id AND f1.split = 'dev' AND f1.name = 'macro_f1'
            AND f1.step = accuracy.step
        LEFT JOIN metrics AS loss ON loss.run_id = runs.id AND loss.split = 'dev' AND loss.name = 'loss'
            AND loss.step = accuracy.step
        WHERE runs.id = \(run)
        ORDER BY accuracy.value DESC, f1.value DESC, accuracy.step LIMIT 1
        """
    }

    /// The view `run_summary`: a row for each run, with the figures of its epoch of the highest dev accuracy.
    static let runSummary = """
        SELECT runs.id, runs.name, runs.status, runs.started_at,
               -- Null where a clock was set back.
               CASE WHEN runs.finished_at >= runs.started_at
                    THEN round((julianday(runs.finished_at) - julianday(runs.started_at)) * 86400, 1) END AS seconds,
               best.accuracy AS best_dev_accuracy,
               CAST(best.epoch AS INTEGER) AS best_epoch,
               best.macro_f1 AS dev_macro_f1,
               best.loss AS dev_loss,
               runs.parameters, runs.output
        FROM runs LEFT JOIN best_epochs AS best ON best.run_id = runs.id
        """
}
