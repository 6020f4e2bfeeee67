#!/usr/bin/env python3
"""Imports runs from an addnorm database into MLflow, with MLflow's own client.

    pip install mlflow
    python3 Examples/mlflow/import_runs.py --db addnorm.sqlite --tracking-uri sqlite:///mlflow.db
    mlflow ui --backend-store-uri sqlite:///mlflow.db

It can be run again at any time, also while a training goes on: runs that are new are added, runs that have changed since are
brought up to date, and no run is there twice. The database is only read. docs/export.md says what becomes of what.
"""

import argparse
import hashlib
import json
import logging
import math
import os
import re
import sqlite3
import sys
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

STATUSES = {"running": "RUNNING", "finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}

# Columns of `runs` that stand elsewhere in MLflow, or say nothing there.
NOT_TAGS = {"name", "status", "started_at", "finished_at", "seed", "threads", "boot_id", "process_namespace", "process_id",
            "process_start", "output_written_at"}

# Figures of an evaluation; those of the second list only where they are defined.
FIGURES = ["loss", "seconds", "examples", "tokens"]
OPTIONAL_FIGURES = ["accuracy", "macro_f1", "weighted_f1", "roc_auc", "average_precision", "mcc", "ece"]
OPTIONAL_FIGURES += [f"{name}_{end}" for name in ("accuracy", "macro_f1") for end in ("low", "high")]
OPTIONAL_FIGURES += [f"{name}{end}" for name in ("mse", "mae", "pearson", "spearman") for end in ("", "_low", "_high")]

# Which run of the database this is; what of it was imported; which tags are its user's.
IDENTITY, IMPORTED, USER_TAGS = "addnorm.identity", "addnorm.imported", "addnorm.tags"
NOTE, DESCRIPTION = "addnorm.note", "mlflow.note.content"

# MLflow's limits: characters of a value, and entries of a batch. A batch must not have more than a megabyte either, so that
# there are fewer parameters and tags in one than the hundred that MLflow would take.
LONGEST_PARAM, LONGEST_TAG = 6000, 8000
METRICS_IN_BATCH, STRINGS_IN_BATCH = 1000, 20


class ImportFailure(Exception):
    """Why runs cannot be imported, for a person."""


@dataclass
class Run:
    """A run as MLflow is to have it. Times are in milliseconds since 1970."""

    identity: str
    name: str
    status: str
    start: int
    end: "int | None"
    tags: dict
    params: dict
    metrics: list  # (key, step, time, value)

    def digest(self):
        """Changes with everything that is imported."""
        contents = [self.name, self.status, self.start, self.end, self.tags, self.params, self.metrics]
        return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()


# Reading the database


def milliseconds(time):
    return None if time is None else round(datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp() * 1000)


def as_key(text):
    """The text with an underscore for each character that MLflow does not allow in a key, and as long as it allows."""
    return "_" if text in (".", "..") else re.sub(r"[^\w\-. ]", "_", text)[:200]


def as_value(number):
    """NaN where there is no number; an infinite one is the largest that there is, as everywhere in MLflow."""
    return math.nan if number is None else max(min(float(number), sys.float_info.max), -sys.float_info.max)


def cut(text, length, run, name):
    if len(text) > length:
        print(f"run '{run}': '{name}' is cut to {length:,} characters, which is MLflow's limit", file=sys.stderr)
    return text[:length]


def process_is_gone(run):
    """Whether the process that trains a run has certainly ended, as far as that can be told on this machine: see proc_pid_stat(5)."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        return False
    if run["boot_id"] is None:
        return False
    if run["boot_id"] != boot:
        return run["host"] == os.uname().nodename
    if run["process_namespace"] != namespace:
        return False
    try:
        fields = Path(f"/proc/{run['process_id']}/stat").read_text().rpartition(")")[2].split()
        return fields[0] in "ZX" or run["process_start"] not in (None, int(fields[19]))
    except OSError:
        return not Path(f"/proc/{run['process_id']}").exists()


class RunDatabase:
    """The SQLite file that addnorm writes, opened for reading only."""

    def __init__(self, path):
        if not Path(path).is_file():
            raise ImportFailure(f"{path}: no such database; name it with --db")
        self.path = path
        self.connection = sqlite3.connect(Path(path).resolve().as_uri() + "?mode=ro", uri=True, timeout=10, isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        columns = {row["name"] for row in self.rows("PRAGMA table_info(runs)")}
        if not {"id", "train_sha256", "started_at"} <= columns:
            raise ImportFailure(f"{path}: not a database of addnorm's runs; choose another file with --db")
        if "seed_group" not in columns:
            raise ImportFailure(f"{path}: written by an earlier version of addnorm; 'addnorm runs list --db' brings it up to date")
        self.file_names = self.names_of_files()

    def rows(self, sql, *arguments):
        return self.connection.execute(sql, arguments).fetchall()

    def ids(self):
        return [row["id"] for row in self.rows("SELECT id FROM runs ORDER BY id")]

    def names_of_files(self):
        """What stands for an evaluated file in keys: its name, and where other files have the same one, also the beginning
        of its SHA-256."""
        files = [tuple(row) for row in self.rows("SELECT DISTINCT data, data_sha256 FROM evaluations")]
        contents = defaultdict(set)
        for path, digest in files:
            contents[as_key(os.path.basename(path))].add(digest)
        names = {}
        for path, digest in files:
            name = as_key(os.path.basename(path))
            names[path, digest] = name if len(contents[name]) == 1 else f"{name}-{digest[:8]}"
        return names

    def run(self, id):
        """A run as MLflow is to have it; None if it has been deleted meanwhile."""
        # One moment of the database; it is let go before MLflow is asked for anything.
        self.connection.execute("BEGIN")
        try:
            found = self.rows("SELECT * FROM runs WHERE id = ?", id)
            params = self.rows("SELECT name, value FROM params WHERE run_id = ?", id)
            metrics = self.rows("SELECT * FROM metrics WHERE run_id = ? ORDER BY split, name, step", id)
            evaluations = self.rows("SELECT * FROM evaluations WHERE run_id = ? ORDER BY id", id)
            user_tags = [row["tag"] for row in self.rows("SELECT tag FROM tags WHERE run_id = ? ORDER BY tag", id)]
        finally:
            self.connection.execute("COMMIT")
        if not found:
            return None
        row = found[0]
        status, end = row["status"], row["finished_at"]
        if status == "running" and process_is_gone(row):
            status, end = "interrupted", max((metric["recorded_at"] for metric in metrics), default=row["started_at"])
        return Run(
            identity=hashlib.sha256(f"{id}\n{row['started_at']}\n{row['output']}".encode()).hexdigest()[:32],
            name=row["name"], status=STATUSES[status], start=milliseconds(row["started_at"]), end=milliseconds(end),
            tags=self.tags(row, user_tags),
            params={as_key(name): cut("" if value is None else str(value), LONGEST_PARAM, row["name"], name) for name, value in params},
            metrics=self.metrics(metrics, evaluations))

    def tags(self, row, user_tags):
        tags = {"mlflow.runName": row["name"], "mlflow.source.name": "addnorm", "mlflow.source.type": "LOCAL"}
        for column in row.keys():
            if column not in NOT_TAGS and row[column] is not None:
                name = f"addnorm.{column}"
                tags[name] = cut(str(row[column]), LONGEST_TAG, row["name"], name)
        if NOTE in tags:
            tags[DESCRIPTION] = tags[NOTE]
        # Tags that a user chose may look like others, which come first.
        keys = [key for key in dict.fromkeys(map(as_key, user_tags)) if key not in tags and key not in (IDENTITY, IMPORTED, USER_TAGS)]
        tags.update(dict.fromkeys(keys, "true"))
        if keys:
            tags[USER_TAGS] = ", ".join(keys)[:LONGEST_TAG]
        return tags

    def metrics(self, rows, evaluations):
        values = [(f"{row['split']}/{row['name']}", row["step"], milliseconds(row["recorded_at"]), as_value(row["value"]))
                  for row in rows]
        # Each further result on a file is a step.
        steps = defaultdict(int)
        for row in evaluations:
            file = self.file_names.get((row["data"], row["data_sha256"]), "other")
            for figure in FIGURES + [name for name in OPTIONAL_FIGURES if row[name] is not None]:
                values.append((f"eval/{file}/{figure}", steps[file], milliseconds(row["evaluated_at"]), as_value(row[figure])))
            steps[file] += 1
        return values


# Writing to MLflow


def batches(items, size):
    items = list(items)
    return [items[start:start + size] for start in range(0, len(items), size)]


def comparable(value):
    """NaN is not equal to itself."""
    return "NaN" if math.isnan(value) else value


class Experiment:
    """An experiment of MLflow, with the runs that were imported into it before."""

    def __init__(self, client, name):
        self.client = client
        found = client.get_experiment_by_name(name)
        if found and found.lifecycle_stage == "deleted":
            raise ImportFailure(f"MLflow's experiment '{name}' has been deleted; restore it, or choose another with --experiment")
        self.id = found.experiment_id if found else client.create_experiment(name)
        self.runs, token = {}, None
        while True:
            page = client.search_runs([self.id], run_view_type=ViewType.ALL, max_results=1000, page_token=token)
            self.runs.update((run.data.tags[IDENTITY], run) for run in page if IDENTITY in run.data.tags)
            token = page.token
            if not token:
                break

    def take(self, run):
        """Adds a run, or brings it up to date. Says what was done: new, updated, unchanged or deleted (there, by a user of MLflow)."""
        known = self.runs.get(run.identity)
        if known and known.info.lifecycle_stage == "deleted":
            return "deleted"
        digest = run.digest()
        if known and known.data.tags.get(IMPORTED) == digest:
            return "unchanged"
        missing = run.metrics
        if known:
            missing, superfluous = self.difference(known, run.metrics)
            if superfluous or any(run.params.get(name, value) != value for name, value in known.data.params.items()):
                # MLflow changes no parameter, and takes back no value of a metric. A training that was killed and then
                # resumed has replaced some.
                self.client.delete_tag(known.info.run_id, IDENTITY)
                self.client.delete_run(known.info.run_id)
                known, missing = None, run.metrics
        id = known.info.run_id if known else self.client.create_run(
            self.id, start_time=run.start, tags={IDENTITY: run.identity}, run_name=run.name).info.run_id
        self.write(id, run, missing, known.data if known else None)
        if run.end is not None:
            self.client.set_terminated(id, run.status, run.end)
        elif known:
            self.client.update_run(id, run.status)
        # Last, so that an import that was broken off is completed by the next one.
        self.client.set_tag(id, IMPORTED, digest)
        return "updated" if run.identity in self.runs else "new"

    def difference(self, known, metrics):
        """The values of metrics that MLflow lacks, and those that it has and the database has not. Metrics with other names
        were added in MLflow."""
        there = {(key, value.step, value.timestamp, comparable(value.value))
                 for key in known.data.metrics if key.startswith(("train/", "dev/", "eval/"))
                 for value in self.client.get_metric_history(known.info.run_id, key)}
        wanted = {(key, step, time, comparable(value)): (key, step, time, value) for key, step, time, value in metrics}
        return [value for key, value in wanted.items() if key not in there], there - wanted.keys()

    def write(self, id, run, metrics, known):
        tags = known.tags if known else {}
        params = known.params if known else {}
        for batch in batches((item for item in run.params.items() if item[0] not in params), STRINGS_IN_BATCH):
            self.client.log_batch(id, params=[Param(*item) for item in batch])
        for batch in batches((item for item in run.tags.items() if tags.get(item[0]) != item[1]), STRINGS_IN_BATCH):
            self.client.log_batch(id, tags=[RunTag(*item) for item in batch])
        for batch in batches(metrics, METRICS_IN_BATCH):
            self.client.log_batch(id, metrics=[Metric(key, value, time, step) for key, step, time, value in batch])
        # Tags that the database has no more. Those that were set in MLflow stay.
        ours = {name for name in tags if name.startswith("addnorm.")} | set(tags.get(USER_TAGS, "").split(", ")) & tags.keys()
        if tags.get(DESCRIPTION) == tags.get(NOTE):
            ours |= {DESCRIPTION} & tags.keys()
        for name in ours - run.tags.keys() - {IDENTITY, IMPORTED}:
            self.client.delete_tag(id, name)


def import_runs(arguments):
    database = RunDatabase(arguments.db)
    counts = dict.fromkeys(["new", "updated", "unchanged", "deleted"], 0)
    ids = database.ids()
    experiment = Experiment(MlflowClient(tracking_uri=arguments.tracking_uri), arguments.experiment)
    for place, id in enumerate(ids, 1):
        run = database.run(id)
        if run:
            counts[experiment.take(run)] += 1
        if sys.stderr.isatty():
            print(f"\r{place:,} of {len(ids):,} runs", end="" if place < len(ids) else "\n", file=sys.stderr, flush=True)
    deleted = f", {counts['deleted']:,} deleted in MLflow" if counts["deleted"] else ""
    print(f"{counts['new']:,} runs are new, {counts['updated']:,} brought up to date, {counts['unchanged']:,} as they were{deleted}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", default=os.environ.get("ADDNORM_DB") or "addnorm.sqlite",
                        help="the database of runs (default: $ADDNORM_DB, else addnorm.sqlite)")
    parser.add_argument("--tracking-uri", required=True, help="where MLflow keeps its runs: sqlite:///mlflow.db, http://host:5000, …")
    parser.add_argument("--experiment", default="addnorm", help="the experiment of the runs (default: addnorm)")
    arguments = parser.parse_args()
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    try:
        import_runs(arguments)
    except ImportFailure as failure:
        sys.exit(f"import_runs.py: {failure}")
    except sqlite3.Error as error:
        sys.exit(f"import_runs.py: {arguments.db}: {remedy(error)}")
    except MlflowException as error:
        sys.exit(f"import_runs.py: MLflow at {arguments.tracking_uri}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def remedy(error):
    """An error of SQLite with what to do about it."""
    text = str(error)
    if "locked" in text:
        return "locked by another process, and stays so; end that process"
    if "not a database" in text:
        return "not a SQLite database; choose another file with --db"
    if "readonly" in text or "unable to open" in text:
        return f"{text}; if its writer was killed, 'addnorm runs list --db' restores the file"
    return text


if __name__ == "__main__":
    main()
