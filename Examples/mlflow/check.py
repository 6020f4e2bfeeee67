#!/usr/bin/env python3
"""Checks that MLflow reads from imported runs what the database of runs has.

    pip install mlflow==3.17.2
    python3 Examples/mlflow/import_runs.py --db addnorm.sqlite --tracking-uri sqlite:///mlflow.db
    python3 Examples/mlflow/check.py addnorm.sqlite sqlite:///mlflow.db

Every run, parameter, tag and value of a metric is asked for through MLflow's client and compared with the database; the script ends
with status 1 if something differs. Run it while no training goes on. It shares no code with what it checks.
"""

import logging
import math
import os
import re
import sqlite3
import sys
from collections import defaultdict
from datetime import datetime

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
from mlflow import MlflowClient

logging.getLogger("mlflow").setLevel(logging.WARNING)
STATUSES = {"running": "RUNNING", "finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
FIGURES = ["loss", "seconds", "examples", "tokens"]
WHERE_DEFINED = ["accuracy", "macro_f1", "weighted_f1", "roc_auc", "average_precision", "mcc", "ece", "accuracy_low", "accuracy_high", "macro_f1_low", "macro_f1_high"]
WHERE_DEFINED += [f"{name}{end}" for name in ("mse", "mae", "pearson", "spearman") for end in ("", "_low", "_high")]
NOT_TAGS = {"name", "status", "started_at", "finished_at", "seed", "threads", "boot_id",
            "process_namespace", "process_id", "process_start", "output_written_at"}
failures = 0


def report(what, count, differing):
    global failures
    failures += bool(differing)
    print(f"{'FAIL' if differing else 'ok  '}  {what}: {count:,} compared, {len(differing):,} differ", *differing[:3], flush=True)


def milliseconds(time):
    return None if time is None else round(datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp() * 1000)


def as_mlflow(value):
    """What MLflow has for infinities."""
    if value is None:
        return math.nan
    return max(min(value, sys.float_info.max), -sys.float_info.max)


def key(text):
    return "_" if text in (".", "..") else re.sub(r"[^\w\-. ]", "_", text)[:200]


def is_same(one, other):
    return one == other or isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other)


def number(text):
    try:
        return float(text)
    except ValueError:
        return text


def expected_metrics(database, run, names):
    """The history of each metric: key → [(step, milliseconds, value)]."""
    result = defaultdict(list)
    rows = database.execute("SELECT split, name, step, recorded_at, value FROM metrics WHERE run_id = ? ORDER BY step", (run,))
    for split, name, step, time, value in rows:
        result[f"{split}/{name}"].append((step, milliseconds(time), as_mlflow(value)))
    for row in database.execute("SELECT * FROM evaluations WHERE run_id = ? ORDER BY id", (run,)):
        file = names[row["data"], row["data_sha256"]]
        step = len(result[f"eval/{file}/loss"])
        for figure in FIGURES + [name for name in WHERE_DEFINED if row[name] is not None]:
            value = row[figure]
            result[f"eval/{file}/{figure}"].append(
                (step, milliseconds(row["evaluated_at"]), as_mlflow(None if value is None else float(value))))
    return result


def names_of_files(database):
    files = {tuple(row) for row in database.execute("SELECT DISTINCT data, data_sha256 FROM evaluations")}
    contents = defaultdict(set)
    for path, digest in files:
        contents[key(os.path.basename(path))].add(digest)
    names = {}
    for path, digest in files:
        name = key(os.path.basename(path))
        names[path, digest] = name if len(contents[name]) == 1 else f"{name}-{digest[:8]}"
    return names


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    client = MlflowClient(tracking_uri=sys.argv[2])
    experiment = client.get_experiment_by_name("addnorm")
    found, token = [], None
    while True:
        page = client.search_runs([experiment.experiment_id], max_results=1000, page_token=token)
        found += page
        token = page.token
        if not token:
            break
    by_id = {int(run.data.tags["addnorm.id"]): run for run in found}
    report("runs that are there twice", len(found), sorted({run.info.run_id for run in found} - {run.info.run_id for run in by_id.values()}))
    runs = {row["id"]: row for row in database.execute("SELECT * FROM runs")}
    report("runs", len(runs), sorted(set(runs) ^ set(by_id)))

    names = names_of_files(database)
    differing = {kind: [] for kind in ("fields", "parameters", "tags", "latest values", "values of metrics")}
    counts = dict.fromkeys(differing, 0)

    def compare(kind, what, one, other):
        counts[kind] += 1
        if not is_same(one, other):
            differing[kind].append((what, one, other))

    for id, row in runs.items():
        run = by_id.get(id)
        if run is None:
            continue
        compare("fields", id, run.info.run_name, row["name"])
        compare("fields", id, run.info.status, STATUSES[row["status"]])
        compare("fields", id, run.info.start_time, milliseconds(row["started_at"]))
        compare("fields", id, run.info.end_time, milliseconds(row["finished_at"]))
        params = dict(database.execute("SELECT name, value FROM params WHERE run_id = ?", (id,)).fetchall())
        for name in params.keys() | run.data.params.keys():
            compare("parameters", (id, name), number(run.data.params.get(name, "")), number(str(params.get(name, ""))[:6000]))
        tags = {f"addnorm.{name}": str(row[name])[:8000] for name in row.keys() if name not in NOT_TAGS and row[name] is not None}
        tags |= {key(tag): "true" for (tag,) in database.execute("SELECT tag FROM tags WHERE run_id = ?", (id,))}
        tags |= {"mlflow.runName": row["name"], "mlflow.source.name": "addnorm", "mlflow.source.type": "LOCAL"}
        if row["note"]:
            tags["mlflow.note.content"] = row["note"][:8000]
        # What the import keeps for itself.
        user_tags = [key for key, value in tags.items() if value == "true"]
        if user_tags:
            tags["addnorm.tags"] = ", ".join(user_tags)
        for name in ("addnorm.identity", "addnorm.imported"):
            tags[name] = run.data.tags.get(name)
        for name in tags.keys() | run.data.tags.keys():
            compare("tags", (id, name), run.data.tags.get(name), tags.get(name))
        metrics = expected_metrics(database, id, names)
        for name in metrics.keys() | run.data.metrics.keys():
            history = metrics.get(name) or [(None, None, None)]
            compare("latest values", (id, name), run.data.metrics.get(name), history[-1][2])
            values = sorted((m.step, m.timestamp, m.value) for m in client.get_metric_history(run.info.run_id, name))
            compare("values of metrics", (id, name, "count"), len(values), len(history))
            for one, other in zip(values, history):
                compare("values of metrics", (id, name, other[0]), one[:2], other[:2])
                compare("values of metrics", (id, name, other[0]), one[2], other[2])
    for kind in differing:
        report(kind, counts[kind], differing[kind])
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
