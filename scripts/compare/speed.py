#!/usr/bin/env python3
"""Compares addnorm's speed and memory with the other engines of this machine; `scripts/compare/speed.sh` sets them up and calls this.

    compare_speed.py MODEL DATA.tsv           the table
    compare_speed.py MODEL DATA.tsv WORK      one piece of work in one of the other engines, as JSON

Everything is run in turn, round after round, each in a process of its own, in Float32 on all processors, with batches of 32 texts
of at most 128 tokens. Every round gives one ratio of each row; the table has the median of the ratios and their range. Padding does
not count as a token. $ROUNDS is the number of rounds: 5 unless it says otherwise.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ADDNORM = Path(__file__).resolve().parents[2] / ".build/release/addnorm"
ROUNDS = int(os.environ.get("ROUNDS", 5))
BATCH, LENGTH, STEPS = 32, 128, 50
THREADS = os.cpu_count()
SENTENCE = "a gorgeous , witty , seductive movie ."


def rows(path):
    lines = (line.rstrip("\n").split("\t") for line in open(path, encoding="utf-8", newline="\n"))
    return [(line[0], line[1]) for line in lines if line[1:] != ["label"]]


def load(folder, labels=2):
    import torch
    from transformers import BertForSequenceClassification, BertTokenizerFast

    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    return torch, tokenizer, BertForSequenceClassification.from_pretrained(folder, num_labels=labels)


def padded(torch, ids, chosen, length=None):
    longest = length or max(len(ids[i]) for i in chosen)
    batch = torch.zeros(len(chosen), longest, dtype=torch.long)
    mask = torch.zeros_like(batch)
    for row, i in enumerate(chosen):
        batch[row, : len(ids[i])], mask[row, : len(ids[i])] = torch.tensor(ids[i]), 1
    return batch, mask


def train(folder, data, padding, epoch=False):
    """Fine-tunes as one would: AdamW, clipping; `grouped` has batches of like lengths, shuffled."""
    texts, names = zip(*rows(data))
    labels = sorted(set(names))
    torch, tokenizer, model = load(folder, len(labels))
    targets = torch.tensor([labels.index(name) for name in names])
    ids = tokenizer(list(texts), truncation=True, max_length=LENGTH)["input_ids"]
    model.train()
    vectors = [p for name, p in model.named_parameters() if name.endswith("bias") or "LayerNorm" in name]
    weights = [p for name, p in model.named_parameters() if not (name.endswith("bias") or "LayerNorm" in name)]
    groups = [{"params": weights, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=5e-5, fused=True)
    random.seed(1)
    order = random.sample(range(len(ids)), len(ids))
    if padding == "grouped":
        pools = (order[i : i + 50 * BATCH] for i in range(0, len(order), 50 * BATCH))
        order = [i for pool in pools for i in sorted(pool, key=lambda i: -len(ids[i]))]
    batches = [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
    random.shuffle(batches)
    if not epoch:
        batches = batches[: STEPS // 3 if padding == "longest" else STEPS]

    def step(chosen):
        batch, mask = padded(torch, ids, chosen, LENGTH if padding == "longest" else None)
        optimizer.zero_grad(set_to_none=True)
        model(input_ids=batch, attention_mask=mask, labels=targets[chosen]).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    for chosen in batches[:3]:
        step(chosen)
    start = time.perf_counter()
    for chosen in batches[3:]:
        step(chosen)
    seconds = time.perf_counter() - start
    return {"tokens_per_second": sum(len(ids[i]) for chosen in batches[3:] for i in chosen) / seconds}


def classify(folder, data, engine):
    """Batches of like lengths, and 200 texts one by one."""
    torch, tokenizer, model = load(folder)
    model.eval()
    texts = [text for text, _ in rows(data)]
    ids = tokenizer(texts, truncation=True, max_length=LENGTH)["input_ids"]
    if engine == "onnx":
        import onnxruntime

        class Logits(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.model = model

            def forward(self, ids, mask):
                return self.model(input_ids=ids, attention_mask=mask).logits

        with tempfile.TemporaryDirectory() as temporary:
            path = f"{temporary}/model.onnx"
            axes = {0: "texts", 1: "tokens"}
            torch.onnx.export(
                Logits(), padded(torch, ids, range(4)), path, dynamo=False, opset_version=17, input_names=["ids", "mask"],
                output_names=["logits"], dynamic_axes={"ids": axes, "mask": axes})  # fmt: skip
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = THREADS
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        run = lambda ids, mask: session.run(None, {"ids": ids.numpy(), "mask": mask.numpy()})
    else:
        run = lambda ids, mask: model(input_ids=ids, attention_mask=mask).logits
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    batches = [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
    with torch.inference_mode():
        run(*padded(torch, ids, batches[-1]))
        start = time.perf_counter()
        for chosen in batches:
            run(*padded(torch, ids, chosen))
        seconds = time.perf_counter() - start
        times = []
        for i in range(min(200, len(ids))):
            begin = time.perf_counter()
            run(*padded(torch, ids, [i]))
            times.append(time.perf_counter() - begin)
    return {"tokens_per_second": sum(map(len, ids)) / seconds, "p50_ms": 1000 * median(times)}


def tokenize(folder, data):
    """The library itself, without what transformers puts around it; it has threads of its own."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(LENGTH)
    texts = [text for text, _ in rows(data)]
    tokenizer.encode_batch_fast(texts)
    start = time.perf_counter()
    count = 0
    while time.perf_counter() - start < 1:
        count += sum(len(encoding) for encoding in tokenizer.encode_batch_fast(texts))
    return {"tokens_per_second": count / (time.perf_counter() - start)}


