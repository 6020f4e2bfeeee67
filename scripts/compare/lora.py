#!/usr/bin/env python3
"""Checks that PEFT and addnorm read each other's adapters, and that both compute the same, beside the model and merged.

    pip install torch==2.15.0 transformers==5.24.0 peft==0.21.2 safetensors
    python3 scripts/compare/lora.py MODEL TRAIN.tsv DEV.tsv

MODEL is a pretrained BERT folder; of TRAIN the first 400 texts are trained with, and of DEV 200 are compared. Every check prints the largest
difference of the logits, which are known up to a constant for each text; the script ends with status 1 if one is above 1e-5.
"""

import sys
import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoTokenizer, BertForSequenceClassification, BertModel

from program import addnorm, finish, report

TOLERANCE = 1e-5
LABELS = ["0", "1"]


def ours(texts, labels, *model):
    answers = addnorm("predict", *model, "--json", texts=texts)
    return centred(torch.tensor([[a["probabilities"][label] for label in labels] for a in answers], dtype=torch.float64).log())


def theirs(model, tokenizer, texts):
    with torch.inference_mode():
        rows = [model.eval()(**tokenizer(text, return_tensors="pt", truncation=True, max_length=512)).logits for text in texts]
    return centred(torch.cat(rows).double())


def centred(logits):
    return logits - logits.mean(1, keepdim=True)


def difference(a, b):
    return (a - b).abs().max().item()


def check_ours(name, model, options, files, texts, folder):
    adapter, merged = f"{folder}/{name}", f"{folder}/{name}-merged"
    addnorm("train", "--model", model, "--train", files[0], "--dev", files[1], "--output", adapter, "--epochs", "2", "--db", f"{folder}/runs.sqlite", *options)
    beside = ours(texts, LABELS, "--model", model, "--adapter", adapter)
    loaded = PeftModel.from_pretrained(BertForSequenceClassification.from_pretrained(model, num_labels=2), adapter)
    report(f"ours, {name}: in PEFT", difference(beside, theirs(loaded, AutoTokenizer.from_pretrained(model), texts)), TOLERANCE)
    report(f"ours, {name}: merged by PEFT", difference(beside, theirs(loaded.merge_and_unload(), AutoTokenizer.from_pretrained(model), texts)), TOLERANCE)
    addnorm("export", "--model", adapter, "--format", "merged", "--output", merged)
    report(f"ours, {name}: merged here", difference(beside, ours(texts, LABELS, "--model", merged)), TOLERANCE)
    report(f"ours, {name}: merged here, in transformers", difference(
        beside, theirs(BertForSequenceClassification.from_pretrained(merged), AutoTokenizer.from_pretrained(merged), texts)), TOLERANCE)  # fmt: skip


def check_theirs(name, model, texts, folder, **options):
    torch.manual_seed(1)
    base = BertForSequenceClassification.from_pretrained(model, num_labels=3)
    peft = get_peft_model(base, LoraConfig(task_type="SEQ_CLS", **options))
    for parameter in peft.parameters():
        if parameter.requires_grad:
            parameter.data = torch.randn(parameter.shape) * 0.03
    peft.save_pretrained(f"{folder}/{name}")
    expected = theirs(peft, AutoTokenizer.from_pretrained(model), texts)
    found = ours(texts, ["LABEL_0", "LABEL_1", "LABEL_2"], "--model", model, "--adapter", f"{folder}/{name}")
    # Relative to the largest: random updates make large logits.
    report(f"theirs, {name}: here (logits up to {expected.abs().max():.1f})", difference(expected, found) / max(1, expected.abs().max().item()), TOLERANCE)


def check_mean(model, files, folder):
    adapter = f"{folder}/mean"
    addnorm("train", "--model", model, "--train", files[0], "--dev", files[1], "--output", adapter, "--epochs", "1", "--db", f"{folder}/runs.sqlite",
            "--lora-rank", "2", "--pooling", "mean")  # fmt: skip
    try:
        PeftModel.from_pretrained(BertForSequenceClassification.from_pretrained(model, num_labels=2), adapter)
        report("mean pooling: PEFT loads what it cannot compute", 1, 0)
    except Exception as error:
        print(f"ok    mean pooling: PEFT refuses the folder: {type(error).__name__}: {error}")


def main():
    model, train, dev = sys.argv[1:]
    model = str(Path(model).resolve())
    texts = [line.split("\t")[0] for line in open(dev, encoding="utf-8")]
    texts = texts[:: max(1, len(texts) // 200)][:200]
    with tempfile.TemporaryDirectory() as folder:
        few = f"{folder}/few.tsv"
        Path(few).write_text("".join(list(open(train, encoding="utf-8"))[:400]), encoding="utf-8")
        files = (few, few)
        check_ours("query-value", model, ["--lora-rank", "8", "--lora-alpha", "16"], files, texts, folder)
        check_ours("all", model, ["--lora-rank", "4", "--lora-targets", "query,key,value,output,intermediate,ffn-output,pooler"], files, texts, folder)
        check_ours("ffn-output", model, ["--lora-rank", "4", "--lora-targets", "ffn-output"], files, texts, folder)
        encoder = f"{folder}/encoder"
        BertModel.from_pretrained(model, add_pooling_layer=False).save_pretrained(encoder)
        AutoTokenizer.from_pretrained(model).save_pretrained(encoder)
        check_ours("new-pooler", encoder, ["--lora-rank", "8"], files, texts, folder)
        check_mean(model, files, folder)
        check_theirs("usual", model, texts, folder, r=8, lora_alpha=16, target_modules=["query", "value"])
        check_theirs("rank-stabilized", model, texts, folder, r=4, lora_alpha=8, target_modules="all-linear", use_rslora=True)
        check_theirs("dense", model, texts, folder, r=2, lora_alpha=2, target_modules=["dense"])
        check_theirs("own-pooler", model, texts, folder, r=2, lora_alpha=2, target_modules=["key"], modules_to_save=["pooler"])
    finish()


if __name__ == "__main__":
    main()
