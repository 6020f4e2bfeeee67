#!/usr/bin/env python3
"""Compares `addnorm train --few-shot` with the head alone, with full fine-tuning, and with SetFit, on draws of a few texts a label.

    pip install torch==2.15.0 transformers==5.24.0 sentence-transformers==6.2.0 setfit==1.2.0 scipy
    python3 scripts/compare/few_shot.py MODEL TRAIN.tsv TEST.tsv RESULTS.jsonl [--texts 8,16,64] [--draws 10] [--setfit 8] [--threads 1]

Each draw takes so many texts of every label of TRAIN at random, and all methods learn from the same ones: `addnorm` with its defaults and no other
texts to choose an epoch by, SetFit with its defaults. Accuracies are those on TEST. Methods of a draw run in turn. The time of `addnorm` is that of the whole
process, from reading the files to the written model; that of SetFit is its training alone, with the model loaded and the program warm. Besides seconds there are those
of the processor, which say more where other programs run, and with one thread are the same on an idle machine. RESULTS gets a line for each training; what is there
already is not done again. At the end come means, standard deviations, and paired t-tests over the draws.
"""

import argparse
import json
import os
import random
import resource
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import mean, median, stdev

from scipy.stats import ttest_rel

from program import addnorm

METHODS = {
    "few-shot": ["--few-shot"],
    "head": ["--train-layers", "head"],
    "full": [],
    "full, 30 epochs": ["--epochs", "30"],
}


def read(path):
    rows = [line.rstrip("\n").split("\t") for line in open(path, encoding="utf-8", newline="\n")]
    return [(row[0], row[1]) for row in rows]


def draw(rows, texts, seed):
    """So many texts of each label, in random order."""
    by_label = defaultdict(list)
    for row in rows:
        by_label[row[1]].append(row)
    generator = random.Random(seed)
    chosen = [row for label in sorted(by_label) for row in generator.sample(by_label[label], texts)]
    generator.shuffle(chosen)
    return chosen


def train_addnorm(arguments, options, rows, seed, folder):
    few = f"{folder}/few.tsv"
    Path(few).write_text("".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    # Nothing is held out of so few texts; the others want a dev file all the same.
    dev = [] if "--few-shot" in options else ["--dev", few]
    common = ["--db", f"{folder}/runs.sqlite", "--threads", arguments.threads]
    start, used = time.perf_counter(), processor_of_children()
    addnorm("train", "--model", arguments.model, "--train", few, *dev, "--output", f"{folder}/m", "--overwrite", "--seed", seed, *options, *common)
    seconds, processor = time.perf_counter() - start, processor_of_children() - used
    found = addnorm("evaluate", "--model", f"{folder}/m", "--json", arguments.test, *common, document=True)
    return found["accuracy"], seconds, processor


def processor_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def train_setfit(arguments, rows, seed, test, folder):
    import torch
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(seed)
    model = SetFitModel.from_pretrained(arguments.model, device="cpu")
    data = Dataset.from_dict({"text": [r[0] for r in rows], "label": [r[1] for r in rows]})
    model.encode([rows[0][0]])
    start, used = time.perf_counter(), time.process_time()
    settings = TrainingArguments(output_dir=folder, seed=seed, report_to="none", save_strategy="no")
    Trainer(model=model, args=settings, train_dataset=data).train()
    seconds, processor = time.perf_counter() - start, time.process_time() - used
    answers = model.predict([text for text, _ in test])
    return mean(str(answer) == label for answer, (_, label) in zip(answers, test)), seconds, processor


def summarize(results):
    print("texts  method            draws  accuracy   sd     seconds  processor  against few-shot, points (p)")
    for texts in sorted({key[0] for key in results}):
        ours = {key[2]: value for key, value in results.items() if key[:2] == (texts, "few-shot")}
        for method in [*METHODS, "setfit"]:
            of_method = {key[2]: value for key, value in results.items() if key[:2] == (texts, method)}
            if len(of_method) < 2:
                continue
            accuracies = [value[0] for value in of_method.values()]
            line = f"{texts:5}  {method:16}  {len(of_method):5}  {mean(accuracies):.4f}  {stdev(accuracies):.4f}  {median(v[1] for v in of_method.values()):7.1f}  {median(v[2] for v in of_method.values()):9.1f}"
            shared = sorted(set(ours) & set(of_method))
            if method != "few-shot" and len(shared) > 1:
                a, b = [ours[d][0] for d in shared], [of_method[d][0] for d in shared]
                line += f"  {100 * (mean(a) - mean(b)):+.1f} ({ttest_rel(a, b).pvalue:.4f})"
            print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("results")
    parser.add_argument("--texts", default="8,16,64", help="how many of each label")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--setfit", default="8", help="with how many texts SetFit is run too; none: ''")
    parser.add_argument("--methods", default=";".join(METHODS), help="between semicolons")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    train, test = read(arguments.train), read(arguments.test)
    results = {}
    if Path(arguments.results).exists():
        for line in open(arguments.results, encoding="utf-8"):
            row = json.loads(line)
            results[row["texts"], row["method"], row["draw"]] = (row["accuracy"], row["seconds"], row["processor"])
    with_setfit = [int(n) for n in arguments.setfit.split(",") if n]
    for texts in map(int, arguments.texts.split(",")):
        for seed in range(1, arguments.draws + 1):
            rows = draw(train, texts, seed)
            for method in [*filter(None, arguments.methods.split(";")), *(["setfit"] if texts in with_setfit else [])]:
                if (texts, method, seed) in results:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    if method == "setfit":
                        outcome = train_setfit(arguments, rows, seed, test, folder)
                    else:
                        outcome = train_addnorm(arguments, METHODS[method], rows, seed, folder)
                results[texts, method, seed] = outcome
                with open(arguments.results, "a", encoding="utf-8") as file:
                    row = {"texts": texts, "method": method, "draw": seed} | dict(zip(("accuracy", "seconds", "processor"), outcome))
                    file.write(json.dumps(row) + "\n")
                print("{texts} a label, draw {draw}, {method}: {accuracy:.4f}, {seconds:.1f} s, {processor:.1f} s of the processor".format(**row), flush=True)
    summarize(results)


if __name__ == "__main__":
    main()
