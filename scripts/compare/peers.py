#!/usr/bin/env python3
"""What the other engines do, one piece of work in a process of its own, as JSON; `speed.py` calls it, and says what is measured.

    peers.py WORK MODEL DATA.tsv [ARGUMENT …]     see WORK at the end

MODEL is a folder of BERT. `prepare` exports its classifier for ONNX Runtime and OpenVINO, and makes 8 bits of it, in MODEL-peers.
"""

import contextlib
import importlib.util
import json
import os
import random
import sys
import time
from pathlib import Path
from statistics import median

BATCH, LENGTH = 32, 128
THREADS = os.cpu_count()
SENTENCE = "a gorgeous , witty , seductive movie ."
# What each engine needs; PyTorch makes the files of the others.
MODULES = {"pytorch": ["torch", "transformers"]}
MODULES["onnx"] = [*MODULES["pytorch"], "onnx", "onnxruntime"]
MODULES["openvino"] = [*MODULES["pytorch"], "onnx", "openvino", "nncf"]


def missing(engine):
    return [module for module in MODULES[engine] if importlib.util.find_spec(module) is None]


def rows(path):
    lines = (line.rstrip("\n").split("\t") for line in open(path, encoding="utf-8", newline="\n"))
    return [(line[0], line[1]) for line in lines if line[1:] != ["label"]]


