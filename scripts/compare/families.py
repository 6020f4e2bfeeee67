#!/usr/bin/env python3
"""Checks that addnorm and `transformers` read each other's folders of every family of encoders, and compute the same.

    pip install torch==2.15.0 transformers==5.24.0 tokenizers safetensors
    scripts/setup/fetch-pretrained.sh
    python3 scripts/compare/families.py [FAMILY …]

For each family a model with random weights is made, of the shape of the family's published base model (12 layers of 768, ModernBERT 22) and with a tokenizer of its
kind, learned from the texts; and the logits of 200 texts of data/reviews and data/reviews-zh are compared: of folders that transformers has written as a classifier, in shards, in half precision, as
an encoder alone and with the head of a masked language model; and of a folder that addnorm has trained and written. Every check prints the largest difference
that it found; the script ends with status 1 if one of them is too large. Takes about half an hour.
"""

import copy
import sys
import tempfile
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from safetensors.torch import load_file
from transformers import (
    AutoConfig, AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification, AutoTokenizer, PreTrainedTokenizerFast,
)  # fmt: skip

from interop import batches, centred, logits_of_addnorm
from program import ROOT, addnorm, finish, report

TOLERANCE = 1e-5
LABELS = ["negative", "positive"]
BERT = dict(num_hidden_layers=12, hidden_size=768, num_attention_heads=12, intermediate_size=3072)
ROBERTA = BERT | dict(max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5)
SHAPES = {
    "bert": BERT,
    "bert-multilingual": BERT | dict(hidden_size=384, intermediate_size=1536),
    "distilbert": dict(n_layers=6, dim=768, n_heads=12, hidden_dim=3072),
    "roberta": ROBERTA,
    "camembert": ROBERTA,
    "xlm-roberta": ROBERTA,
    "electra": BERT | dict(embedding_size=768),
    "electra-small": dict(num_hidden_layers=12, hidden_size=256, num_attention_heads=4, intermediate_size=1024, embedding_size=128),
    "modernbert": dict(num_hidden_layers=22, hidden_size=768, num_attention_heads=12, intermediate_size=1152),
}


def configuration(family, tokenizer):
    special = dict(pad_token_id=tokenizer.pad_token_id)
    if family == "modernbert":
        special |= dict(bos_token_id=None, eos_token_id=None, cls_token_id=tokenizer.cls_token_id, sep_token_id=tokenizer.sep_token_id)
    return AutoConfig.for_model(
        family.removesuffix("-small").removesuffix("-multilingual"), **SHAPES[family], vocab_size=len(tokenizer), **special,
        id2label=dict(enumerate(LABELS)), label2id={label: i for i, label in enumerate(LABELS)})  # fmt: skip


def tokenizer_of(family, texts):
    """One of the family's kind: WordPiece is MiniLM's, all others are learned from the texts."""
    if family in ("bert", "distilbert", "electra", "electra-small"):
        return AutoTokenizer.from_pretrained(ROOT / "models/minilm-l6")
    first, last, rest = ("[CLS]", "[SEP]", ["[UNK]", "[PAD]", "[MASK]"]) if family == "modernbert" else ("<s>", "</s>", ["<unk>", "<pad>", "<mask>"])
    unknown, padding, mask = rest
    special = [first, padding, last, unknown]
    if family in ("roberta", "modernbert"):
        tokenizer = Tokenizer(models.BPE())
        tokenizer.normalizer = normalizers.NFC() if family == "modernbert" else None
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(vocab_size=8000, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
        trainer = trainers.UnigramTrainer(vocab_size=4000, special_tokens=special, unk_token=unknown, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken(mask, lstrip=True, special=True)])
    ids = [(token, tokenizer.token_to_id(token)) for token in (first, last)]
    if family == "roberta":
        tokenizer.post_processor = processors.RobertaProcessing(ids[1], ids[0])
    else:
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{first} $A {last}", pair=f"{first} $A {last} $B {last}", special_tokens=ids)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token=first, sep_token=last, pad_token=padding, unk_token=unknown, mask_token=mask, model_max_length=512)


