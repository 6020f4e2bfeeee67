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
