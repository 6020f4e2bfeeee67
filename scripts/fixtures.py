#!/usr/bin/env python3
"""Writes Tests/TransformerTests/Fixtures: tiny random models, with the hidden states, logits, losses and gradients
that PyTorch computes.

    pip install torch==2.13.0 transformers==5.23.0 safetensors numpy
    python3 scripts/fixtures.py

The encoder is written out below in plain PyTorch, one sequence at a time and without padding, because `transformers` knows
neither pre-norm nor mean pooling for BERT. Where it does know the model (post-norm, `cls`), the script checks that its padded
batch gives the same numbers.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy, gelu, layer_norm, relu
from transformers import BertConfig, BertForSequenceClassification

FOLDER = Path(__file__).parent.parent / "Tests/TransformerTests/Fixtures"
LENGTHS = [7, 2, 12, 5]
TARGETS = [1, 0, 2, 1]
CLASS_WEIGHTS = [0.5, 2.0, 1.25]
SMOOTHING = 0.1
CASES = {
    "post-cls-gelu": dict(norm_placement="post", pooling="cls", hidden_act="gelu"),
    "post-mean-gelu_new": dict(norm_placement="post", pooling="mean", hidden_act="gelu_new"),
    "pre-cls-gelu": dict(norm_placement="pre", pooling="cls", hidden_act="gelu"),
    "pre-mean-relu": dict(norm_placement="pre", pooling="mean", hidden_act="relu"),
}
ACTIVATIONS = {"gelu": gelu, "gelu_new": lambda x: gelu(x, approximate="tanh"), "relu": relu}


def configuration(case):
    return BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
        max_position_embeddings=16, type_vocab_size=2, hidden_act=case["hidden_act"],
        id2label={0: "negative", 1: "neutral", 2: "positive"},
        label2id={"negative": 0, "neutral": 1, "positive": 2}, problem_type="single_label_classification",
        norm_placement=case["norm_placement"], pooling=case["pooling"])  # fmt: skip


def parameters(config):
    """Random values for all names; larger than an initialisation, so that every part of the model matters."""
    model = BertForSequenceClassification(config)
    values = {name: torch.randn(p.shape) * 0.3 for name, p in model.named_parameters()}
    if config.norm_placement == "pre":
        for name in ("weight", "bias"):
            values[f"bert.encoder.LayerNorm.{name}"] = torch.randn(config.hidden_size) * 0.3
    for name in values:
        if name.endswith("LayerNorm.weight"):
            values[name] += 1
    if config.pooling == "mean":
        del values["bert.pooler.dense.weight"], values["bert.pooler.dense.bias"]
    return {name: value.requires_grad_() for name, value in values.items()}


def forward(p, config, ids):
    """The hidden states and the logits of one sequence, without dropout."""

    def linear(x, name):
        return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]

    def norm(x, name):
        return layer_norm(x, x.shape[-1:], p[f"{name}.weight"], p[f"{name}.bias"], config.layer_norm_eps)

    def add_norm(x, sublayer, name):
        if config.norm_placement == "post":
            return norm(x + sublayer(x), name)
        return x + sublayer(norm(x, name))

    def attention(x, name):
        size = config.hidden_size // config.num_attention_heads
        q, k, v = (
            linear(x, f"{name}.self.{part}").view(len(x), -1, size).transpose(0, 1)
            for part in ("query", "key", "value"))  # fmt: skip
        context = (q @ k.transpose(1, 2) / size**0.5).softmax(-1) @ v
        return linear(context.transpose(0, 1).reshape(len(x), -1), f"{name}.output.dense")

    def feed_forward(x, name):
        inner = ACTIVATIONS[config.hidden_act](linear(x, f"{name}.intermediate.dense"))
        return linear(inner, f"{name}.output.dense")

    e = "bert.embeddings"
    x = p[f"{e}.word_embeddings.weight"][ids] + p[f"{e}.position_embeddings.weight"][: len(ids)]
    x = norm(x + p[f"{e}.token_type_embeddings.weight"][0], f"{e}.LayerNorm")
    hidden_states = [x]
    for index in range(config.num_hidden_layers):
        name = f"bert.encoder.layer.{index}"
        x = add_norm(x, lambda x: attention(x, f"{name}.attention"), f"{name}.attention.output.LayerNorm")
        x = add_norm(x, lambda x: feed_forward(x, name), f"{name}.output.LayerNorm")
        hidden_states.append(x)
    if config.norm_placement == "pre":
        hidden_states[-1] = x = norm(x, "bert.encoder.LayerNorm")
    pooled = x.mean(0) if config.pooling == "mean" else torch.tanh(linear(x[0], "bert.pooler.dense"))
    return hidden_states, linear(pooled, "classifier")


def check_against_transformers(p, config, sequences, hidden_states, expected):
    model = BertForSequenceClassification(config).eval()
    model.load_state_dict(p, strict=False)
    ids = torch.zeros(len(sequences), max(LENGTHS), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)], mask[row, : len(sequence)] = sequence, 1
    output = model(input_ids=ids, attention_mask=mask, labels=torch.tensor(TARGETS), output_hidden_states=True)
    output.loss.backward()
    difference = abs(output.loss.item() - expected.item())
    for layer, rows in enumerate(output.hidden_states):
        difference = max(difference, (rows[mask == 1] - hidden_states[layer]).abs().max().item())
    for name, parameter in model.named_parameters():
        difference = max(difference, (parameter.grad - p[name].grad).abs().max().item())
    print(f"  largest difference to transformers: {difference:.1e}")
    assert difference < 1e-5


def main():
    for number, (name, case) in enumerate(CASES.items()):
        torch.manual_seed(number)
        config = configuration(case)
        p = parameters(config)
        sequences = [torch.randint(5, config.vocab_size, (length,)) for length in LENGTHS]
        for sequence in sequences:
            sequence[0], sequence[-1] = 2, 3
        results = [forward(p, config, sequence) for sequence in sequences]
        hidden_states = [torch.cat(layer).detach() for layer in zip(*(states for states, _ in results))]
        outputs = torch.stack([logits for _, logits in results])
        loss = cross_entropy(outputs, torch.tensor(TARGETS))
        loss.backward()
        print(f"{name}: loss {loss.item():.6f}")
        if case["norm_placement"] == "post" and case["pooling"] == "cls":
            check_against_transformers(p, config, sequences, hidden_states, loss)
        folder = FOLDER / name
        folder.mkdir(parents=True, exist_ok=True)
        config.architectures = ["BertForSequenceClassification"]
        (folder / "config.json").write_text(config.to_json_string())
        (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}) + "\n")
        tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"token{i}" for i in range(5, config.vocab_size)]
        (folder / "vocab.txt").write_text("".join(token + "\n" for token in tokens))
        save_file({n: v.detach() for n, v in p.items()}, folder / "model.safetensors", metadata={"format": "pt"})
        expected = {f"gradient.{n}": v.grad for n, v in p.items()}
        expected["logits"], expected["loss"] = outputs.detach(), loss.detach().reshape(1)
        for index, sequence in enumerate(sequences):
            expected[f"ids.{index}"] = sequence.float()
        for layer, rows in enumerate(hidden_states):
            expected[f"hidden.{layer}"] = rows
        logits = outputs.detach().clone().requires_grad_()
        other = cross_entropy(logits, torch.tensor(TARGETS), weight=torch.tensor(CLASS_WEIGHTS), label_smoothing=SMOOTHING)
        other.backward()
        expected["weighted_loss"], expected["weighted_loss.gradient"] = other.detach().reshape(1), logits.grad
        expected["targets"] = torch.tensor(TARGETS).float()
        save_file(expected, folder / "expected.safetensors")


if __name__ == "__main__":
    main()