def logits_of_transformers(model, tokenizer, texts):
    with torch.inference_mode():
        rows = []
        for batch in batches(tokenizer, texts):
            batch.pop("token_type_ids", None)
            rows.append(model(**batch).logits)
        return torch.cat(rows)


def compare(name, folder, tokenizer, texts, expected, tolerance=TOLERANCE):
    expected = centred(expected)
    difference = (logits_of_addnorm(folder, texts, LABELS) - expected).abs().max().item()
    # Of large logits, Float32 has fewer digits behind the point.
    largest = expected.abs().max().item()
    report(f"{name}: largest difference of the logits of {len(texts)} texts, up to {largest:.2g}", difference, tolerance * max(1, largest / 10))


def check_theirs(family, tokenizer, texts, folder):
    torch.manual_seed(1)
    model = AutoModelForSequenceClassification.from_config(configuration(family, tokenizer)).eval()
    # A random head says next to nothing: larger weights make differences visible.
    for name, parameter in model.named_parameters():
        if name in ("classifier.weight", "classifier.out_proj.weight"):
            parameter.data.mul_(5)
    for kind, dtype, shard in (("whole", torch.float32, "5GB"), ("shards", torch.float32, "100MB"), ("F16", torch.float16, "5GB"), ("BF16", torch.bfloat16, "5GB")):
        output = f"{folder}/{family}-{kind}"
        # A copy: the angles of rotary positions would be rounded as well.
        copy.deepcopy(model).to(dtype).save_pretrained(output, max_shard_size=shard)
        tokenizer.save_pretrained(output)
        some = texts if kind == "whole" else texts[:20]
        read = AutoModelForSequenceClassification.from_pretrained(output, dtype=torch.float32).eval()
        compare(f"{family}, {kind}", output, tokenizer, some, logits_of_transformers(read, tokenizer, some))


def check_ours(family, tokenizer, texts, folder):
    """Folders of encoders alone and of masked language models, on which addnorm puts a head that is trained."""
    torch.manual_seed(2)
    config = configuration(family, tokenizer)
    data = f"{folder}/few.tsv"
    Path(data).write_text("".join(f"{text}\t{LABELS[i % 2]}\n" for i, text in enumerate(texts[:32])))
    for kind, auto in (("encoder", AutoModel), ("masked", AutoModelForMaskedLM)):
        output = f"{folder}/{family}-{kind}"
        auto.from_config(config).save_pretrained(output)
        tokenizer.save_pretrained(output)
        trained = f"{output}-trained"
        addnorm("train", "--model", output, "--train", data, "--dev", data, "--output", trained, "--pooling", "cls",
                "--train-layers", "head", "--epochs", "2", "--db", f"{folder}/runs.sqlite")  # fmt: skip
        model, info = AutoModelForSequenceClassification.from_pretrained(trained, output_loading_info=True)
        for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
            report(f"{family} on an {kind}: {problem.replace('_', ' ')} when transformers loads it", len(info[problem]), 0)
        written, original = load_file(f"{trained}/model.safetensors"), load_file(f"{output}/model.safetensors")
        changed = [name for name, tensor in original.items() for own in written if (own == name or own.endswith("." + name)) and
                   "encoder.layer.0." in name and not torch.equal(tensor, written[own])]  # fmt: skip
        report(f"{family} on an {kind}: tensors of the frozen encoder that have changed", len(changed), 0)
        compare(f"{family} on an {kind}", trained, tokenizer, texts[:50], logits_of_transformers(model.eval(), AutoTokenizer.from_pretrained(trained), texts[:50]))


def main():
    texts = [line.rstrip("\n").split("\t")[0] for file in sorted(ROOT.glob("data/reviews*/*.tsv")) for line in open(file, encoding="utf-8")]
    some = texts[:: max(1, len(texts) // 200)][:200]
    for family in sys.argv[1:] or SHAPES:
        tokenizer = tokenizer_of(family, texts)
        with tempfile.TemporaryDirectory() as folder:
            check_theirs(family, tokenizer, some, folder)
            check_ours(family, tokenizer, some, folder)
    finish()


if __name__ == "__main__":
    main()
