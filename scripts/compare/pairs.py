#!/usr/bin/env python3
"""Checks that addnorm and `transformers` read pairs of texts alike, and tell labels that a model was not trained with alike.

    pip install torch==2.15.0 transformers==5.24.0 tokenizers safetensors onnxruntime
    scripts/setup/fetch-pretrained.sh
    python3 scripts/compare/pairs.py [FAMILY …]

For each family a small model with random weights is made, with labels of natural-language inference and a tokenizer of the family's kind. Compared are the logits of 200
pairs of texts of data/reviews and data/reviews-zh, the longer text cut off and not; the probabilities of the pipeline for zero-shot classification; what a training on
pairs has written; and ONNX Runtime's answers. Every check prints the largest difference that it found; the script ends with status 1 if one of them is too large.
Takes some minutes.
"""

import json
import sys
import tempfile
from pathlib import Path

import onnxruntime
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

import families
from families import configuration, tokenizer_of
from interop import centred
from program import ROOT, addnorm, finish, report

TOLERANCE = 1e-5
LABELS = ["contradiction", "neutral", "entailment"]
CANDIDATES = ["food", "service", "the price"]
SMALL = dict(num_hidden_layers=3, hidden_size=96, num_attention_heads=4, intermediate_size=160)
SHAPES = {
    "bert": SMALL,
    "bert-multilingual": SMALL,
    "distilbert": dict(n_layers=3, dim=96, n_heads=4, hidden_dim=160),
    "roberta": SMALL | dict(max_position_embeddings=514, type_vocab_size=1),
    "camembert": SMALL | dict(max_position_embeddings=514, type_vocab_size=1),
    "electra": SMALL | dict(embedding_size=48),
    "modernbert": SMALL,
}


def inputs(tokenizer, pairs, length, family):
    batch = tokenizer(
        [first for first, _ in pairs], [second for _, second in pairs], padding=True, truncation="longest_first",
        max_length=length, return_tensors="pt")  # fmt: skip
    # The generic class of tokenizers makes segments for every family.
    if family not in ("bert", "electra"):
        batch.pop("token_type_ids", None)
    return batch


def logits_of_transformers(model, tokenizer, pairs, length, family):
    with torch.inference_mode():
        return torch.cat([model(**inputs(tokenizer, pairs[i : i + 32], length, family)).logits for i in range(0, len(pairs), 32)])


def rows(pairs):
    return [json.dumps({"text": first, "text_pair": second}) for first, second in pairs]


def check_logits(name, folder, model, tokenizer, pairs, family):
    for length in (512, 24):
        expected = logits_of_transformers(model, tokenizer, pairs, length, family)
        answers = addnorm("predict", "--model", folder, "--json", "--format", "jsonl", "--max-length", length, texts=rows(pairs))
        found = centred(torch.tensor([[a["probabilities"][label] for label in LABELS] for a in answers], dtype=torch.float64).log())
        difference = (found - centred(expected)).abs().max().item()
        report(f"{name}, up to {length} tokens: largest difference of the logits of {len(pairs)} pairs", difference, TOLERANCE)


def check_zero_shot(name, folder, model, tokenizer, texts):
    classify = pipeline("zero-shot-classification", model=model, tokenizer=tokenizer, device="cpu")
    for options in ([], ["--multi-label"], ["--max-length", "20"]):
        tokenizer.model_max_length = 20 if "--max-length" in options else 512
        expected = [classify(text, CANDIDATES, hypothesis_template="This text is about {}.", multi_label="--multi-label" in options) for text in texts]
        answers = addnorm("predict", "--model", folder, "--json", "--candidate-labels", ",".join(CANDIDATES), "--hypothesis", "This text is about {}.", *options, texts=texts)
        difference = max(abs(a["probabilities"][label] - score) for a, e in zip(answers, expected) for label, score in zip(e["labels"], e["scores"]))
        report(f"{name}, zero-shot {' '.join(options)}: largest difference of the probabilities of {len(texts)} texts", difference, TOLERANCE)


def check_trained(family, folder, pairs):
    """A training on pairs, as transformers and ONNX Runtime read what it has written."""
    data, trained = f"{folder}/pairs.tsv", f"{folder}/{family}-trained"
    Path(data).write_text("text\ttext_pair\tlabel\n" + "".join(f"{a}\t{b}\t{LABELS[i % 3]}\n" for i, (a, b) in enumerate(pairs)))
    addnorm("train", "--model", f"{folder}/{family}", "--train", data, "--dev", data, "--output", trained, "--pooling", "cls", "--epochs", "2", "--db", f"{folder}/runs.sqlite")
    model, info = AutoModelForSequenceClassification.from_pretrained(trained, output_loading_info=True)
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        report(f"{family}, trained on pairs: {problem.replace('_', ' ')} when transformers loads it", len(info[problem]), 0)
    tokenizer = AutoTokenizer.from_pretrained(trained)
    check_logits(f"{family}, trained on pairs", trained, model.eval(), tokenizer, pairs, family)
    if family == "modernbert":
        return
    addnorm("export", "--model", trained, "--format", "onnx", "--output", f"{trained}-onnx")
    session, difference = onnxruntime.InferenceSession(f"{trained}-onnx/model.onnx"), 0
    names = {value.name for value in session.get_inputs()}
    for start in range(0, len(pairs), 32):
        batch = inputs(tokenizer, pairs[start : start + 32], 512, family)
        if "token_type_ids" in names:
            batch.setdefault("token_type_ids", torch.zeros_like(batch["input_ids"]))
        with torch.inference_mode():
            expected = model(**batch).logits
        found = session.run(["logits"], {name: tensor.numpy() for name, tensor in batch.items()})[0]
        difference = max(difference, (torch.tensor(found) - expected).abs().max().item())
    report(f"{family}, ONNX Runtime: largest difference of the logits", difference, TOLERANCE)


def main():
    texts = [line.rstrip("\n").split("\t")[0] for file in sorted(ROOT.glob("data/reviews*/*.tsv")) for line in open(file, encoding="utf-8")]
    some = texts[:: max(1, len(texts) // 200)][:200]
    pairs = list(zip(some, some[1:] + some[:1]))
    for family in sys.argv[1:] or SHAPES:
        families.SHAPES[family], families.LABELS = SHAPES[family], LABELS
        tokenizer = tokenizer_of(family, texts)
        torch.manual_seed(1)
        model = AutoModelForSequenceClassification.from_config(configuration(family, tokenizer)).eval()
        for name, parameter in model.named_parameters():
            if name in ("classifier.weight", "classifier.out_proj.weight"):
                parameter.data.mul_(5)
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(f"{folder}/{family}")
            tokenizer.save_pretrained(f"{folder}/{family}")
            check_logits(family, f"{folder}/{family}", model, tokenizer, pairs, family)
            if family in ("bert", "electra") or "token_type_ids" not in tokenizer.model_input_names:
                check_zero_shot(family, f"{folder}/{family}", model, tokenizer, some[:40])
            check_trained(family, folder, pairs[:60])
    finish()


if __name__ == "__main__":
    main()
