#!/usr/bin/env python3
"""Compares the vectors of `addnorm embed` with those of sentence-transformers, for every pooling, and the time that both take.

    pip install torch==2.15.0 transformers==5.24.0 sentence-transformers==6.2.0 numpy
    python3 scripts/compare/embeddings.py models/minilm-l6 texts.txt [--threads 2]

`texts.txt` has one text on each line. The time of sentence-transformers begins when it is loaded and warm; that of `addnorm` is the
whole process.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from program import ADDNORM
from sentence_transformers.models import Pooling


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("texts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="both are timed so often, in turn; the medians are printed")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    texts = Path(arguments.texts).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    model = SentenceTransformer(arguments.model, device="cpu")
    encoder, pooling = model[0], model[1]
    print(f"{len(texts)} texts, {arguments.rounds} rounds, {arguments.threads} threads")
    print("pooling  normalized  largest difference  of numbers up to  addnorm s  sentence-transformers s  ratio, from – to")
    for mode in [None, "mean", "cls", "max"]:
        for normalized in [True] if mode is None else [True, False]:
            if mode:
                pooling = Pooling(encoder.get_embedding_dimension(), pooling_mode=mode)
            # As the folder says, or the encoder and the pooling alone.
            theirs = model if mode is None else SentenceTransformer(modules=[encoder, pooling], device="cpu")
            options = [] if mode is None else ["--pooling", mode, "--normalize" if normalized else "--no-normalize"]
            compare(arguments, texts, theirs, mode, normalized, options)


def compare(arguments, texts, model, mode, normalized, options):
    seconds = []
    # What is only slow for the first time is not counted.
    model.encode(texts[:32])
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as folder:
            output = f"{folder}/e.npy"
            command = [ADDNORM, "embed", "--model", arguments.model, arguments.texts, "--output", output]
            start = time.perf_counter()
            subprocess.run(command + ["--threads", str(arguments.threads)] + options, check=True, stderr=subprocess.DEVNULL)
            between = time.perf_counter()
            expected = model.encode(texts, normalize_embeddings=mode is not None and normalized)
            seconds.append((between - start, time.perf_counter() - between))
            found = np.load(output)
    assert found.dtype == np.float32 and found.shape == expected.shape
    difference = np.abs(found.astype(np.float64) - expected).max()
    ours, theirs = (median(column) for column in zip(*seconds))
    ratios = [b / a for a, b in seconds]
    print(
        f"{mode or 'folder':7}  {str(normalized):10}  {difference:18.2e}  {np.abs(expected).max():16.3f}  {ours:9.2f}"
        f"  {theirs:23.2f}  {median(ratios):.2f}, {min(ratios):.2f} – {max(ratios):.2f}",
        flush=True,
    )


main()
