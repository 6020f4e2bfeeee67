-- How the model read the file: a temperature that logits are divided by, the least probability of the second of two labels, tokens at a time.
ALTER TABLE evaluations ADD COLUMN temperature REAL;
ALTER TABLE evaluations ADD COLUMN threshold REAL;
ALTER TABLE evaluations ADD COLUMN max_length INTEGER;
ALTER TABLE evaluations ADD COLUMN long_texts TEXT;
ALTER TABLE evaluations ADD COLUMN stride INTEGER;
-- How the file was read, as the user has said.
ALTER TABLE evaluations ADD COLUMN format TEXT;
ALTER TABLE evaluations ADD COLUMN text_column TEXT;
ALTER TABLE evaluations ADD COLUMN label_column TEXT;
ALTER TABLE evaluations ADD COLUMN label_map TEXT;
ALTER TABLE evaluations ADD COLUMN on_bad_row TEXT;
-- Rows that were wrong and skipped, or that the label map has left out.
ALTER TABLE evaluations ADD COLUMN skipped INTEGER;
-- Texts that the model was trained with.
ALTER TABLE evaluations ADD COLUMN trained_texts INTEGER;

-- The cross-entropy of the text, in nats.
ALTER TABLE predictions ADD COLUMN loss REAL;

-- What runs are about: only figures of one project can be compared.
ALTER TABLE runs ADD COLUMN project TEXT;
-- What a training has to say about its result: that every text gets the same label, for example.
ALTER TABLE runs ADD COLUMN warning TEXT;

-- The best epoch is that of the run's own metric, as the model's is.
ALTER TABLE best_epochs ADD COLUMN metric TEXT;
ALTER TABLE best_epochs ADD COLUMN value REAL;
DROP TRIGGER best_epoch_after_insert;
DROP TRIGGER best_epoch_after_delete;
DELETE FROM best_epochs;
DROP VIEW run_summary;
