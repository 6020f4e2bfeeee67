#!/usr/bin/env python3
"""Compares `addnorm tokenize` with Hugging Face's `tokenizers` and `transformers`: ids of many texts, with tokenizers of many settings that are trained on the spot.

    pip install tokenizers==0.23.3 transformers==5.24.0 sentencepiece==0.2.3 torch
    python3 scripts/compare/subwords.py [--texts 10000] [--seed 1] TEXTS.tsv…
    python3 scripts/compare/subwords.py --speed TEXTS.tsv…

TEXTS are files of `text<TAB>label`. The texts that are compared are theirs, those of `strings.txt`, mixtures of hard pieces, random characters and random bytes. Ends with
status 1 if an id differs. Takes some minutes for each 10,000.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import sentencepiece
from tokenizers import Regex, Tokenizer, models, normalizers as N, pre_tokenizers as P, processors, trainers
from transformers import AutoTokenizer, BertConfig, BertModel
from transformers.utils import logging

from program import ADDNORM, ROOT, addnorm, finish, report

logging.set_verbosity_error()
logging.disable_progress_bar()

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
BYTES = P.ByteLevel.alphabet()
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
ATOMS = (
    "a B the Movie ing un . ' 's 'S 'ſ 're 'RE n't ## [CLS] <s> </s> <mask> <unk> ▁ ▁▁ Ġ <0x0A> é É e\u0301 \u0301 \u0327 \u0345 İ ẞ Σ ς ﬁ Å 好 的 很好 豈 𠀀 ， 。 “ — ～ 👍🏽 👨‍👩‍👧 🇩🇪🇫 한 각 "
    "ᄀ ᅡ ᆨ が か\u3099 Ж й ب\u064b क\u093c क्ष ก็ ½ ² Ⅷ ① ⓐ Ａ １ 12 345 6789 ٣ … `` '' \ufdfa ｶﾞ ﬀ K ﬆ \u1e9b\u0323 \u200d \u200b \u200c \ufffd \ue000 \U000e0041"
).split(" ") + [" ", "  ", "\t", "\n", "\r\n", "\r", "\v", "\f", "\0", "\x7f", "\x85", "\xa0", "\xad", "\u2028", "\u3000", "a" * 60, "ab" * 40, " " * 40]  # fmt: skip


def hard(number, corpus, rng):
    """Texts of which half are mixtures, and others random."""
    ranges = [(0, 0x250), (0x250, 0x3100), (0x3000, 0xD800), (0xE000, 0x10000), (0x10000, 0x20000), (0x20000, 0x110000)]
    for index in range(number):
        if index % 2:
            text = "".join(rng.choice(ATOMS) for _ in range(rng.randrange(14)))
        elif index % 8 == 0:
            text = "".join(chr(rng.randrange(*rng.choice(ranges))) for _ in range(rng.randrange(20)))
        elif index % 8 == 2:
            text = rng.randbytes(rng.randrange(40)).decode("utf-8", "replace")
        else:
            text = rng.choice(corpus)
            for _ in range(rng.randrange(4)):
                place = rng.randrange(len(text) + 1)
                text = text[:place] + rng.choice(ATOMS) + text[place:]
        yield text


def template(tokenizer):
    ids = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=ids)
    return tokenizer


def trained(model, trainer, texts, pre_tokenizer, normalizer=None):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator(texts, trainer)
    return template(tokenizer)


def bpe(texts, size, pre_tokenizer, normalizer=None, trainer={"initial_alphabet": BYTES}, **model):
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=SPECIAL, show_progress=False, **trainer)
    return trained(models.BPE(**model), trainer, texts, pre_tokenizer, normalizer)


def unigram(texts, size, pre_tokenizer, normalizer=None, **trainer):
    trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False, **trainer)
    # Its substrings are found in time with the square of the length of words.
    return trained(models.Unigram(), trainer, [text[:200] for text in texts[:4000]], pre_tokenizer, normalizer)


def settings(texts):
    """Tokenizers, each with its name."""

    def split(pattern, **options):
        return P.Sequence([P.Split(Regex(pattern), "isolated", **options), P.ByteLevel(add_prefix_space=False, use_regex=False)])

    for size in (300, 1000, 8000, 50_000):
        yield f"bytes, {size}", bpe(texts, size, P.ByteLevel(add_prefix_space=size == 1000))
    yield "Llama 3", bpe(texts, 8000, split(LLAMA3), N.NFC(), ignore_merges=True)
    yield "o200k", bpe(texts, 8000, split(O200K))
    yield "Bloom", bpe(texts, 4000, split(BLOOM))
    yield "digits", bpe(texts, 4000, P.Sequence([P.Digits(individual_digits=True), P.ByteLevel()]), N.Sequence([N.NFKC(), N.Lowercase()]))
    limited = {"limit_alphabet": 400}
    yield "suffixes", bpe(texts, 3000, P.WhitespaceSplit(), N.NFD(), limited | {"end_of_word_suffix": "</w>"}, unk_token="<unk>", fuse_unk=True, end_of_word_suffix="</w>")
    yield "prefixes", bpe(texts, 3000, P.BertPreTokenizer(), N.BertNormalizer(), limited | {"continuing_subword_prefix": "##"}, unk_token="<unk>", continuing_subword_prefix="##")
    yield "words", bpe(texts, 3000, P.Whitespace(), N.Lowercase(), limited, unk_token="<unk>")
    for size in (8000, 20_000):
        yield f"Unigram, {size}", unigram(texts, size, P.Metaspace(), N.NFKC())
    yield "first", unigram(texts, 8000, P.Metaspace(prepend_scheme="first"), N.Sequence([N.Strip(), N.NFKD(), N.StripAccents()]))
    yield "never", unigram(texts, 8000, P.Metaspace(prepend_scheme="never", split=False), N.Nmt())
    yield "spaces", unigram(texts, 8000, P.Sequence([P.WhitespaceSplit(), P.Metaspace()]), N.Sequence([N.Nmt(), N.NFKC(), N.Replace(Regex(" {2,}"), " ")]))
    yield "Unigram of bytes", unigram(texts, 3000, P.ByteLevel(add_prefix_space=False), initial_alphabet=BYTES)
    steps = [P.Punctuation("merged_with_previous"), P.Split(" ", "merged_with_next"), P.Digits(), P.FixedLength(9)]
    yield "punctuation", unigram(texts, 8000, P.Sequence(steps), N.Sequence([N.NFKD(), N.Lowercase()]))


def folder_of(path, document=None):
    """Makes a model's folder of a configuration and, if there is one, a tokenizer's description."""
    path.mkdir()
    BertConfig(vocab_size=60_000, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, max_position_embeddings=1000).save_pretrained(path)
    if document:
        (path / "tokenizer.json").write_text(document, encoding="utf-8")
    return path


def ids_of_addnorm(model, texts, folder):
    file = folder / "texts.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return [line["ids"] for line in addnorm("tokenize", "--model", model, "--json", file)]


def different(ours, theirs):
    """How many texts have other ids, with the first of them, up to the length that the model reads."""
    theirs = [ids if len(ids) <= 1000 else ids[:999] + ids[-1:] for ids in theirs]
    return sum(a != b for a, b in zip(ours, theirs, strict=True))


def check_classes(texts, corpus, folder):
    """Folders without tokenizer.json, and what a training writes beside its model: read by `transformers`."""
    raw = folder / "corpus.txt"
    raw.write_text("\n".join(corpus), encoding="utf-8")
    options = {"input": str(raw), "vocab_size": 4000, "minloglevel": 2, "max_sentence_length": 1000}
    sentencepiece.SentencePieceTrainer.train(model_prefix=str(folder / "plain"), **options)
    sentencepiece.SentencePieceTrainer.train(
        model_prefix=str(folder / "albert"), pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, pad_piece="<pad>",
        control_symbols=["[CLS]", "[SEP]"], user_defined_symbols=["[MASK]"], **options)  # fmt: skip
    bpe(corpus, 4000, P.ByteLevel(add_prefix_space=False)).model.save(str(folder))
    plain, albert = (folder / "plain.model").read_bytes(), (folder / "albert.model").read_bytes()
    pair = {"vocab.json": (folder / "vocab.json").read_bytes(), "merges.txt": (folder / "merges.txt").read_bytes()}
    mask = {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "rstrip": False, "single_word": False, "normalized": False}
    data = folder / "few.tsv"
    data.write_text("good\tyes\nbad\tno\n" * 4)
    for name, files, more in [
        ("XLMRobertaTokenizer", {"sentencepiece.bpe.model": plain}, {"mask_token": mask}),
        ("CamembertTokenizer", {"sentencepiece.bpe.model": plain}, {}),
        ("AlbertTokenizer", {"spiece.model": albert}, {}),
        ("RobertaTokenizer", pair, {"add_prefix_space": True, "mask_token": mask}),
    ]:
        model = folder_of(folder / name)
        BertModel(BertConfig.from_pretrained(model)).save_pretrained(model)
        for file, contents in files.items():
            (model / file).write_bytes(contents)
        (model / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name} | more))
        reference = AutoTokenizer.from_pretrained(model)
        ours = ids_of_addnorm(model, texts, folder)
        report(f"{name} from {', '.join(files)}: texts with other ids", different(ours, reference(texts)["input_ids"]), 0)
        # As transformers writes it, and as addnorm writes it back.
        reference.save_pretrained(model)
        ours = ids_of_addnorm(model, texts, folder)
        report(f"{name} from tokenizer.json: texts with other ids", different(ours, reference(texts)["input_ids"]), 0)
        output = folder / f"{name}-trained"
        command = ["train", "--model", model, "--train", data, "--output", output, "--epochs", "1", "--db", folder / "runs.sqlite"]
        subprocess.run([ADDNORM, *map(str, command)], check=True, capture_output=True)
        theirs = AutoTokenizer.from_pretrained(output)(texts)["input_ids"]
        report(f"{name} as a training writes it: texts with other ids", different(ours, theirs), 0)


TIMED = """
import json, os, sys, time
from tokenizers import Tokenizer
tokenizer, texts = Tokenizer.from_file(sys.argv[1]), json.load(open(sys.argv[2]))
rounds = []
for _ in range(5):
    start = time.perf_counter()
    tokens = sum(len(encoding.ids) for encoding in tokenizer.encode_batch_fast(texts))
    rounds.append(tokens / (time.perf_counter() - start))
