#!/usr/bin/env python3
"""Simulates labelling: does `addnorm data --next` need fewer labels than chance for the same accuracy?

    pip install scikit-learn==1.9.1 numpy
    python3 scripts/compare/next_labels.py TRAIN.tsv DEV.tsv [MODEL]

Both files have `text<TAB>label`. The labels of the training file are hidden but for some that chance has chosen, and uncovered as they are asked for: by
`addnorm data --next`, by plain uncertainty, and by chance, which all begin with the same; chance goes on for as many rounds again. Accuracy is measured on the dev file: without MODEL that of
`addnorm baseline`; with it that of a logistic regression on the vectors of `addnorm embed`, and with --fine-tune, at the end, that of `addnorm train`.
Differences from chance are means over the seeds, with 95 % intervals of the paired differences (Student's t).
"""

import argparse
import random
import re
import tempfile
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from program import addnorm
from scipy.stats import t
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

C = {"words": 4, "vectors": 2}


def read(path):
    """The rows of a file, each text once."""
    rows = {}
    for line in Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n"):
        text, label = line.split("\t")
        rows.setdefault(" ".join(text.lower().split()), (text, label))
    return list(rows.values())


class Simulation:
    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, Path(folder)
        self.train, self.dev = read(arguments.train), read(arguments.dev)
        self.threads = ["--threads", arguments.threads]
        self.place = {text: place for place, (text, _) in enumerate(self.train)}
        (self.folder / "texts.txt").write_text("".join(text + "\n" for text, _ in self.train), encoding="utf-8")
        self.write(self.dev, "dev.tsv")
        if arguments.model:
            self.vectors = self.embed(self.folder / "texts.txt", "texts.npy")
            dev = self.folder / "dev.txt"
            dev.write_text("".join(text + "\n" for text, _ in self.dev), encoding="utf-8")
            self.dev_vectors = self.embed(dev, "dev.npy")

    def write(self, rows, name):
        (self.folder / name).write_text("".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
        return self.folder / name

    def embed(self, texts, name):
        output = self.folder / name
        addnorm("embed", "--model", self.arguments.model, texts, "--normalize", "--output", output, *self.threads)
        return np.load(output)

    def labels(self, places):
        return [self.train[place][1] for place in places]

    def accuracy(self, labelled):
        if self.arguments.model:
            classifier = LogisticRegression(C=C["vectors"], max_iter=1000)
            classifier.fit(self.vectors[labelled], self.labels(labelled))
            return classifier.score(self.dev_vectors, [label for _, label in self.dev])
        train = self.write([self.train[place] for place in labelled], "labelled.tsv")
        dev, db = self.folder / "dev.tsv", self.folder / "runs.sqlite"
        # One document on several lines.
        found = addnorm("baseline", "--train", train, dev, "--db", db, *self.threads)
        return float(re.search(r"dev\.tsv +[\d,]+ +([\d.]+)", found)[1])

    def fine_tuned(self, labelled):
        train = self.write([self.train[place] for place in labelled], "labelled.tsv")
        model, db = self.folder / "model", self.folder / "runs.sqlite"
        addnorm("train", "--model", self.arguments.model, "--train", train, "--dev", self.folder / "dev.tsv", "--metric", "accuracy",
                "--output", model, "--overwrite", "--db", db, *self.threads)  # fmt: skip
        best = addnorm("runs", "query", "--csv", "--db", db, "SELECT best_dev_accuracy FROM run_summary ORDER BY id DESC LIMIT 1")
        return float(best.split("\n")[1])

    # Each takes the places of the labelled texts, and answers with those of others.

    def next(self, labelled, seed):
        train = self.write([self.train[place] for place in labelled], "labelled.tsv")
        model = ["--model", self.arguments.model, "--embeddings", self.folder / "texts.npy"] if self.arguments.model else []
        found = addnorm("data", train, "--unlabelled", self.folder / "texts.txt", "--next", self.arguments.step, "--json",
                        "--seed", seed, *model, *self.threads)  # fmt: skip
        return [self.place[answer["text"]] for answer in found]

    def uncertainty(self, labelled, _):
        rest = sorted(set(range(len(self.train))) - set(labelled))
        if self.arguments.model:
            kind, rows, others = "vectors", self.vectors[labelled], self.vectors[rest]
        else:
            kind, is_words = "words", self.arguments.analyzer == "word"
            counts = TfidfVectorizer(analyzer=self.arguments.analyzer, ngram_range=(1, 2) if is_words else (1, 3), sublinear_tf=True, min_df=2)
            rows = counts.fit_transform([self.train[place][0] for place in labelled])
            others = counts.transform([self.train[place][0] for place in rest])
        classifier = LogisticRegression(C=C[kind], max_iter=1000).fit(rows, self.labels(labelled))
        top = np.sort(classifier.predict_proba(others), axis=1)
        order = np.argsort(top[:, -1] - top[:, -2], kind="stable")
        return [rest[place] for place in order[: self.arguments.step]]

    def chance(self, labelled, seed):
        rest = sorted(set(range(len(self.train))) - set(labelled))
        return random.Random(1000 * seed + len(labelled)).sample(rest, self.arguments.step)

    def run(self, seed, choose):
        """The accuracy after each round; and after --rounds that of the fine-tuned model, if it is asked for."""
        labelled = random.Random(seed).sample(range(len(self.train)), self.arguments.start)
        accuracies, fine_tuned = [self.accuracy(labelled)], None
        for round in range(1, (2 if choose == self.chance else 1) * self.arguments.rounds + 1):
            labelled += choose(labelled, seed)
            assert len(set(labelled)) == len(labelled)
            accuracies.append(self.accuracy(labelled))
            if round == self.arguments.rounds and self.arguments.fine_tune:
                fine_tuned = self.fine_tuned(labelled)
        return accuracies, fine_tuned


def interval(differences):
    half = t.ppf(0.975, len(differences) - 1) * stdev(differences) / len(differences) ** 0.5
    return f"{100 * mean(differences):+.1f} ({100 * (mean(differences) - half):+.1f} – {100 * (mean(differences) + half):+.1f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("dev")
    parser.add_argument("model", nargs="?")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--start", type=int, default=100)
    parser.add_argument("--step", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--analyzer", choices=["word", "char"], default="word", help="of plain uncertainty without MODEL")
    parser.add_argument("--fine-tune", action="store_true")
    arguments = parser.parse_args()
    counts = [arguments.start + arguments.step * round for round in range(2 * arguments.rounds + 1)]
    print("labels:", *counts, flush=True)
    accuracies, fine_tuned = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        simulation = Simulation(arguments, folder)
        for seed in range(1, arguments.seeds + 1):
            for choose in [simulation.chance, simulation.uncertainty, simulation.next]:
                found, tuned = simulation.run(seed, choose)
                accuracies.setdefault(choose.__name__, []).append(found)
                fine_tuned.setdefault(choose.__name__, []).append(tuned)
                print(f"seed {seed}, {choose.__name__}:", *(f"{value:.4f}" for value in found), tuned or "", flush=True)
    means = {name: [mean(column) for column in zip(*rows)] for name, rows in accuracies.items()}
    for name, values in means.items():
        print(f"{name:11}", *(f"{value:.4f}" for value in values))
    for name in ["uncertainty", "next"]:
        pairs = zip(accuracies[name], accuracies["chance"])
        differences = [[a - b for a, b in zip(*pair)][1:] for pair in pairs]
        print(f"{name} − chance, points, 95 %:", ", ".join(interval(column) for column in zip(*differences)))
        print(f"  mean of the rounds: {interval([mean(row) for row in differences])}")
        if arguments.fine_tune:
            print(f"  fine-tuned: {interval([a - b for a, b in zip(fine_tuned[name], fine_tuned['chance'])])}")
    for count, accuracy in list(zip(counts, means["next"]))[1:]:
        print(f"as good as {count} labels by --next: {labels_needed(counts, means['chance'], accuracy)} by chance")


def labels_needed(counts, accuracies, accuracy):
    """How many labels reach an accuracy, between those that were measured."""
    for place in range(1, len(accuracies)):
        if accuracies[place] >= accuracy:
            below, above = accuracies[place - 1], accuracies[place]
            share = 0 if above == below else max(0, (accuracy - below) / (above - below))
            return round(counts[place - 1] + share * (counts[place] - counts[place - 1]))
    return f"more than {counts[-1]}"


main()