def one_sentence(folder, data):
    torch, tokenizer, model = load(folder)
    model.eval()
    with torch.inference_mode():
        model(**tokenizer([SENTENCE], return_tensors="pt")).logits.argmax(1)
    return {}


WORK = {
    "grouped": lambda *a: train(*a, "grouped"),
    "epoch": lambda *a: train(*a, "grouped", epoch=True),
    "dynamic": lambda *a: train(*a, "dynamic"),
    "longest": lambda *a: train(*a, "longest"),
    "pytorch": lambda *a: classify(*a, "pytorch"),
    "onnx": lambda *a: classify(*a, "onnx"),
    "tokenizers": tokenize,
    "sentence": one_sentence,
}


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


def other(model, data, work):
    output, seconds, memory = process([sys.executable, __file__, model, data, work])
    return {**json.loads(output.splitlines()[-1]), "seconds": seconds, "memory": memory}


def main(model, data):
    figures = {}

    def note(name, value):
        figures.setdefault(name, []).append(value)

    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            print(f"round {number + 1} of {ROUNDS}", file=sys.stderr)
            for pooling in ("cls", "mean"):
                command = [ADDNORM, "benchmark", "--model", model, "--data", data, "--pooling", pooling, "--json"]
                result = json.loads(process([*command, "--steps", STEPS])[0])
                note(f"training {pooling}", result["training"]["tokens_per_second"])
                note(f"share {pooling}", result["training"]["share_of_peak"])
                if pooling == "cls":
                    note("classifying", result["classifying"]["tokens_per_second"])
                    note("latency", result["latency"]["p50_ms"])
                    note("tokenizing", result["tokenizing_tokens_per_second"])
            for work in ("grouped", "dynamic", "longest"):
                result = other(model, data, work)
                note(work, result["tokens_per_second"])
            for work in ("pytorch", "onnx"):
                result = other(model, data, work)
                note(work, result["tokens_per_second"])
                note(f"{work} latency", result["p50_ms"])
            note("tokenizers", other(model, data, "tokenizers")["tokens_per_second"])
            if number == 0:
                train = ["--model", model, "--train", data, "--pooling", "cls", "--output", f"{folder}/model"]
                options = ["--epochs", 1, "--db", f"{folder}/runs.sqlite"]
                note("memory", process([ADDNORM, "train", *train, *options])[2])
                note("epoch memory", other(model, data, "epoch")["memory"])
            predict = [ADDNORM, "predict", "--model", f"{folder}/model", "--text", SENTENCE]
            note("sentence", process(predict)[1])
            note("python sentence", other(model, data, "sentence")["seconds"])

    def row(work, ours, engine, theirs, unit, lower=False):
        """The median of either side, and of the ratios of the rounds; a ratio above 1 is in favour of addnorm, but for memory."""
        ratios = [b / a if lower else a / b for a, b in zip(figures[ours], figures[theirs])]
        number = lambda values: f"{median(values):,.{0 if median(values) >= 100 else 2}f}"
        spread = f" ({min(ratios):.2f} – {max(ratios):.2f})" if len(ratios) > 1 else ""
        both = f"| {work} | {number(figures[ours])} {unit} | {engine} | {number(figures[theirs])} {unit} "
        print(f"{both}| {median(ratios):.2f} ×{spread} |")

    print(f"Medians of {ROUNDS} rounds, and the range of the ratios.\n")
    print("| work | addnorm | against | there | ratio |\n| --- | --- | --- | --- | --- |")
    row("fine-tuning, `cls`", "training cls", "PyTorch, length-grouped", "grouped", "tokens/s")
    row("fine-tuning, `mean`", "training mean", "PyTorch, length-grouped", "grouped", "tokens/s")
    row("fine-tuning, `cls`", "training cls", "PyTorch, dynamic padding (the usual way)", "dynamic", "tokens/s")
    row("fine-tuning, `cls`", "training cls", "PyTorch, padded to 128", "longest", "tokens/s")
    row("classifying a file, `cls`", "classifying", "ONNX Runtime, length-sorted", "onnx", "tokens/s")
    row("classifying a file, `cls`", "classifying", "PyTorch, length-sorted", "pytorch", "tokens/s")
    row("one sentence, model loaded, median", "latency", "ONNX Runtime", "onnx latency", "ms", lower=True)
    row("one sentence, whole process", "sentence", "Python with PyTorch", "python sentence", "s", lower=True)
    row("tokenizing the file", "tokenizing", "Hugging Face `tokenizers`", "tokenizers", "tokens/s")
    row("peak memory, one epoch", "memory", "PyTorch, length-grouped", "epoch memory", "MB")
    for pooling in ("cls", "mean"):
        print(f"\ntraining arithmetic, `{pooling}`: {100 * median(figures[f'share {pooling}']):.0f} % of OpenBLAS's sgemm")
    for name, values in figures.items():
        print(f"{name}: {', '.join(f'{value:.4g}' for value in values)}", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(WORK[sys.argv[3]](*sys.argv[1:3])))
    else:
        main(*sys.argv[1:])