print(max(rounds))
"""


def measure(files, folder):
    """Tokens per second in turn, with the median of the ratios and their range: the best of some passes, of a process that has both read."""
    for file in files:
        corpus = [line.split("\t")[0] for line in file.read_text(encoding="utf-8").splitlines()]
        (folder / "texts.json").write_text(json.dumps(corpus))
        tokenizers = {
            "bytes, 8,000": bpe(corpus, 8000, P.ByteLevel(add_prefix_space=False)),
            "Llama 3's split, 8,000": bpe(corpus, 8000, P.Sequence([P.Split(Regex(LLAMA3), "isolated"), P.ByteLevel(add_prefix_space=False, use_regex=False)])),
            "Unigram, 8,000": unigram(corpus, 8000, P.Sequence([P.WhitespaceSplit(), P.Metaspace()])),
        }  # fmt: skip
        for name, tokenizer in tokenizers.items():
            model = folder_of(folder / f"{file.parent.name}-{name}", tokenizer.to_str())
            BertModel(BertConfig.from_pretrained(model)).save_pretrained(model)
            for threads in (1, 2):
                environment = os.environ | {"RAYON_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": str(threads > 1).lower()}
                ratios, ours, theirs = [], [], []
                for _ in range(5):
                    command = [sys.executable, "-c", TIMED, model / "tokenizer.json", folder / "texts.json"]
                    theirs.append(float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout))
                    benchmark = addnorm("benchmark", "--model", model, "--data", file, "--threads", threads, "--json", document=True)
                    ours.append(benchmark["tokenizing_tokens_per_second"])
                    ratios.append(ours[-1] / theirs[-1])
                ratios.sort()
                print(
                    f"{file.parent.name}, {name}, {threads} threads: {sorted(ours)[2] / 1e6:.2f} and {sorted(theirs)[2] / 1e6:.2f} million tokens/s,"
                    f" ratio {ratios[2]:.2f} ({ratios[0]:.2f} – {ratios[-1]:.2f})", flush=True)  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("data", nargs="+", type=Path)
    options = parser.parse_args()
    if options.speed:
        with tempfile.TemporaryDirectory() as name:
            return measure(options.data, Path(name))
    corpus = [line.split("\t")[0] for file in options.data for line in file.read_text(encoding="utf-8").splitlines()]
    lines = (ROOT / "Tests/TokenizationTests/Fixtures/strings.txt").read_text(encoding="ascii").splitlines()
    strings = [json.loads(line) for line in lines if not line.startswith("#")]
    texts = strings + corpus + list(hard(options.texts, corpus, random.Random(options.seed)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        check_classes(texts[:: max(1, len(texts) // 5000)], corpus[:5000], folder)
        for index, (name, tokenizer) in enumerate(settings(corpus)):
            # As it is read back: its scores are not quite what they were.
            tokenizer = Tokenizer.from_str(tokenizer.to_str())
            model = folder_of(folder / str(index), tokenizer.to_str())
            theirs = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts)]
            report(f"{name}: of {len(texts)} texts, other ids", different(ids_of_addnorm(model, texts, folder), theirs), 0)
    finish()


if __name__ == "__main__":
    main()
