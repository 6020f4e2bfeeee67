#!/usr/bin/env python3
"""Two trainings and a reader on one database, for some minutes: no error, no row lost or doubled.

    scripts/checks/concurrency.py [--minutes 3] [--addnorm .build/release/addnorm]

Trains small models on the repository's reviews, again and again, in two processes at a time, each with a database of its own beside
the shared one as the truth, while a third process reads without a pause. Needs Python's standard library only.
"""

import argparse
import os
import pathlib
import sqlite3
import subprocess
import tempfile
import threading
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--minutes", type=float, default=3)
parser.add_argument("--addnorm", default=".build/release/addnorm")
arguments = parser.parse_args()
addnorm = os.path.abspath(arguments.addnorm)
root = pathlib.Path(__file__).resolve().parents[2]
deadline = time.monotonic() + 60 * arguments.minutes
problems = []
counts = {"trainings": 0, "reads": 0}


def call(folder, *command):
    result = subprocess.run([addnorm, *command], cwd=folder, capture_output=True, text=True)
    # A locked database is a notice of a training that goes on; here it is a failure as well.
    if result.returncode != 0 or "locked" in result.stderr:
        problems.append(f"{command}: {result.returncode} {result.stderr[-500:]}")
    return result.stdout


def train(folder, worker):
    number = 0
    while time.monotonic() < deadline:
        number += 1
        call(folder, "train", "--train", f"{root}/data/reviews/train.tsv", "--dev", f"{root}/data/reviews/dev.tsv", "--output",
             f"model-{worker}", "--overwrite", "--layers", "1", "--hidden-size", "32", "--heads", "2", "--epochs", "20",
             "--batch-size", "4", "--threads", "1", "--seed", str(number), "--name", f"{worker}-{number}")
        counts["trainings"] += 1


def read(folder):
    while time.monotonic() < deadline:
        if os.path.exists(f"{folder}/addnorm.sqlite"):
            call(folder, "runs", "list", "--json")
            call(folder, "runs", "query", "SELECT run_id, count(*) FROM metrics GROUP BY run_id")
            counts["reads"] += 2


with tempfile.TemporaryDirectory() as folder:
    # The first run makes the database, so that readers find one.
    call(folder, "train", "--train", f"{root}/data/reviews/train.tsv", "--dev", f"{root}/data/reviews/dev.tsv", "--output", "first",
         "--layers", "1", "--hidden-size", "32", "--heads", "2", "--epochs", "20", "--batch-size", "4", "--threads", "1", "--name", "first")
    threads = [threading.Thread(target=train, args=(folder, worker)) for worker in "ab"]
    threads.append(threading.Thread(target=read, args=(folder,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database = sqlite3.connect(f"{folder}/addnorm.sqlite")
    # 1,000 texts in batches of 4 are 250 steps an epoch: four values every ten steps, and four at the end of each epoch.
    expected = 20 * (4 * 25 + 4)
    for name, status, rows in database.execute(
            "SELECT name, status, (SELECT count(*) FROM metrics WHERE run_id = runs.id) FROM runs"):
        if status != "finished" or rows != expected:
            problems.append(f"{name}: {status}, {rows} metrics instead of {expected}")
    runs = database.execute("SELECT count(*) FROM runs").fetchone()[0]
    if runs != counts["trainings"] + 1:
        problems.append(f"{runs} runs instead of {counts['trainings'] + 1}")
    if database.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
        problems.append("the database is damaged")
    mode = database.execute("PRAGMA journal_mode").fetchone()[0]
    print(f"{runs} runs of {expected} metrics each, {counts['reads']} reads, journal mode {mode}: {len(problems)} problems")
for problem in problems:
    print(problem)
raise SystemExit(bool(problems))
