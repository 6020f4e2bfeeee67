ALTER TABLE evaluations ADD COLUMN roc_auc REAL;
ALTER TABLE evaluations ADD COLUMN average_precision REAL;
ALTER TABLE evaluations ADD COLUMN mcc REAL;
ALTER TABLE evaluations ADD COLUMN ece REAL;
ALTER TABLE evaluations ADD COLUMN accuracy_low REAL;
ALTER TABLE evaluations ADD COLUMN accuracy_high REAL;
ALTER TABLE evaluations ADD COLUMN macro_f1_low REAL;
ALTER TABLE evaluations ADD COLUMN macro_f1_high REAL;
