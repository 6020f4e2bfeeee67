#!/usr/bin/env python3
"""How fast ModernBERT reads long texts in addnorm and in PyTorch, and in how much memory, in turn on an otherwise idle machine.

    pip install torch==2.15.0 transformers==5.24.0
    scripts/setup/fetch-pretrained.sh
    python3 scripts/compare/long_texts.py [ROUNDS [LENGTH …]]

The model has the shape of ModernBERT-base (22 layers of 768) and random weights; a text is one word again and again. Each engine is a process of its own with two
threads, in Float32, classifies two texts, one at a time, and takes a step of training with one. PyTorch's attention is `sdpa`, transformers' default on a processor. The ratios are the
medians of the rounds, with their ranges. With 2,048 and 8,192 tokens and three rounds it takes about an hour.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from program import ADDNORM, ROOT

THREADS = 2


def make_model(folder):
    import torch
    from transformers import AutoTokenizer, ModernBertConfig, ModernBertForSequenceClassification

    torch.manual_seed(1)
    tokenizer = AutoTokenizer.from_pretrained(ROOT / "models/minilm-l6")
    special = dict(pad_token_id=0, bos_token_id=101, cls_token_id=101, eos_token_id=102, sep_token_id=102)
    labels = dict(id2label={0: "a", 1: "b"}, label2id={"a": 0, "b": 1})
    ModernBertForSequenceClassification(ModernBertConfig(vocab_size=len(tokenizer), **special, **labels)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def measure_torch(folder, length):
    import torch
    from transformers import ModernBertForSequenceClassification

    torch.set_num_threads(THREADS)
    model = ModernBertForSequenceClassification.from_pretrained(folder, attn_implementation="sdpa").eval()
    ids = torch.full((1, length), 2204)
    ids[0, 0], ids[0, -1] = 101, 102
    mask = torch.ones_like(ids)
    with torch.inference_mode():
        model(input_ids=ids[:, :128], attention_mask=mask[:, :128])
        start = time.perf_counter()
        for _ in range(2):
            model(input_ids=ids, attention_mask=mask)
        classifying = 2 * length / (time.perf_counter() - start)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    start = time.perf_counter()
    model(input_ids=ids, attention_mask=mask, labels=torch.tensor([0])).loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    training = length / (time.perf_counter() - start)
    return dict(classifying=classifying, training=training, memory=memory, training_memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measure_addnorm(folder, length):
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        file.write("".join(f"{' '.join(['good'] * (length - 2))}\t{label}\n" for label in "ab"))
        file.flush()
        command = [ADDNORM, "benchmark", "--model", folder, "--data", file.name, "--max-length", length, "--batch-size", 1, "--steps", 1, "--threads", THREADS, "--json"]
        result = json.loads(subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout)
    works = {work: result[work]["tokens_per_second"] for work in ("classifying", "training")}
    return works | dict(memory=result["classifying"]["peak_memory_mb"], training_memory=result["training"]["peak_memory_mb"])


def main(rounds, lengths):
    with tempfile.TemporaryDirectory() as folder:
        make_model(folder)
        print("| tokens | work | addnorm | memory | PyTorch | memory | ratio |\n" + "| --- " * 7 + "|")
        for length in lengths:
            pairs = []
            for _ in range(rounds):
                ours = measure_addnorm(folder, length)
                theirs = json.loads(subprocess.run([sys.executable, __file__, "torch", folder, str(length)], check=True, capture_output=True, text=True).stdout.splitlines()[-1])
                pairs.append((ours, theirs))
            for work, memory in (("classifying", "memory"), ("training", "training_memory")):
                def median(engine, key):
                    return statistics.median(pair[engine][key] for pair in pairs)

                ratios = sorted(ours[work] / theirs[work] for ours, theirs in pairs)
                print(f"| {length:,} | {work} | {median(0, work):,.0f} tokens/s | {median(0, memory):,.0f} MB | {median(1, work):,.0f} tokens/s | {median(1, memory):,.0f} MB "
                      f"| {statistics.median(ratios):.2f} × ({ratios[0]:.2f} – {ratios[-1]:.2f}) |", flush=True)  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["torch"]:
        print(json.dumps(measure_torch(sys.argv[2], int(sys.argv[3]))))
    else:
        main(int((sys.argv[1:] or [3])[0]), [int(length) for length in sys.argv[2:]] or [2048, 8192])