def tokenizer(folder):
    """The library itself, without what transformers puts around it; it has threads of its own."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(LENGTH)
    return tokenizer


def encode(folder, texts):
    return [encoding.ids for encoding in tokenizer(folder).encode_batch(texts)]


def padded(ids, chosen, length=None):
    import numpy

    batch = numpy.zeros((len(chosen), length or max(len(ids[i]) for i in chosen)), numpy.int64)
    mask = numpy.zeros_like(batch)
    for row, i in enumerate(chosen):
        batch[row, : len(ids[i])], mask[row, : len(ids[i])] = ids[i], 1
    return batch, mask


def load(folder, labels=2):
    import torch
    from transformers import BertForSequenceClassification

    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    return torch, BertForSequenceClassification.from_pretrained(folder, num_labels=labels)


def train(folder, data, padding, precision, steps):
    """Fine-tunes as one would: AdamW, clipping; `grouped` has batches of like lengths, shuffled. Without steps: one epoch."""
    texts, names = zip(*rows(data))
    labels = sorted(set(names))
    torch, model = load(folder, len(labels))
    targets = torch.tensor([labels.index(name) for name in names])
    ids = encode(folder, texts)
    model.train()
    vectors = [p for name, p in model.named_parameters() if name.endswith("bias") or "LayerNorm" in name]
    weights = [p for name, p in model.named_parameters() if not (name.endswith("bias") or "LayerNorm" in name)]
    groups = [{"params": weights, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=5e-5, fused=True)
    random.seed(1)
    order = random.sample(range(len(ids)), len(ids))
    if padding == "grouped":
        pools = (order[i : i + 50 * BATCH] for i in range(0, len(order), 50 * BATCH))
        order = [i for pool in pools for i in sorted(pool, key=lambda i: -len(ids[i]))]
    batches = [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
    random.shuffle(batches)
    batches = batches[: int(steps) or None]

    def step(chosen):
        batch, mask = map(torch.from_numpy, padded(ids, chosen, LENGTH if padding == "longest" else None))
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            loss = model(input_ids=batch, attention_mask=mask, labels=targets[chosen]).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    for chosen in batches[:3]:
        step(chosen)
    start = time.perf_counter()
    for chosen in batches[3:]:
        step(chosen)
    seconds = time.perf_counter() - start
    return {"tokens_per_second": sum(len(ids[i]) for chosen in batches[3:] for i in chosen) / seconds}


@contextlib.contextmanager
def pytorch(folder, precision):
    torch, model = load(folder)
    model.eval()
    if precision == "int8":
        model = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
    if precision == "bf16":
        model.to(torch.bfloat16)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16-autocast"):
        yield lambda ids, mask: model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).logits.float().numpy()


@contextlib.contextmanager
def onnx(folder, precision):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(f"{folder}-peers/{precision}.onnx", options, providers=["CPUExecutionProvider"])
    yield lambda ids, mask: session.run(None, {"ids": ids, "mask": mask})[0]


@contextlib.contextmanager
def openvino(folder, precision):
    import openvino

    weights = "int8.xml" if "int8" in precision else "fp32.onnx"
    hint = "bf16" if "bf16" in precision else "f32"
    settings = {"INFERENCE_NUM_THREADS": THREADS, "INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
    model = openvino.Core().compile_model(f"{folder}-peers/{weights}", "CPU", settings)
    request = model.create_infer_request()
    yield lambda ids, mask: request.infer({"ids": ids, "mask": mask})[model.output(0)].copy()


def classify(folder, data, engine, precision):
    """Batches of like lengths, and 200 texts one by one."""
    import numpy

    ids = encode(folder, [text for text, _ in rows(data)])
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    batches = [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
    with {"pytorch": pytorch, "onnx": onnx, "openvino": openvino}[engine](folder, precision) as run:
        run(*padded(ids, batches[-1]))
        start = time.perf_counter()
        logits = [run(*padded(ids, chosen)) for chosen in batches]
        seconds = time.perf_counter() - start
        times = []
        for i in range(min(200, len(ids))):
            begin = time.perf_counter()
            run(*padded(ids, [i]))
            times.append(time.perf_counter() - begin)
    answers = dict(zip(order, map(int, numpy.concatenate(logits).argmax(1))))
    return {"tokens_per_second": sum(map(len, ids)) / seconds, "p50_ms": 1000 * median(times), "answers": [answers[i] for i in range(len(ids))]}


def prepare(folder, data):
    """The classifier as ONNX, with the weights of its linear layers in 8 bits too, one scale for each matrix or for each column, for ONNX Runtime,
    which finds the scales of the rest as it goes; and for OpenVINO, with scales of all that the texts of `data` have shown to NNCF."""
    torch, model = load(folder)
    peers = Path(f"{folder}-peers")
    peers.mkdir()

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model.eval()

        def forward(self, ids, mask):
            return self.model(input_ids=ids, attention_mask=mask).logits

    ids = encode(folder, [text for text, _ in rows(data)])
    axes = {0: "texts", 1: "tokens"}
    torch.onnx.export(
        Logits(), tuple(map(torch.from_numpy, padded(ids, range(4)))), str(peers / "fp32.onnx"), dynamo=False, opset_version=17,
        input_names=["ids", "mask"], output_names=["logits"], dynamic_axes={"ids": axes, "mask": axes})  # fmt: skip
    if not missing("onnx"):
        from onnxruntime.quantization import QuantType, quantize_dynamic

        for name, columns in (("int8", False), ("int8-columns", True)):
            quantize_dynamic(peers / "fp32.onnx", peers / f"{name}.onnx", weight_type=QuantType.QInt8, per_channel=columns)
    if not missing("openvino"):
        import nncf
        import openvino

        texts = nncf.Dataset(range(len(ids)), lambda i: dict(zip(("ids", "mask"), padded(ids, [i]))))
        model = openvino.Core().read_model(peers / "fp32.onnx")
        openvino.save_model(nncf.quantize(model, texts, model_type=nncf.ModelType.TRANSFORMER, subset_size=len(ids)), peers / "int8.xml", compress_to_fp16=False)
    return {}


def base(folder, data, output):
    """Writes a classifier in the shape of BERT's base model, 12 layers of 768, with random weights."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    torch.manual_seed(1)
    labels = sorted({label for _, label in rows(data)})
    names = {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}
    BertForSequenceClassification(BertConfig(num_labels=len(labels), **names)).save_pretrained(output)
    AutoTokenizer.from_pretrained(folder).save_pretrained(output)
    return {}


def tokenize(folder, data):
    """Of the threads, the library has its own."""
    ours, texts = tokenizer(folder), [text for text, _ in rows(data)]
    ours.encode_batch_fast(texts)
    start = time.perf_counter()
    count = 0
    while time.perf_counter() - start < 1:
        count += sum(len(encoding) for encoding in ours.encode_batch_fast(texts))
    return {"tokens_per_second": count / (time.perf_counter() - start)}


def sentence(folder, data):
    from transformers import BertTokenizerFast

    torch, model = load(folder)
    model.eval()
    with torch.inference_mode():
        model(**BertTokenizerFast.from_pretrained(folder)([SENTENCE], return_tensors="pt")).logits.argmax(1)
    return {}


WORK = {work.__name__: work for work in (train, classify, prepare, base, tokenize, sentence)}

if __name__ == "__main__":
    print(json.dumps(WORK[sys.argv[1]](*sys.argv[2:])))
