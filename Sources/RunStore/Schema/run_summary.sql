SELECT runs.id, runs.name, runs.status, runs.started_at,
       -- Null where a clock was set back.
       CASE WHEN runs.finished_at >= runs.started_at
            THEN round((julianday(runs.finished_at) - julianday(runs.started_at)) * 86400, 1) END AS seconds,
       best.accuracy AS best_dev_accuracy,
       CAST(best.epoch AS INTEGER) AS best_epoch,
       best.macro_f1 AS dev_macro_f1,
       best.loss AS dev_loss,
       runs.parameters, runs.output,
       best.metric AS metric, best.value AS dev_metric, runs.project
FROM runs LEFT JOIN best_epochs AS best ON best.run_id = runs.id
