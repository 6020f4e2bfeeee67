#!/usr/bin/env python3
"""Makes a large database of runs, to measure how `addnorm runs` copes with it.

    scripts/checks/many_runs.py DATABASE OUTPUT [--runs 10000] [--metrics 1000]

DATABASE is any database that addnorm has written, with at least one run: OUTPUT gets its schema and copies of its latest run, each
with other figures. Needs Python's standard library only.
"""

import argparse
import os
import random
import sqlite3
import uuid
from datetime import datetime, timedelta, timezone

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("database")
parser.add_argument("output")
parser.add_argument("--runs", type=int, default=10_000)
parser.add_argument("--metrics", type=int, default=1000, help="rows for each run")
arguments = parser.parse_args()
if os.path.exists(arguments.output):
    parser.error(f"{arguments.output} is there already")

source = sqlite3.connect(f"file:{arguments.database}?mode=ro", uri=True)
source.row_factory = sqlite3.Row
target = sqlite3.connect(arguments.output, isolation_level=None)
target.execute("PRAGMA synchronous = OFF")
target.execute("BEGIN")
# Tables before indexes and views.
for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type <> 'table', rowid"):
    target.execute(sql)
for row in source.execute("SELECT * FROM grdb_migrations"):
    target.execute("INSERT INTO grdb_migrations VALUES (?)", tuple(row))

template = dict(source.execute("SELECT * FROM runs ORDER BY id DESC LIMIT 1").fetchone())
params = [tuple(row) for row in source.execute("SELECT name, value FROM params WHERE run_id = ?", (template["id"],))]
epochs = min(10, max(1, arguments.metrics // 8))
records = (arguments.metrics - 4 * epochs) // 4
generator = random.Random(1)
columns = list(template)
insert = f"INSERT INTO runs ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
begin = datetime(2026, 1, 1, tzinfo=timezone.utc)


def iso(time):
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


for run in range(1, arguments.runs + 1):
    start = begin + timedelta(minutes=run)
    seed = generator.randrange(1 << 31)
    learning_rate = generator.choice([5e-5, 1e-4, 2e-4, 5e-4])
    level = generator.gauss(0.87, 0.02)
    values = {**template, "id": run, "name": f"run-{run}", "status": "finished", "seed": seed, "started_at": iso(start)}
    values |= {"finished_at": iso(start + timedelta(seconds=50)), "output": f"/models/run-{run}", "error": None}
    values |= {"uuid": str(uuid.uuid4()).upper()}
    target.execute(insert, [values[column] for column in columns])
    target.executemany(
        "INSERT INTO params VALUES (?, ?, ?)",
        [(run, name, {"seed": seed, "learning_rate": learning_rate}.get(name, value)) for name, value in params])
    rows = []
    for record in range(1, records + 1):
        step, epoch, time = 10 * record, epochs * record / records, iso(start + timedelta(seconds=50 * record / records))
        loss = 0.7 / (1 + epoch) + generator.gauss(0, 0.02)
        for name, value in (("batch_loss", loss), ("learning_rate", learning_rate * (1 - record / records)),
                            ("grad_norm", abs(generator.gauss(1, 0.3))), ("tokens_per_second", generator.gauss(3000, 90))):
            rows.append((run, "train", name, step, epoch, value, time))
    for epoch in range(1, epochs + 1):
        step, time = 10 * records * epoch // epochs, iso(start + timedelta(seconds=50 * epoch / epochs))
        accuracy = level - 0.1 / epoch + generator.gauss(0, 0.005)
        for split, name, value in (("train", "loss", 0.7 / (1 + epoch)), ("dev", "loss", 0.4 + 0.1 / epoch),
                                   ("dev", "accuracy", accuracy), ("dev", "macro_f1", accuracy - 0.002)):
            rows.append((run, split, name, step, epoch, value, time))
    target.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?, ?)", sorted(rows))
target.execute("COMMIT")
count = target.execute("SELECT count(*) FROM metrics").fetchone()[0]
print(f"{arguments.output}: {arguments.runs:,} runs, {count:,} metrics, {os.path.getsize(arguments.output):,} bytes")
