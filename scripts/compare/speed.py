#!/usr/bin/env python3
"""Compares addnorm's speed and memory with the other engines of this machine; `scripts/compare/speed.sh` sets them up and calls this.

    pip install torch==2.15.0 transformers==5.24.0 onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 nncf==3.4.0
    speed.py MODEL DATA.tsv [--rows float32 bf16 int8 base] [--rounds 5]

| rows | what is measured |
| --- | --- |
| float32 | fine-tuning, classifying the file, one sentence, tokenizing, memory |
| bf16 | fine-tuning and classifying in 16 bits, on processors with AVX512-BF16 |
| int8 | classifying, one sentence and memory in 8 bits |
| base | classifying and fine-tuning an encoder of 12 layers of 768 with random weights |

Everything is run in turn, round after round, each in a process of its own on all processors, with batches of 32 texts of at most 128
tokens. Every round gives one ratio of each row; the table has the median of the ratios and their range. Padding does not count as a token.

The classifier, the same for all, is one that addnorm has trained for an epoch without every fourth text of the file. These are what the last three rows
classify (`base` 160 of them), and `addnorm evaluate` says how fast; 8 bits are calibrated on 300 others. An engine with several ways to the same precision
is measured by its fastest. What is not installed, or what the processor has no instructions for, is left out, and said.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import peers
from peers import BATCH, SENTENCE
from program import ADDNORM

STEPS, STEPS_OF_BASE = 50, 11
HAS_BF16 = "avx512_bf16" in Path("/proc/cpuinfo").read_text().split()
# The precisions of each engine.
FLOAT32 = {"onnx": ["fp32"], "openvino": ["fp32"], "pytorch": ["fp32"]}
BF16 = {"openvino": ["bf16"], "pytorch": ["bf16", "bf16-autocast"]}
INT8 = {"onnx": ["int8", "int8-columns"], "openvino": ["int8"] + ["int8-bf16"] * HAS_BF16, "pytorch": ["int8"]}
NAMES = {
    "addnorm": "addnorm", "onnx": "ONNX Runtime", "openvino": "OpenVINO", "pytorch": "PyTorch", "fp32": "Float32", "bf16": "bf16", "int8": "int8",
    "bf16-autocast": "bf16 by autocast", "int8-columns": "int8, a scale for each column", "int8-bf16": "int8 beside bf16"}  # fmt: skip


def process(command):
    """Runs a command; its output, its seconds, and its peak memory in MB."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(list(map(str, command)), stdout=output, stderr=errors)
        _, status, usage = os.wait4(child.pid, 0)
        if status != 0:
            errors.seek(0)
            sys.exit(f"{errors.read().decode()[-2000:]}\nfailed: {' '.join(map(str, command))}")
        output.seek(0)
        return output.read().decode(), time.perf_counter() - start, usage.ru_maxrss / 1000


def addnorm(command, *options):
    return process([ADDNORM, command, *options])


def peer(work, *arguments):
    output, seconds, memory = process([sys.executable, peers.__file__, work, *arguments])
    return {**json.loads(output.splitlines()[-1]), "seconds": seconds, "memory": memory}


