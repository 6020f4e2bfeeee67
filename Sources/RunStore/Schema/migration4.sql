-- Tells a run from every other one, of all databases: ids and names are this file's alone.
ALTER TABLE runs ADD COLUMN uuid TEXT;

-- From which an interrupted run can be resumed.
CREATE TABLE checkpoints (
    run_id     INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    step       INTEGER NOT NULL,
    epoch      REAL NOT NULL,
    path       TEXT NOT NULL,
    bytes      INTEGER NOT NULL,
    written_at TEXT NOT NULL,
    PRIMARY KEY (run_id, step)
) WITHOUT ROWID;
