#!/usr/bin/env python3
"""How many of the labels that were flipped on purpose `addnorm data --suspects` finds.

    scripts/checks/suspects.py MODEL TRAIN.tsv [--share 0.05] [--seed 1] [-- options of `addnorm data`]

Flips the labels of some rows of a TSV file with two labels, asks for as many suspects as were flipped, and prints the share of
them that are flipped ones.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model")
parser.add_argument("train")
parser.add_argument("--share", type=float, default=0.05)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--program", default=".build/release/addnorm")
own, options = sys.argv[1:], []
if "--" in own:
    own, options = own[: own.index("--")], own[own.index("--") + 1 :]
arguments = parser.parse_args(own)

lines = pathlib.Path(arguments.train).read_text(encoding="utf-8").removesuffix("\n").split("\n")
rows = [line.split("\t") for line in lines]
labels = sorted({label for _, label in rows})
assert len(labels) == 2, f"two labels are needed, not {labels}"
flipped = set(random.Random(arguments.seed).sample(range(len(rows)), round(arguments.share * len(rows))))
with tempfile.TemporaryDirectory() as folder:
    noisy = pathlib.Path(folder) / "noisy.tsv"
    noisy.write_text(
        "".join(
            f"{text}\t{labels[1 - labels.index(label)] if row in flipped else label}\n"
            for row, (text, label) in enumerate(rows)
        ),
        encoding="utf-8",
    )
    command = [arguments.program, "data", str(noisy), "--model", arguments.model, "--suspects", str(len(flipped)), "--json"]
    result = json.loads(subprocess.run(command + options, check=True, stdout=subprocess.PIPE).stdout)
found = sum(row["line"] - 1 in flipped for row in result["suspects"])
print(f"{len(flipped)} of {len(rows)} labels flipped; {found} of the first {len(flipped)} suspects are: {found / len(flipped):.3f}")
print(f"estimated number of wrong labels: {result['estimated_errors']}")
