SELECT judged.run_id, judged.step, judged.epoch, accuracy.value, f1.value, loss.value, judged.name, judged.value
FROM runs
JOIN metrics AS judged ON judged.run_id = runs.id AND judged.split = 'dev' AND judged.name = coalesce(
    (SELECT CASE value WHEN 'log_loss' THEN 'loss' ELSE value END FROM params
     WHERE run_id = runs.id AND name = 'metric'), 'macro_f1')
LEFT JOIN metrics AS accuracy ON accuracy.run_id = runs.id AND accuracy.split = 'dev'
    AND accuracy.name = 'accuracy' AND accuracy.step = judged.step
LEFT JOIN metrics AS f1 ON f1.run_id = runs.id AND f1.split = 'dev' AND f1.name = 'macro_f1'
    AND f1.step = judged.step
LEFT JOIN metrics AS loss ON loss.run_id = runs.id AND loss.split = 'dev' AND loss.name = 'loss'
    AND loss.step = judged.step
WHERE runs.id = :run
ORDER BY judged.value IS NULL, CASE WHEN judged.name IN ('loss', 'mse', 'mae') THEN judged.value ELSE -judged.value END,
    loss.value IS NULL, loss.value, judged.step LIMIT 1
