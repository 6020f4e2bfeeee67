#!/usr/bin/env python3
"""Counts how often both methods of `addnorm explain` name the same most important word.

    python3 scripts/checks/explain_agreement.py MODEL TEXTS.tsv [OPTIONS OF addnorm explain …]

TEXTS.tsv has the text in its first column, without a header. Needs nothing but Python.
"""

import json
import subprocess
import sys
from pathlib import Path

ADDNORM = Path(__file__).resolve().parents[2] / ".build/release/addnorm"
METHODS = ["gradient", "leave_one_out"]


def largest(words, method, key):
    return max(range(len(words)), key=lambda i: key(words[i][method]))


if len(sys.argv) < 3:
    sys.exit(__doc__)
model, path, *options = sys.argv[1:]
texts = "".join(line.split("\t")[0].rstrip("\n") + "\n" for line in open(path, encoding="utf-8", newline="\n"))
process = subprocess.run(
    [ADDNORM, "explain", "--json", "--model", model, *options], input=texts, stdout=subprocess.PIPE, text=True, encoding="utf-8"
)
if process.returncode:
    sys.exit(process.returncode)
texts = signed = absolute = in_three = 0
chance = 0.0
# A line ends at LF only: texts can contain other Unicode line separators.
for line in process.stdout.split("\n")[:-1]:
    answer = json.loads(line)
    words = [word for word in answer["words"] if word["gradient"] is not None]
    if not words:
        continue
    texts += 1
    signed += answer["agree"]
    absolute += largest(words, "gradient", abs) == largest(words, "leave_one_out", abs)
    chance += 1 / len(words)
    ranked = sorted(range(len(words)), key=lambda i: -words[i]["leave_one_out"])
    in_three += largest(words, "gradient", float) in ranked[:3]
print(f"{texts} texts with words, {100 * chance / texts:.1f} % by chance")
print(f"the word most in favour is the same:      {100 * signed / texts:.1f} %")
print(f"the largest score by its absolute value:  {100 * absolute / texts:.1f} %")
print(f"gradient's word is among the first three that matter if left out:  {100 * in_three / texts:.1f} %")
