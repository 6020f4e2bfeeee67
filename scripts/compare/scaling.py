#!/usr/bin/env python3
"""How addnorm's speed and memory depend on threads, length of the texts, and batch size, as tables.

    python3 scripts/compare/scaling.py [MODEL [DATA.tsv]]

The texts of a given length are one word again and again, which must be one token of the model. It takes some minutes, and the
machine should be idle.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ADDNORM = Path(__file__).resolve().parents[2] / ".build/release/addnorm"


def benchmark(model, data, *options):
    command = [ADDNORM, "benchmark", "--model", model, "--data", data, "--json", *map(str, options)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def table(first, results):
    print(f"\n| {first} | classifying, tokens/s | of peak | peak memory | training, tokens/s | of peak | peak memory | one text |")
    print("| --- " * 8 + "|")
    for name, result in results:
        cells = [str(name)]
        for work in (result["classifying"], result["training"]):
            cells += [f"{work['tokens_per_second']:,.0f}", f"{100 * work['share_of_peak']:.0f} %", f"{work['peak_memory_mb']:,.0f} MB"]
        cells.append(f"{result['latency']['p50_ms']:.2f} ms")
        print("| " + " | ".join(cells) + " |", flush=True)


def main(model="models/minilm-l6", data="data/reviews/train.tsv"):
    with tempfile.TemporaryDirectory() as folder:

        def texts(length, count):
            """A file of `count` texts of `length` tokens; two of them are [CLS] and [SEP]."""
            path = f"{folder}/{length}-{count}.tsv"
            lines = (f"{' '.join(['good'] * (length - 2))}\t{'ab'[i % 2]}\n" for i in range(count))
            Path(path).write_text("".join(lines))
            return path

        table("threads", ((n, benchmark(model, data, "--threads", n, "--steps", 30)) for n in (1, 2)))
        lengths = (16, 32, 64, 128, 256, 512)
        table(
            "tokens in a text, 16 texts in a batch",
            ((n, benchmark(model, texts(n, max(16, 8192 // n)), "--max-length", 512, "--batch-size", 16, "--steps", max(2, 256 // n)))
             for n in lengths))  # fmt: skip
        sizes = (1, 2, 4, 8, 16, 32, 64, 128, 256)
        table(
            "texts in a batch, 32 tokens in a text",
            ((n, benchmark(model, texts(32, 256), "--batch-size", n, "--steps", max(3, 128 // n))) for n in sizes))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
