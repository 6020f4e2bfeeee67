#!/usr/bin/env python3
"""Edits a database of runs at random, as other programs might, and tries every command that reads it: none may end by a signal.

    edited_databases.py addnorm.sqlite [ROUNDS] [SEED]        1,000 rounds unless it says otherwise

A round changes some values to others of any type, renames or drops a column or a table, or changes bytes of the file. The database itself is not changed.
Needs a release build. Ends with status 1, and names the edit, if a command was ended by a signal, ran for more than a minute, or failed without an error message.
"""

import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ADDNORM = Path(__file__).resolve().parents[2] / ".build/release/addnorm"
VALUES = [
    None, 0, -1, 1, 2**63 - 1, -(2**63), 1e19, -1e308, 1e308, float("inf"), 0.5, "", "text", "é", "e\u0301", "\0", "1", "-1", "1e999",
    "2026-01-01T00:00:00.000Z", b"", b"\xff\xfe", b"\x00", "\x1b[2J", "\u202e", "x" * 10000, "finished", "running", "dev", "loss",
]
COMMANDS = [
    ["runs", "list"], ["runs", "list", "--json"], ["runs", "list", "--where", "accuracy > 0", "--sort", "loss"], ["runs", "show", "1"],
    ["runs", "show", "2", "--json"], ["runs", "compare", "1", "2", "--flips", "3"], ["runs", "compare", "1", "2", "--json"],
    ["runs", "compare", "1", "2", "--group-by", "pooling"], ["runs", "plot", "1", "2"], ["runs", "plot", "1", "2", "--output", "p.svg"],
    ["runs", "report", "1", "2", "--output", "r.html"], ["runs", "export", "--output", "e.json"], ["runs", "export", "--output", "e.csv"],
    ["runs", "best"], ["runs", "best", "--metric", "loss"], ["runs", "watch", "1"], ["runs", "query", "SELECT * FROM run_summary"],
    ["runs", "delete", "2"], ["runs", "prune", "--yes"], ["runs", "tag", "1", "t"], ["runs", "rename", "1", "other"],
]


def edit(path, dice):
    """Changes the database; returns what was done."""
    if dice.random() < 0.15:
        data = bytearray(path.read_bytes())
        places = [dice.randrange(len(data)) for _ in range(dice.choice([1, 3, 50]))]
        for place in places:
            data[place] = dice.randrange(256)
        path.write_bytes(data[: len(data) if dice.random() < 0.8 else dice.randrange(len(data))])
        return f"bytes {places[:5]}"
    db = sqlite3.connect(path)
    db.executescript("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; PRAGMA recursive_triggers = OFF;")
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
    done = []
    for _ in range(dice.choice([1, 1, 2, 4])):
        table = dice.choice(tables)
        columns = [row[1] for row in db.execute(f'PRAGMA table_info("{table}")')]
        column = dice.choice(columns or ["x"])
        kind = dice.random()
        if kind < 0.85:
            where = dice.choice(["", " WHERE random() % 3 = 0", " WHERE random() % 20 = 0"])
            statement, values = f'UPDATE OR REPLACE "{table}" SET "{column}" = ?{where}', [dice.choice(VALUES)]
        elif kind < 0.91:
            statement, values = f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO "{column}_"', []
        elif kind < 0.95:
            statement, values = f'DELETE FROM "{table}"', []
        else:
            statement, values = f'DROP TABLE "{table}"', []
        try:
            db.execute(statement, values)
            done.append(f"{statement} {str(values)[:60]}")
        except (sqlite3.Error, OverflowError):
            pass
    db.commit()
    db.close()
    return "; ".join(done)


def main(source, rounds, seed):
    dice = random.Random(seed)
    # 64: a name that reads as that of another run.
    answers = {0: 0, 1: 0, 64: 0}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.sqlite"
        for number in range(rounds):
            shutil.copy(source, path)
            what = edit(path, dice)
            for command in dice.sample(COMMANDS, 4):
                try:
                    result = subprocess.run(
                        [ADDNORM, *command, "--db", path], cwd=folder, capture_output=True, timeout=60, stdin=subprocess.DEVNULL
                    )
                except subprocess.TimeoutExpired:
                    sys.exit(f"round {number}: {' '.join(command)} did not end, after: {what}")
                if result.returncode not in answers or (result.returncode != 0 and b"Error: " not in result.stderr):
                    error = result.stderr.decode(errors="replace")[-2000:]
                    sys.exit(f"round {number}: {' '.join(command)} ended with {result.returncode}, after: {what}\n{error}")
                answers[result.returncode] += 1
    print(f"{rounds} edits, seed {seed}: {answers[0]} commands answered, {answers[1] + answers[64]} refused, none ended by a signal")


if __name__ == "__main__":
    main(sys.argv[1], int((sys.argv[2:3] or [1000])[0]), int((sys.argv[3:4] or [1])[0]))