def latency(model, texts):
    """The median time in ms from a text on standard input to its answer, after a first one."""
    times = []
    with subprocess.Popen([ADDNORM, "predict", "--model", model, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        for text in texts:
            start = time.perf_counter()
            child.stdin.write(f"{text}\n".encode())
            child.stdin.flush()
            child.stdout.readline()
            times.append(1000 * (time.perf_counter() - start))
        child.stdin.close()
    return median(times[1:])


class Comparison:
    """The figures of every kind of work by every engine, a figure for each round; and the files that the work is done on."""

    def __init__(self, model, data, rows, folder):
        self.model, self.data, self.rows, self.folder = model, data, rows, Path(folder)
        self.figures, self.answers = {}, {}
        self.classifier, self.base, self.database = (self.folder / name for name in ("classifier", "base", "runs.sqlite"))
        lines = peers.rows(data)
        self.labels = sorted({label for _, label in lines})
        training = [line for i, line in enumerate(lines) if i % 4 < 3]
        self.training = self.file("training", training)
        self.steps = self.file("steps", training[: BATCH * STEPS])
        self.steps_of_base = self.file("steps-of-base", training[: BATCH * STEPS_OF_BASE])
        self.calibration = self.file("calibration", training[:300])
        self.texts = self.file("texts", lines[3::4])
        self.texts_of_base = self.file("texts-of-base", lines[3::4][:160])

    def file(self, name, rows):
        path = self.folder / f"{name}.tsv"
        path.write_text("".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8", newline="\n")
        return path

    def note(self, work, engine, figure):
        self.figures.setdefault((work, engine), []).append(figure)

    def has(self, *engines):
        return not any(map(peers.missing, engines))

    def prepare(self):
        """Trains the classifier, and makes the models that the rows need."""
        models = [self.classifier] * any(rows != "base" for rows in self.rows) + [self.base] * ("base" in self.rows and self.has("pytorch"))
        if self.classifier in models:
            self.note("memory of an epoch", "addnorm fp32", self.tune(self.classifier, self.training, "cls"))
        if self.base in models:
            peer("base", self.model, self.data, self.base)
        for model in models:
            if self.has("onnx") or self.has("openvino"):
                peer("prepare", model, self.calibration)
        for model in models if {"int8", "base"} & set(self.rows) else []:
            # What random weights answer says nothing.
            options = ["--calibrate", self.calibration] if model == self.classifier else []
            addnorm("compress", "--model", model, "--output", f"{model}-int8", *options)

    def tune(self, output, data, pooling, *options):
        """Fine-tunes for an epoch; returns the memory."""
        arguments = ["--model", self.model, "--train", data, "--output", output, "--pooling", pooling, "--epochs", 1, "--overwrite"]
        return addnorm("train", *arguments, "--db", self.database, *options)[2]

    def speed_of_tuning(self):
        """Of the last one, over all of its steps but the last few."""
        query = "SELECT value FROM metrics WHERE name = 'tokens_per_second' ORDER BY run_id DESC, step DESC"
        return sqlite3.connect(self.database).execute(query).fetchone()[0]

    def classify(self, work, engine, model, data, *options):
        """By addnorm."""
        answers = self.folder / "answers.jsonl"
        arguments = ["--model", model, "--predictions", answers, "--db", self.database, "--json"]
        result = json.loads(addnorm("evaluate", *arguments, *options, data)[0])
        self.note(work, engine, result["tokens"] / result["seconds"])
        lines = answers.read_text(encoding="utf-8").split("\n")
        self.answers[work, engine] = [self.labels.index(json.loads(line)["predicted"]) for line in lines if line]

    def classify_by_peers(self, work, model, data, engines):
        for engine in filter(self.has, engines):
            for precision in engines[engine]:
                result, name = peer("classify", model, data, engine, precision), f"{engine} {precision}"
                self.note(work, name, result["tokens_per_second"])
                self.note(f"{work}, one", name, result["p50_ms"])
                self.note(f"{work}, memory", name, result["memory"])
                self.answers[work, name] = result["answers"]

    # A round

    def float32(self):
        for pooling in ("cls", "mean"):
            arguments = ["--model", self.model, "--data", self.data, "--pooling", pooling, "--steps", STEPS]
            result = json.loads(addnorm("benchmark", *arguments, "--json")[0])
            self.note(f"training {pooling}", "addnorm fp32", result["training"]["tokens_per_second"])
            self.note(f"training {pooling}", "share", result["training"]["share_of_peak"])
            if pooling == "cls":
                self.note("file", "addnorm fp32", result["classifying"]["tokens_per_second"])
                self.note("file, one", "addnorm fp32", result["latency"]["p50_ms"])
                self.note("tokenizing", "addnorm", result["tokenizing_tokens_per_second"])
        self.note("process", "addnorm", addnorm("predict", "--model", self.classifier, "--text", SENTENCE)[1])
        self.classify_by_peers("file", self.classifier, self.data, FLOAT32)
        if self.has("pytorch"):
            for padding, steps in (("grouped", STEPS), ("dynamic", STEPS), ("longest", STEPS // 3)):
                self.note(f"training {padding}", "pytorch fp32", peer("train", self.model, self.data, padding, "fp32", steps)["tokens_per_second"])
            self.note("tokenizing", "tokenizers", peer("tokenize", self.model, self.data)["tokens_per_second"])
            self.note("process", "pytorch", peer("sentence", self.classifier, self.data)["seconds"])
            if ("memory of an epoch", "pytorch fp32") not in self.figures:
                self.note("memory of an epoch", "pytorch fp32", peer("train", self.model, self.training, "grouped", "fp32", 0)["memory"])

    def bf16(self):
        for pooling in ("cls", "mean"):
            for precision, options in {"fp32": [], "bf16": ["--precision", "bf16"]}.items():
                self.tune(self.folder / "tuned", self.steps, pooling, *options)
                self.note(f"steps {pooling}", f"addnorm {precision}", self.speed_of_tuning())
        if self.has("pytorch"):
            self.note("steps", "pytorch bf16", peer("train", self.model, self.steps, "grouped", "bf16", 0)["tokens_per_second"])
        self.classify("texts", "addnorm bf16", self.classifier, self.texts, "--precision", "bf16")
        self.classify_by_peers("texts", self.classifier, self.texts, BF16)

    def int8(self):
        small = f"{self.classifier}-int8"
        self.classify("texts", "addnorm int8", small, self.texts)
        self.classify_by_peers("texts", self.classifier, self.texts, INT8)
        sentences = [text for text, _ in peers.rows(self.texts)][:201]
        for precision, model in (("fp32", self.classifier), ("int8", small)):
            self.note("texts, one", f"addnorm {precision}", latency(model, sentences))
            self.note("texts, memory", f"addnorm {precision}", addnorm("predict", "--model", model, self.texts)[2])

    def of_base(self):
        if not self.has("pytorch"):
            return
        for precision, model in (("fp32", self.base), ("int8", f"{self.base}-int8")):
            self.classify("base", f"addnorm {precision}", model, self.texts_of_base)
        self.classify_by_peers("base", self.base, self.texts_of_base, {engine: FLOAT32[engine] + INT8[engine] for engine in FLOAT32})
        arguments = ["--model", self.base, "--data", self.steps_of_base, "--steps", STEPS_OF_BASE - 3]
        self.note("base training", "addnorm fp32", json.loads(addnorm("benchmark", *arguments, "--json")[0])["training"]["tokens_per_second"])
        self.note("base training", "pytorch fp32", peer("train", self.base, self.steps_of_base, "grouped", "fp32", 0)["tokens_per_second"])

    def round(self):
        if {"bf16", "int8"} & set(self.rows):
            self.classify("texts", "addnorm fp32", self.classifier, self.texts)
        for rows, work in (("float32", self.float32), ("bf16", self.bf16), ("int8", self.int8), ("base", self.of_base)):
            if rows in self.rows:
                work()

    # The tables

    def row(self, title, ours, engine, theirs, unit, lower=False):
        """The median of either side, and of the ratios of the rounds; a ratio above 1 is in favour of addnorm, but for memory."""
        if ours not in self.figures or theirs not in self.figures:
            return
        ours, theirs = self.figures[ours], self.figures[theirs]
        ratios = [b / a if lower else a / b for a, b in zip(ours, theirs)]
        number = lambda values: f"{median(values):,.{0 if median(values) >= 100 else 2}f}"
        spread = f" ({min(ratios):.2f} – {max(ratios):.2f})" if len(ratios) > 1 else ""
        print(f"| {title} | {number(ours)} {unit} | {engine} | {number(theirs)} {unit} | {median(ratios):.2f} ×{spread} |")

    def best(self, title, work, ours, engines, unit, lower=False):
        """A row for each engine, by the best of its precisions."""
        for engine, precisions in engines.items():
            names = [f"{engine} {precision}" for precision in precisions if (work, f"{engine} {precision}") in self.figures]
            if names:
                name = (min if lower else max)(names, key=lambda name: median(self.figures[work, name]))
                self.row(title, (work, ours), name_of(name), (work, name), unit, lower)

    def table(self):
        print("| work | addnorm | against | there | ratio |\n| --- | --- | --- | --- | --- |")
        for pooling, padding, there in (
            ("cls", "grouped", "length-grouped"), ("mean", "grouped", "length-grouped"), ("cls", "dynamic", "dynamic padding (the usual way)"),
            ("cls", "longest", "padded to 128"),
        ):  # fmt: skip
            ours, theirs = (f"training {pooling}", "addnorm fp32"), (f"training {padding}", "pytorch fp32")
            self.row(f"fine-tuning, `{pooling}`", ours, f"PyTorch, {there}", theirs, "tokens/s")
        self.best("classifying a file, `cls`", "file", "addnorm fp32", FLOAT32, "tokens/s")
        self.best("one sentence, model loaded, median", "file, one", "addnorm fp32", FLOAT32, "ms", lower=True)
        self.row("one sentence, whole process", ("process", "addnorm"), "Python with PyTorch", ("process", "pytorch"), "s", lower=True)
        self.row("tokenizing the file", ("tokenizing", "addnorm"), "Hugging Face `tokenizers`", ("tokenizing", "tokenizers"), "tokens/s")
        memory = "memory of an epoch"
        self.row("peak memory, one epoch", (memory, "addnorm fp32"), "PyTorch, length-grouped", (memory, "pytorch fp32"), "MB")
        ourselves = {"addnorm": ["fp32"]}
        for pooling in ("cls", "mean"):
            title, work = f"fine-tuning, `{pooling}`, bf16", f"steps {pooling}"
            self.best(title, work, "addnorm bf16", ourselves, "tokens/s")
            self.row(title, (work, "addnorm bf16"), "PyTorch bf16, length-grouped", ("steps", "pytorch bf16"), "tokens/s")
        self.best("classifying, bf16", "texts", "addnorm bf16", ourselves | BF16, "tokens/s")
        self.best("classifying, int8", "texts", "addnorm int8", ourselves | INT8, "tokens/s")
        self.best("one sentence, int8", "texts, one", "addnorm int8", ourselves | INT8, "ms", lower=True)
        self.best("peak memory, `predict`, int8", "texts, memory", "addnorm int8", ourselves, "MB")
        self.best("classifying, 12 layers of 768", "base", "addnorm fp32", FLOAT32, "tokens/s")
        self.best("classifying, 12 layers of 768, int8", "base", "addnorm int8", ourselves | INT8, "tokens/s")
        self.best("fine-tuning, 12 layers of 768", "base training", "addnorm fp32", {"pytorch": ["fp32"]}, "tokens/s")
        for pooling in ("cls", "mean"):
            if shares := self.figures.get((f"training {pooling}", "share")):
                print(f"\ntraining arithmetic, `{pooling}`: {100 * median(shares):.0f} % of OpenBLAS's sgemm")
        expected = self.answers.get(("texts", "addnorm fp32"), [])
        if expected:
            print(f"\n| of {len(expected):,} texts | answered as by addnorm in Float32 |\n| --- | --- |")
        for (work, name), answers in self.answers.items():
            if work == "texts" and name != "addnorm fp32":
                print(f"| {name_of(name)} | {100 * sum(map(int.__eq__, answers, expected)) / len(expected):.1f} % |")
        for engine in peers.MODULES:
            if not self.has(engine):
                print(f"\nLeft out: {NAMES[engine]}. Not installed: {', '.join(peers.missing(engine))}.")


def name_of(engine):
    return " ".join(NAMES[word] for word in engine.split())


def main():
    parser = argparse.ArgumentParser(description="Compares addnorm's speed and memory with other engines.")
    parser.add_argument("model", help="a folder of BERT")
    parser.add_argument("data", help="text<TAB>label")
    parser.add_argument("--rows", nargs="+", choices=["float32", "bf16", "int8", "base"], default=["float32", "bf16", "int8", "base"])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    rows = [row for row in arguments.rows if row != "bf16" or HAS_BF16]
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(arguments.model, arguments.data, rows, folder)
        comparison.prepare()
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
            comparison.round()
    print(f"Medians of {arguments.rounds} rounds, and the range of the ratios.\n")
    comparison.table()
    if len(rows) < len(arguments.rows):
        print("\nLeft out: bf16. This processor has no AVX512-BF16.")
    for (work, engine), values in comparison.figures.items():
        print(f"{work}, {engine}: {', '.join(f'{value:.4g}' for value in values)}", file=sys.stderr)


if __name__ == "__main__":
    main()
