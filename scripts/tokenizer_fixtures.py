#!/usr/bin/env python3
"""Writes Tests/TokenizationTests/Fixtures: small BERT tokenizers, and the ids that `transformers` makes of hard strings with them.

    pip install transformers==5.23.0
    python3 scripts/tokenizer_fixtures.py

The strings are in `strings.txt` there: one JSON string a line. The vocabulary has every character that they contain, before and
after normalisation, and a few longer pieces, so that no difference hides behind `[UNK]`.
"""

import json
from pathlib import Path

from tokenizers import AddedToken
from transformers import BertTokenizerFast

FOLDER = Path(__file__).parent.parent / "Tests/TokenizationTests/Fixtures"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = "un ##aff ##able ##ord ##re ##ed word ##word ##s keep this one left right hello world the quick ##ick caf ##fe ok".split()
VARIANTS = {
    "uncased": {},
    "cased": {"do_lower_case": False},
    "uncased-accents": {"strip_accents": False},
    "cased-stripped": {"do_lower_case": False, "strip_accents": True},
    "uncased-whole-chinese": {"tokenize_chinese_chars": False},
    "added": {},
}
# Found in the text before or after it is normalised, whole words or not, with or without the space beside them.
ADDED = [
    AddedToken("<new>", normalized=False), AddedToken("word", single_word=True, normalized=False),
    AddedToken("keep  this", normalized=False), AddedToken("<left>", lstrip=True, normalized=False),
    AddedToken("<right>", rstrip=True, normalized=False), AddedToken("N\u00e4chster", normalized=True),
]  # fmt: skip


def strings():
    lines = (FOLDER / "strings.txt").read_text(encoding="ascii").splitlines()
    return [json.loads(line) for line in lines if not line.startswith("#")]


def vocabulary(texts):
    characters = set("".join(texts))
    for options in ({}, {"do_lower_case": False}, {"strip_accents": False}, {"do_lower_case": False, "strip_accents": True}):
        normalizer = BertTokenizerFast(vocab={t: i for i, t in enumerate(SPECIAL)}, **options).backend_tokenizer.normalizer
        characters |= set("".join(normalizer.normalize_str(text) for text in texts))
    characters = sorted(c for c in characters if not c.isspace())
    tokens = SPECIAL + characters + ["##" + c for c in characters]
    return {token: index for index, token in enumerate(dict.fromkeys(tokens + PIECES))}


def main():
    texts = strings()
    vocab = vocabulary(texts)
    for name, options in VARIANTS.items():
        tokenizer = BertTokenizerFast(vocab=vocab, **options)
        if name == "added":
            tokenizer.add_tokens(ADDED)
        folder = FOLDER / name
        folder.mkdir(exist_ok=True)
        tokenizer.save_pretrained(folder)
        ids = [tokenizer(text)["input_ids"] for text in texts]
        # The test relies on this rule for all lengths.
        for text, whole in zip(texts, ids):
            for length in range(2, len(whole) + 2):
                cut = tokenizer(text, truncation=True, max_length=length)["input_ids"]
                assert cut == (whole if length >= len(whole) else whole[: length - 1] + whole[-1:])
        (folder / "ids.json").write_text("[" + ",\n".join(json.dumps(i, separators=(",", ":")) for i in ids) + "]\n")
        print(f"{name}: {len(texts)} strings, {sum(map(len, ids))} ids, {len(tokenizer)} tokens")


if __name__ == "__main__":
    main()
