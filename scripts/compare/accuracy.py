#!/usr/bin/env python3
"""Compares addnorm's accuracy with a bag of words, on a training and a dev file of `text<TAB>label`.

    pip install scikit-learn==1.9.1
    python3 scripts/compare/accuracy.py TRAIN.tsv DEV.tsv [MODEL]

addnorm's defaults with three seeds, from random weights or from MODEL, against TF-IDF with logistic regression.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

ADDNORM = Path(__file__).resolve().parents[2] / ".build/release/addnorm"


def read(path):
    rows = [line.rstrip("\n").split("\t") for line in open(path, encoding="utf-8", newline="\n")]
    return [row[0] for row in rows], [row[1] for row in rows]


def train(folder, train, dev, *options):
    command = [ADDNORM, "train", "--train", train, "--dev", dev, "--output", f"{folder}/model", "--overwrite", *options]
    command += ["--db", f"{folder}/runs.sqlite"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"dev accuracy ([\d.]+)", output)[1])


def bag_of_words(train, dev):
    characters = sum(ord(c) > 0x2E80 for text in train[0] for c in text) > sum(map(len, train[0])) / 2
    vectorizer = TfidfVectorizer(
        analyzer="char" if characters else "word", ngram_range=(1, 3 if characters else 2), sublinear_tf=True, min_df=2)  # fmt: skip
    return make_pipeline(vectorizer, LogisticRegression(C=4, max_iter=1000)).fit(*train).score(*dev)


def main():
    train_path, dev_path = sys.argv[1:3]
    model = ["--model", sys.argv[3]] if len(sys.argv) > 3 else []
    with tempfile.TemporaryDirectory() as folder:
        accuracies = [train(folder, train_path, dev_path, *model, "--seed", str(seed)) for seed in (42, 1, 2)]
        print(f"addnorm, seeds 42, 1, 2: {accuracies}, mean {sum(accuracies) / 3:.3f}")
    print(f"TF-IDF + logistic regression: {bag_of_words(read(train_path), read(dev_path)):.4f}")


if __name__ == "__main__":
    main()
