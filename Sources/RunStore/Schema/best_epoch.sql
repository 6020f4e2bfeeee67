SELECT accuracy.run_id, accuracy.step, accuracy.epoch, accuracy.value, f1.value, loss.value
FROM runs
JOIN metrics AS accuracy ON accuracy.run_id = runs.id AND accuracy.split = 'dev' AND accuracy.name = 'accuracy'
JOIN metrics AS f1 ON f1.run_id = runs.id AND f1.split = 'dev' AND f1.name = 'macro_f1'
    AND f1.step = accuracy.step
LEFT JOIN metrics AS loss ON loss.run_id = runs.id AND loss.split = 'dev' AND loss.name = 'loss'
    AND loss.step = accuracy.step
WHERE runs.id = :run
ORDER BY accuracy.value DESC, f1.value DESC, accuracy.step LIMIT 1
