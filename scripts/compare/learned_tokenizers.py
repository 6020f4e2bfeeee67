#!/usr/bin/env python3
"""Compares the tokenizers that `addnorm train --tokenizer bpe|unigram` learns with those that Hugging Face's `tokenizers` learns of the same texts.

    pip install tokenizers==0.23.3 transformers==5.24.0 sentencepiece==0.2.3 torch
    python3 scripts/compare/learned_tokenizers.py TRAIN.tsv HELD-OUT.tsv [--texts 10000] [--seed 1] [--rounds 3]

Both files are of `text<TAB>label`. Checks that `tokenizers` and `transformers` give the ids of addnorm for what it has written (the held-out texts, those of `strings.txt`,
mixtures of hard pieces, random characters and random bytes; pairs; padding), and that all merges of BPE are those of `BpeTrainer`; then prints how well Unigram fits the
held-out texts, beside `UnigramTrainer`, and how much processor time learning takes, in turn, on one thread. Ends with status 1 if a check fails. Takes some minutes.
"""

import argparse
import json
import math
import os
import random
import resource
import subprocess
import tempfile
import time
from pathlib import Path

os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

from tokenizers import Regex, Tokenizer, models, normalizers as N, pre_tokenizers as P, trainers
from transformers import AutoTokenizer

from program import ADDNORM, ROOT, addnorm, finish, report
from subwords import different, hard

SIZE = 8000
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def read(path):
    return [line.split("\t")[0] for line in path.read_text(encoding="utf-8").split("\n") if line]


def learn(kind, train, held_out, folder):
    """A folder with the tokenizer, of a model that is as small as can be."""
    output = folder / kind
    shape = "--layers 1 --hidden-size 8 --heads 1 --intermediate-size 8 --ngrams off --max-length 512 --epochs 1 --threads 1".split()
    data = ["--train", train, "--dev", held_out, "--output", output, "--db", folder / "runs.sqlite"]
    addnorm("train", "--tokenizer", kind, "--vocab-size", SIZE, *data, *shape)
    return output


def learn_theirs(kind, texts):
    """The same by `tokenizers`, and the seconds that it takes."""
    common = {"vocab_size": SIZE, "special_tokens": SPECIAL, "show_progress": False}
    if kind == "bpe":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = P.ByteLevel(add_prefix_space=True)
        trainer = trainers.BpeTrainer(min_frequency=2, initial_alphabet=P.ByteLevel.alphabet(), **common)
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = P.Sequence([P.Split(Regex(GPT2), "isolated"), P.Metaspace(prepend_scheme="first", split=False)])
        trainer = trainers.UnigramTrainer(unk_token="[UNK]", **common)
    tokenizer.normalizer = N.BertNormalizer(handle_chinese_chars=False)
    start = time.process_time()
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer, time.process_time() - start


def seconds(*arguments):
    """The processor time of the program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([ADDNORM, *map(str, arguments)], check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def check_ids(kind, model, texts, folder):
    file = folder / "texts.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    ours = [line["ids"] for line in addnorm("tokenize", "--model", model, "--json", file)]
    reference, tokenizer = AutoTokenizer.from_pretrained(model), Tokenizer.from_file(str(model / "tokenizer.json"))
    limited = {"truncation": True}
    theirs = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    theirs = [ids if len(ids) <= 512 else ids[:511] + ids[-1:] for ids in theirs]
    report(f"{kind}: of {len(texts)} texts, other ids of tokenizers", different(ours, theirs), 0)
    report(f"{kind}: of {len(texts)} texts, other ids of transformers", different(ours, reference(texts, **limited)["input_ids"]), 0)
    padded = reference(texts[:100], padding=True, **limited)
    wrong = sum(row[: len(ids)] != ids or any(row[len(ids) :]) or sum(mask) != len(ids) for row, ids, mask in zip(padded["input_ids"], ours, padded["attention_mask"]))
    report(f"{kind}: of 100 texts, padded otherwise", wrong, 0)
    pair = reference(texts[0], texts[1])
    expected = ours[0] + ours[1][1:], [0] * len(ours[0]) + [1] * (len(ours[1]) - 1)
    report(f"{kind}: a pair is put together otherwise", (pair["input_ids"], pair["token_type_ids"]) != expected, 0)
    names = [reference.pad_token, reference.unk_token, reference.cls_token, reference.sep_token, reference.mask_token]
    report(f"{kind}: other special tokens", names != SPECIAL, 0)
    return tokenizer


def fit(name, tokenizer, texts, known):
    """How well a Unigram model fits texts."""
    scores = [score for _, score in json.loads(tokenizer.to_str())["model"]["vocab"]]
    total = math.log(sum(math.exp(score) for score in scores[len(SPECIAL) :]))
    tokenizer.no_truncation()
    ids = [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]
    likelihood = sum(scores[token] - total for index in known for token in ids[index]) / sum(len(texts[index]) for index in known)
    unknown = sum(row.count(1) for row in ids) / len(ids)
    print(f"unigram, {name}: {sum(map(len, ids)) / len(ids):.2f} tokens and {unknown:.3f} unknown ones a text; log-likelihood {likelihood:.4f} nats a character")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("train", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    corpus, held_out = read(options.train), read(options.held_out)
    lines = (ROOT / "Tests/TokenizationTests/Fixtures/strings.txt").read_text(encoding="ascii").splitlines()
    strings = [json.loads(line) for line in lines if not line.startswith("#")]
    texts = held_out + strings + list(hard(options.texts, held_out, random.Random(options.seed)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in ("bpe", "unigram"):
            model = learn(kind, options.train, options.held_out, folder)
            ours = check_ids(kind, model, texts, folder)
            ratios, times = [], []
            for _ in range(options.rounds):
                theirs, time_of_theirs = learn_theirs(kind, corpus)
                report_of_data = ["data", options.train, "--threads", "1"]
                # The same with and without learning.
                times.append(seconds(*report_of_data, "--tokenizer", kind) - seconds(*report_of_data, "--model", model))
                ratios.append(time_of_theirs / times[-1])
            ratios.sort()
            print(f"{kind}: learned in {sorted(times)[len(times) // 2]:.2f} s; tokenizers takes {ratios[len(ratios) // 2]:.1f} ({ratios[0]:.1f} – {ratios[-1]:.1f}) times as long", flush=True)
            if kind == "bpe":
                merges, expected = (json.loads(t.to_str())["model"]["merges"] for t in (ours, theirs))
                report(f"bpe: of {len(expected)} merges, others than BpeTrainer's", max(len(merges), len(expected)) - sum(a == b for a, b in zip(merges, expected)), 0)
            else:
                encoded = [t.encode_batch(held_out) for t in (ours, theirs)]
                known = [index for index in range(len(held_out)) if all(1 not in encodings[index].ids for encodings in encoded)]
                print(f"unigram: {len(known)} of {len(held_out)} held-out texts have no unknown character, and count for the likelihood")
                fit("addnorm", ours, held_out, known)
                fit("UnigramTrainer", theirs, held_out, known)
    finish()


if __name__ == "__main__":
    main()
