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

-- The figures of the view, kept up to date wherever metrics are written: to look for them among all metrics of many runs would
-- take too long.
CREATE TABLE best_epochs (
    run_id   INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    step     INTEGER NOT NULL,
    epoch    REAL NOT NULL,
    accuracy REAL,
    macro_f1 REAL,
    loss     REAL
);
