#!/usr/bin/env python3
"""Checks that `transformers` and addnorm read each other's folders, that exported models are read rightly, and that all compute the same.

    pip install torch==2.15.0 transformers==5.24.0 safetensors onnxruntime sentence-transformers
    scripts/setup/fetch-pretrained.sh
    python3 scripts/compare/interop.py [MODEL [TEXTS.tsv …]]

MODEL is a pretrained BERT folder (default: models/minilm-l6), TEXTS are files of `text<TAB>label` (default: data/reviews). Every
check prints the largest difference that it found; the script ends with status 1 if one of them is too large. Takes some minutes.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
import onnxruntime
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertForSequenceClassification, BertModel

from program import ROOT, addnorm, finish, report

TOLERANCE = 1e-4
EXPORT_TOLERANCE = 1e-5
# Every form of Add & Norm with a meaning, as options of a new model.
NORMS = ("layernorm", "rmsnorm", "dyt", "batchnorm")
FORMS = [f"--norm {norm} --norm-placement {place} --residual {residual}" for norm in NORMS for place in ("post", "pre", "sandwich") for residual in ("on", "off")]
FORMS += [f"--norm {norm} --residual deepnorm" for norm in NORMS] + [f"--norm none --residual {residual}" for residual in ("on", "off", "rezero")]


def logits_of_addnorm(model, texts, labels):
    """Logits up to a constant for each text: the logarithms of the probabilities, with mean 0."""
    answers = addnorm("predict", "--model", model, "--json", texts=texts)
    rows = torch.tensor([[a["probabilities"][label] for label in labels] for a in answers], dtype=torch.float64).log()
    return rows - rows.mean(1, keepdim=True)


def centred(logits):
    return logits.double() - logits.double().mean(1, keepdim=True)


def batches(tokenizer, texts):
    for start in range(0, len(texts), 32):
        yield tokenizer(texts[start : start + 32], padding=True, truncation=True, max_length=512, return_tensors="pt")


def logits_of_transformers(folder, texts):
    model, info = BertForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        report(f"{Path(folder).name}: {kind.replace('_', ' ')} when transformers loads it", len(info[kind]), 0)
    with torch.inference_mode():
        tokenizer = AutoTokenizer.from_pretrained(folder)
        return model.config, torch.cat([model.eval()(**batch).logits for batch in batches(tokenizer, texts)])


def mean_pooled_logits(folder, texts):
    """BertModel, the mean over the tokens, and the classifier: what transformers has no class for."""
    encoder, tensors = BertModel.from_pretrained(folder, add_pooling_layer=False).eval(), load_file(Path(folder) / "model.safetensors")
    rows = []
    with torch.inference_mode():
        for batch in batches(AutoTokenizer.from_pretrained(folder), texts):
            mask = batch["attention_mask"].unsqueeze(2)
            mean = (encoder(**batch).last_hidden_state * mask).sum(1) / mask.sum(1)
            rows.append(mean @ tensors["classifier.weight"].T + tensors["classifier.bias"])
    return torch.cat(rows)


def check_tokens(model, texts):
    expected = AutoTokenizer.from_pretrained(model)(texts, truncation=True, max_length=512)["input_ids"]
    found = addnorm("tokenize", "--model", model, "--json", "--max-length", "512", texts=texts)
    assert len(found) == len(texts)
    report(f"texts of {len(texts)} whose token ids differ", sum(f["ids"] != e for f, e in zip(found, expected)), 0)


def check_ours(model, texts, folder):
    """Folders that addnorm has written."""
    for pooling in ("cls", "mean"):
        output = f"{folder}/ours-{pooling}"
        addnorm("train", "--model", model, "--train", ROOT / "data/reviews/test.tsv", "--dev", ROOT / "data/reviews/test.tsv",
                "--output", output, "--pooling", pooling, "--epochs", "1", "--db", f"{folder}/runs.sqlite")  # fmt: skip
        config = json.loads((Path(output) / "config.json").read_text())
        assert config["architectures"] == [f"{'Bert' if pooling == 'cls' else 'AddNorm'}ForSequenceClassification"]
        assert config["label2id"] == {label: int(i) for i, label in config["id2label"].items()}
        labels = [config["id2label"][str(i)] for i in range(len(config["id2label"]))]
        if pooling == "cls":
            loaded, expected = logits_of_transformers(output, texts)
            assert [loaded.id2label[i] for i in range(len(labels))] == labels
            check_tokens(output, texts)
        else:
            expected = mean_pooled_logits(output, texts)
            report("mean pooling: transformers loads what it cannot compute", not refuses(output), 0)
        check_exports(output, texts, labels)
        difference = (logits_of_addnorm(output, texts, labels) - centred(expected)).abs().max().item()
        report(f"trained here, {pooling}: largest difference of the logits of {len(texts)} texts", difference, TOLERANCE)


def refuses(folder):
    try:
        AutoModelForSequenceClassification.from_pretrained(folder)
    except ValueError:
        return True
    return False


def check_forms(texts, folder):
    """New models of every form of Add & Norm: other programs than ONNX Runtime have none but BERT's.

    Initial weights are large enough for every part to matter. If they were 0.2, hidden states without a norm would grow to 60, and Float32 alone
    would make 2e-5 of that: there, PyTorch, ONNX Runtime and addnorm are all as far from double precision.
    """
    data, shape = ROOT / "data/reviews/test.tsv", "--hidden-size 32 --heads 2 --layers 3 --intermediate-size 64 --initializer-range 0.15 --epochs 2"
    for form in FORMS:
        for pooling in ("cls", "mean"):
            name = f"{form} --pooling {pooling}".replace("--norm-placement ", "").replace("--", "")
            output = f"{folder}/{name.replace(' ', '-')}"
            addnorm("train", "--train", data, "--dev", data, "--output", output, "--db", f"{folder}/runs.sqlite", *f"{shape} {form} --pooling {pooling}".split())
            config = json.loads((Path(output) / "config.json").read_text())
            if config["model_type"] != "bert":
                report(f"{name}: transformers loads what it cannot compute", not refuses(output), 0)
            check_onnx(output, texts, [config["id2label"][str(i)] for i in range(len(config["id2label"]))])


def check_onnx(model, texts, labels):
    """Returns the probabilities that were found right."""
    answers = addnorm("predict", "--model", model, "--json", texts=texts)
    expected = torch.tensor([[a["probabilities"][label] for label in labels] for a in answers], dtype=torch.float64)
    tokenizer, difference = AutoTokenizer.from_pretrained(model), 0
    addnorm("export", "--model", model, "--format", "onnx", "--output", f"{model}-onnx")
    session = onnxruntime.InferenceSession(f"{model}-onnx/model.onnx")
    for batch, rows in zip(batches(tokenizer, texts), expected.split(32)):
        inputs = {name: batch[name].numpy() for name in ("input_ids", "attention_mask")}
        logits, probabilities = map(torch.tensor, session.run(["logits", "probabilities"], inputs))
        for found, right in ((centred(logits), centred(rows.log())), (probabilities, rows)):
            difference = max(difference, (found - right).abs().max().item())
    report(f"{Path(model).name}, ONNX Runtime: largest difference of logits and probabilities", difference, EXPORT_TOLERANCE)
    return expected


def check_exports(model, texts, labels):
    """What addnorm has written for other programs."""
    expected = check_onnx(model, texts, labels)
    addnorm("export", "--model", model, "--format", "sentence-transformers", "--output", f"{model}-st")
    logits = torch.tensor(SentenceTransformer(f"{model}-st", device="cpu").encode(texts))
    difference = (torch.softmax(logits, -1) - expected).abs().max().item()
    report(f"{Path(model).name}, sentence-transformers: largest difference of the probabilities", difference, EXPORT_TOLERANCE)


def check_several_labels(model, texts, folder):
    """A folder for several labels, before and after it is calibrated."""
    data, output, database = ROOT / "data/reviews/test.tsv", f"{folder}/several", f"{folder}/runs.sqlite"
    layout = ["--label-map", "positive=good|any,negative=any"]
    addnorm("train", "--model", model, "--train", data, "--dev", data, "--output", output, "--pooling", "cls", "--epochs", "1",
            "--problem-type", "multi_label_classification", "--db", database, *layout)  # fmt: skip
    for calibrated in (False, True):
        if calibrated:
            addnorm("evaluate", "--model", output, "--calibrate", "--db", database, *layout, ROOT / "data/reviews/dev.tsv")
        loaded, logits = logits_of_transformers(output, texts)
        assert loaded.problem_type == "multi_label_classification"
        temperature = json.loads((Path(output) / "config.json").read_text()).get("calibration_temperature", 1)
        assert calibrated == (temperature != 1)
        answers = addnorm("predict", "--model", output, "--json", texts=texts)
        found = torch.tensor([[a["probabilities"][loaded.id2label[i]] for i in range(2)] for a in answers], dtype=torch.float64)
        difference = (found - torch.sigmoid(logits.double() / temperature)).abs().max().item()
        name = "calibrated" if calibrated else "as trained"
        report(f"several labels, {name}: largest difference of the probabilities of {len(texts)} texts", difference, TOLERANCE)


def check_regression(model, texts, folder):
    """A regression that addnorm has written, here and as ONNX, and one that transformers has."""
    data, ours, theirs = f"{folder}/numbers.tsv", f"{folder}/regression", f"{folder}/theirs-regression"
    Path(data).write_text("".join(f"{text}\t{len(text) / 100 - 1}\n" for text in texts))
    addnorm("train", "--model", model, "--train", data, "--dev", data, "--output", ours, "--pooling", "cls", "--epochs", "1",
            "--problem-type", "regression", "--db", f"{folder}/runs.sqlite")  # fmt: skip
    tokenizer = AutoTokenizer.from_pretrained(model)
    BertForSequenceClassification.from_pretrained(ours).save_pretrained(theirs)
    tokenizer.save_pretrained(theirs)
    addnorm("export", "--model", ours, "--format", "onnx", "--output", f"{ours}-onnx")
    session = onnxruntime.InferenceSession(f"{ours}-onnx/model.onnx")
    loaded, expected = logits_of_transformers(ours, texts)
    assert (loaded.num_labels, loaded.problem_type) == (1, "regression")
    exported = [session.run(["logits"], {n: batch[n].numpy() for n in ("input_ids", "attention_mask")})[0] for batch in batches(tokenizer, texts)]
    found = {name: torch.tensor([[a["value"]] for a in addnorm("predict", "--model", path, "--json", texts=texts)]) for name, path in (("trained here", ours), ("written by transformers", theirs))}
    found["ONNX Runtime"] = torch.cat([torch.tensor(rows) for rows in exported])
    for name, numbers in found.items():
        report(f"regression, {name}: largest difference of the numbers of {len(texts)} texts", (numbers - expected).abs().max().item(), EXPORT_TOLERANCE)


def pickle_weights(folder):
    """Writes the safetensors of a folder as pytorch_model.bin, in as many files."""
    for file in folder.glob("*.safetensors"):
        torch.save(load_file(file), folder / file.name.replace("model", "pytorch_model").replace(".safetensors", ".bin"))
        file.unlink()
    for file in folder.glob("*.safetensors.index.json"):
        text = file.read_text().replace('"model-', '"pytorch_model-').replace(".safetensors", ".bin")
        (folder / "pytorch_model.bin.index.json").write_text(text)
        file.unlink()


def check_theirs(model, texts, folder):
    """Folders that transformers has written: whole, in shards, in half precision, and as older versions did, pickled."""
    labels = ["bad", "fair", "good"]
    torch.manual_seed(1)
    classifier = BertForSequenceClassification.from_pretrained(
        model, num_labels=3, id2label=dict(enumerate(labels)), label2id={label: i for i, label in enumerate(labels)})  # fmt: skip
    # A random head says next to nothing: larger weights make differences visible.
    classifier.classifier.weight.data.mul_(20)
    tokenizer = AutoTokenizer.from_pretrained(model)
    for name, dtype, shard in (("whole", torch.float32, "5GB"), ("shards", torch.float32, "30MB"), ("F16", torch.float16, "5GB"), ("BF16", torch.bfloat16, "5GB")):
        output = f"{folder}/theirs-{name}"
        classifier.to(dtype).save_pretrained(output, max_shard_size=shard)
        tokenizer.save_pretrained(output)
        classifier.to(torch.float32)
        with torch.inference_mode():
            expected = torch.cat([classifier.eval()(**batch).logits for batch in batches(tokenizer, texts)])
        found = logits_of_addnorm(output, texts, labels)
        difference = (found - centred(expected)).abs().max().item()
        report(f"written by transformers, {name}: largest difference of the logits of {len(texts)} texts", difference, TOLERANCE)
        pickle_weights(Path(output))
        difference = (logits_of_addnorm(output, texts, labels) - found).abs().max().item()
        report(f"the same, pickled, {name}: largest difference to that", difference, 0)


def main():
    model = sys.argv[1] if len(sys.argv) > 1 else ROOT / "models/minilm-l6"
    files = sys.argv[2:] or sorted((ROOT / "data/reviews").glob("*.tsv"))
    texts = [line.rstrip("\n").split("\t")[0] for file in files for line in open(file, encoding="utf-8", newline="\n")]
    check_tokens(model, texts)
    some = texts[:: max(1, len(texts) // 200)][:200]
    with tempfile.TemporaryDirectory() as folder:
        check_forms(some, folder)
        check_ours(model, some, folder)
        check_several_labels(model, some, folder)
        check_regression(model, some, folder)
        check_theirs(model, some, folder)
    finish()


if __name__ == "__main__":
    main()
