-- Many runs that answer one question, such as what an encoder can do without.
CREATE TABLE experiments (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    name              TEXT NOT NULL UNIQUE,
    -- `ablate`; others may come.
    kind              TEXT NOT NULL,
    status            TEXT NOT NULL CHECK (status IN ('running', 'finished', 'failed', 'interrupted')),
    started_at        TEXT NOT NULL,
    finished_at       TEXT,
    command           TEXT NOT NULL,
    train_data        TEXT NOT NULL,
    train_sha256      TEXT NOT NULL,
    dev_data          TEXT,
    dev_sha256        TEXT,
    -- A sentence for a person.
    plan              TEXT NOT NULL,
    version           TEXT NOT NULL,
    -- Which process is at it, as `runs` has it.
    host              TEXT NOT NULL,
    boot_id           TEXT,
    process_namespace TEXT,
    process_id        INTEGER,
    process_start     INTEGER
);

-- Runs outlive the experiment that they were part of.
ALTER TABLE runs ADD COLUMN experiment_id INTEGER REFERENCES experiments (id) ON DELETE SET NULL;
CREATE INDEX runs_of_experiment ON runs (experiment_id);
-- What became of a training, where an experiment judges it.
ALTER TABLE runs ADD COLUMN outcome TEXT CHECK (outcome IN ('trained', 'diverged', 'stuck'));
