PRAGMA legacy_alter_table = ON;
CREATE TABLE new_evaluations (
    id                INTEGER PRIMARY KEY,
    run_id            INTEGER REFERENCES runs (id) ON DELETE SET NULL,
    model             TEXT NOT NULL,
    data              TEXT NOT NULL,
    data_sha256       TEXT NOT NULL,
    examples          INTEGER NOT NULL,
    tokens            INTEGER NOT NULL,
    loss              REAL,
    -- Null where texts have numbers, whose figures stand at the end.
    accuracy          REAL,
    macro_f1          REAL,
    weighted_f1       REAL,
    seconds           REAL NOT NULL,
    evaluated_at      TEXT NOT NULL,
    roc_auc           REAL,
    average_precision REAL,
    mcc               REAL,
    ece               REAL,
    accuracy_low      REAL,
    accuracy_high     REAL,
    macro_f1_low      REAL,
    macro_f1_high     REAL,
    temperature       REAL,
    threshold         REAL,
    max_length        INTEGER,
    long_texts        TEXT,
    stride            INTEGER,
    format            TEXT,
    text_column       TEXT,
    label_column      TEXT,
    label_map         TEXT,
    on_bad_row        TEXT,
    skipped           INTEGER,
    trained_texts     INTEGER,
    mse               REAL,
    mse_low           REAL,
    mse_high          REAL,
    mae               REAL,
    mae_low           REAL,
    mae_high          REAL,
    pearson           REAL,
    pearson_low       REAL,
    pearson_high      REAL,
    spearman          REAL,
    spearman_low      REAL,
    spearman_high     REAL
);
INSERT INTO new_evaluations (
    id, run_id, model, data, data_sha256, examples, tokens, loss, accuracy, macro_f1, weighted_f1,
    seconds, evaluated_at, roc_auc, average_precision, mcc, ece, accuracy_low, accuracy_high,
    macro_f1_low, macro_f1_high, temperature, threshold, max_length, long_texts, stride, format,
    text_column, label_column, label_map, on_bad_row, skipped, trained_texts)
SELECT
    id, run_id, model, data, data_sha256, examples, tokens, loss, accuracy, macro_f1, weighted_f1,
    seconds, evaluated_at, roc_auc, average_precision, mcc, ece, accuracy_low, accuracy_high,
    macro_f1_low, macro_f1_high, temperature, threshold, max_length, long_texts, stride, format,
    text_column, label_column, label_map, on_bad_row, skipped, trained_texts
FROM evaluations;
DROP TABLE evaluations;
ALTER TABLE new_evaluations RENAME TO evaluations;
CREATE INDEX evaluations_of_run ON evaluations (run_id);
PRAGMA legacy_alter_table = OFF;

CREATE TABLE predicted_numbers (
    evaluation_id INTEGER NOT NULL REFERENCES evaluations (id) ON DELETE CASCADE,
    row           INTEGER NOT NULL,
    actual        REAL NOT NULL,
    predicted     REAL NOT NULL,
    PRIMARY KEY (evaluation_id, row)
) WITHOUT ROWID;

DROP TRIGGER best_epoch_after_insert;
DROP TRIGGER best_epoch_after_delete;
