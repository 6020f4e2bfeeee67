#!/usr/bin/env python3
"""Compares addnorm with what one would use instead, on a training and a dev file of `text<TAB>label`.

    pip install torch==2.13.0 transformers==5.23.0 scikit-learn==1.9.1
    python3 scripts/compare.py TRAIN.tsv DEV.tsv

Accuracy: addnorm's defaults against TF-IDF with logistic regression. Speed: one epoch of the same small BERT (same weights, same
batch size, same threads) in addnorm and in PyTorch with its usual padding and with batches of like lengths, in turn, three times;
medians of tokens per second, where padding does not count as a token. The machine should be idle.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from transformers import BertForSequenceClassification, BertTokenizerFast

ADDNORM = Path(__file__).parent.parent / ".build/release/addnorm"
ROUNDS, BATCH = 3, 32


def read(path):
    rows = [line.rstrip("\n").split("\t") for line in open(path, encoding="utf-8", newline="\n")]
    return [row[0] for row in rows], [row[1] for row in rows]


def addnorm(folder, *arguments):
    command = [ADDNORM, *arguments, "--db", f"{folder}/runs.sqlite"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def train(folder, train, dev, *options):
    output = addnorm(folder, "train", "--train", train, "--dev", dev, "--overwrite", *options)
    query = "SELECT value FROM metrics WHERE name = 'tokens_per_second' ORDER BY rowid DESC LIMIT 1"
    speed = json.loads(addnorm(folder, "runs", "query", "--json", query))[0]["value"]
    return float(re.search(r"dev accuracy ([\d.]+)", output)[1]), speed


def bag_of_words(train, dev):
    characters = sum(ord(c) > 0x2E80 for text in train[0] for c in text) > sum(map(len, train[0])) / 2
    vectorizer = TfidfVectorizer(
        analyzer="char" if characters else "word", ngram_range=(1, 3 if characters else 2), sublinear_tf=True, min_df=2)  # fmt: skip
    return make_pipeline(vectorizer, LogisticRegression(C=4, max_iter=1000)).fit(*train).score(*dev)


def torch_epoch(base, texts, labels, group_by_length):
    """The real tokens per second of one epoch."""
    model = BertForSequenceClassification.from_pretrained(base).train()
    tokenizer = BertTokenizerFast.from_pretrained(base)
    ids = tokenizer(texts, truncation=True, max_length=model.config.max_position_embeddings)["input_ids"]
    targets = [model.config.label2id[label] for label in labels]
    decayed = [p for name, p in model.named_parameters() if not (name.endswith("bias") or "LayerNorm" in name)]
    others = [p for name, p in model.named_parameters() if name.endswith("bias") or "LayerNorm" in name]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=5e-4, fused=True)
    order = random.Random(1).sample(range(len(ids)), len(ids))
    if group_by_length:
        pool = 50 * BATCH
        chunks = (order[i : i + pool] for i in range(0, len(order), pool))
        order = [i for chunk in chunks for i in sorted(chunk, key=lambda i: len(ids[i]))]
    start = time.perf_counter()
    for first in range(0, len(order), BATCH):
        rows = order[first : first + BATCH]
        longest = max(len(ids[i]) for i in rows)
        batch = torch.zeros(len(rows), longest, dtype=torch.long)
        mask = torch.zeros_like(batch)
        for row, i in enumerate(rows):
            batch[row, : len(ids[i])], mask[row, : len(ids[i])] = torch.tensor(ids[i]), 1
        optimizer.zero_grad(set_to_none=True)
        model(input_ids=batch, attention_mask=mask, labels=torch.tensor([targets[i] for i in rows])).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return sum(map(len, ids)) / (time.perf_counter() - start)


def main():
    train_path, dev_path = sys.argv[1:]
    torch.set_num_threads(os.cpu_count())
    with tempfile.TemporaryDirectory() as folder:
        accuracies = [
            train(folder, train_path, dev_path, "--output", f"{folder}/model", "--seed", str(seed))[0] for seed in (42, 1, 2)]  # fmt: skip
        print(f"accuracy, addnorm, seeds 42, 1, 2: {accuracies}, mean {sum(accuracies) / 3:.3f}")
        print(f"accuracy, TF-IDF + logistic regression: {bag_of_words(read(train_path), read(dev_path)):.4f}")

        base = f"{folder}/base"
        train(folder, train_path, dev_path, "--output", base, "--pooling", "cls", "--epochs", "1")
        speeds = {"addnorm": [], "PyTorch, usual padding": [], "PyTorch, length-grouped": []}
        for _ in range(ROUNDS):
            options = ["--output", f"{folder}/model", "--model", base, "--epochs", "1"]
            speeds["addnorm"].append(train(folder, train_path, dev_path, *options)[1])
            for name, grouped in (("PyTorch, usual padding", False), ("PyTorch, length-grouped", True)):
                speeds[name].append(torch_epoch(base, *read(train_path), grouped))
        for name, values in speeds.items():
            ratio = median(a / b for a, b in zip(speeds["addnorm"], values))
            print(f"training, {name}: {median(values):,.0f} tokens/s, addnorm is {ratio:.1f} times as fast")


if __name__ == "__main__":
    main()
