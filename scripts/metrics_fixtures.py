#!/usr/bin/env python3
"""Writes Tests/TrainingTests/Fixtures/metrics.json: probabilities and labels, and the figures that scikit-learn, scipy and
cleanlab give for them.

    pip install scikit-learn==1.9.1 scipy==1.17.1 cleanlab==2.9.0
    python3 scripts/metrics_fixtures.py

Where two of them and `addnorm` define a figure differently, the definition of `addnorm` is written out below.
"""

import json
import warnings
from pathlib import Path

import numpy as np
from cleanlab.count import compute_confident_joint
from cleanlab.rank import get_self_confidence_for_each_label
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax
from sklearn import metrics

FILE = Path(__file__).parent.parent / "Tests/TrainingTests/Fixtures/metrics.json"
AVERAGES = ("micro", "macro", "weighted", "samples")
THRESHOLDS = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "f1": lambda y, d: metrics.f1_score(y, d, zero_division=0),
    "macro_f1": lambda y, d: metrics.f1_score(y, d, average="macro", zero_division=0),
    "mcc": metrics.matthews_corrcoef,
}


def ranking(hot, p):
    """The mean areas over the labels that have one. Where all have one, scikit-learn's own means are the same."""
    columns = [1] if hot.shape[1] == 2 and (hot.sum(axis=1) == 1).all() else range(hot.shape[1])
    both = [j for j in columns if 0 < hot[:, j].sum() < len(hot)]
    some = [j for j in columns if hot[:, j].sum() > 0]
    return {
        "roc_auc": np.mean([metrics.roc_auc_score(hot[:, j], p[:, j]) for j in both]),
        "average_precision": np.mean([metrics.average_precision_score(hot[:, j], p[:, j]) for j in some]),
    }


def reliability(confidence, right, bins=15):
    """Guo et al. 2017: bins (lower, upper]."""
    edges = np.arange(bins + 1) / bins
    place = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, bins - 1)
    rows = [(place == b) for b in range(bins)]
    gaps = [abs(right[r].mean() - confidence[r].mean()) * r.mean() for r in rows if r.any()]
    return {
        "ece": sum(gaps),
        "counts": [int(r.sum()) for r in rows],
        "accuracies": [right[r].mean() if r.any() else None for r in rows],
        "confidences": [confidence[r].mean() if r.any() else None for r in rows],
    }


def temperature(loss):
    options = {"xatol": 1e-11, "maxiter": 1000}
    found = minimize_scalar(lambda t: loss(np.exp(t)), bounds=np.log([0.01, 100]), method="bounded", options=options)
    return float(np.exp(found.x))


def best_threshold(name, p, y):
    distinct = np.unique(p)
    # Between two neighbours all thresholds are equally good: 0.5 if it is among them, else the middle.
    ends = [0.0, *distinct.tolist(), 1.0]
    gaps = [(low, high) for low, high in zip(ends, ends[1:]) if high > low or high == 0.0]
    values = {(0.5 if low < 0.5 <= high else (low + high) / 2): None for low, high in gaps}
    values = {t: THRESHOLDS[name](y, p >= t) for t in values}
    best = [t for t, value in values.items() if value >= max(values.values()) - 1e-12]
    threshold = min(best, key=lambda t: (abs(t - 0.5), -t))
    return [float(threshold), float(values[threshold])]


def quantised(p):
    """Multiples of 1 / 4096, which Float32 has exactly, and of which many are equal."""
    return np.round(p * 4096).astype(int)


def bootstrap(random, hot, decided, strata, averaged, resamples=20000):
    """Percentiles of accuracy and macro F1 when texts are drawn again within each stratum; and their standard deviations."""
    groups = [np.flatnonzero(strata == s) for s in np.unique(strata)]
    values = []
    for _ in range(resamples):
        rows = np.concatenate([random.choice(g, len(g)) for g in groups])
        y, d = hot[rows], decided[rows]
        hits, sizes = 2 * (y * d).sum(axis=0), y.sum(axis=0) + d.sum(axis=0)
        f1 = np.divide(hits, sizes, out=np.zeros(len(hits)), where=sizes > 0)
        values.append([(y == d).all(axis=1).mean(), f1.sum() / averaged])
    low, high = np.percentile(values, [2.5, 97.5], axis=0)
    return [{"low": a, "high": b, "deviation": s} for a, b, s in zip(low, high, np.std(values, axis=0))]


def confident_learning(y, p):
    """The paper's definition, ordered by the probability of the given label; cleanlab must find the same texts."""
    texts, labels = p.shape
    limits = np.array([p[y == j, j].mean() if (y == j).any() else np.inf for j in range(labels)])
    confident = np.where(p >= limits - 1e-6, p, -1)
    guess = np.where(confident.max(axis=1) < 0, -1, confident.argmax(axis=1))
    off = (guess >= 0) & (guess != y)
    joint = np.array([[((y == i) & (guess == j)).sum() for j in range(labels)] for i in range(labels)])
    theirs, indices = compute_confident_joint(y, p, calibrate=False, return_indices_of_off_diagonals=True)
    assert sorted(indices) == list(np.flatnonzero(off))
    assert (theirs == joint).all(where=~np.eye(labels, dtype=bool))
    order = np.lexsort([np.arange(texts), get_self_confidence_for_each_label(y, p), ~off])
    return {"off_diagonal": int(off.sum()), "order": order.tolist()}


def single(random, texts, shares):
    """One label per text."""
    labels = len(shares)
    y = random.choice(labels, texts, p=shares)
    z = np.round(8 * (random.normal(size=(texts, labels)) * 2 + 2 * np.eye(labels)[y]))
    p = quantised(softmax(z / 8, axis=1))
    p[np.arange(texts), p.argmax(axis=1)] += 4096 - p.sum(axis=1)
    q, hot, predicted = p / 4096, np.eye(labels, dtype=int)[y], p.argmax(axis=1)
    figures = ranking(hot, q)
    if len(set(y)) == labels:
        auc = metrics.roc_auc_score(y, q[:, 1] if labels == 2 else q, multi_class="ovr", average="macro")
        assert np.isclose(auc, figures["roc_auc"], atol=1e-12, rtol=0)
    figures["mcc"] = metrics.matthews_corrcoef(y, predicted)
    figures["temperature"] = temperature(lambda t: -log_softmax(z / 8 / t, axis=1)[np.arange(texts), y].mean())
    figures["thresholds"] = {name: best_threshold(name, q[:, 1], y == 1) for name in THRESHOLDS} if labels == 2 else {}
    figures["bootstrap"] = bootstrap(random, hot, np.eye(labels, dtype=int)[predicted], y, len(set(y) | set(predicted)))
    figures["confident_learning"] = confident_learning(y, q)
    figures["reliability"] = reliability(q[np.arange(texts), predicted], predicted == y)
    return {"labels": labels, "logits": z.astype(int).ravel().tolist(), "probabilities": p.ravel().tolist(),
            "actual": y.tolist(), "predicted": predicted.tolist(), "figures": figures}  # fmt: skip


def several(random, texts, shares):
    """Any number of labels per text."""
    labels = len(shares)
    hot = (random.random((texts, labels)) < shares).astype(int)
    z = np.round(8 * (random.normal(size=hot.shape) * 1.5 + 3 * hot - 2))
    p = quantised(expit(z / 8))
    decided = (p >= 2048).astype(int)
    report = metrics.classification_report(hot, decided, output_dict=True, zero_division=0)
    figures = ranking(hot, p / 4096)
    names = ("precision", "recall", "f1-score", "support")
    figures["labels"] = [[report[str(j)][name] for name in names] for j in range(labels)]
    figures["averages"] = [[report[f"{average} avg"][name] for name in names[:3]] for average in AVERAGES]
    figures["confusions"] = metrics.multilabel_confusion_matrix(hot, decided).tolist()
    figures["subset_accuracy"] = metrics.accuracy_score(hot, decided)
    figures["hamming_loss"] = metrics.hamming_loss(hot, decided)
    figures["temperature"] = temperature(lambda t: np.logaddexp(0, np.where(hot == 1, -1, 1) * z / 8 / t).mean())
    figures["bootstrap"] = bootstrap(random, hot, decided, np.zeros(texts), labels)
    figures["reliability"] = reliability((p / 4096).ravel(), hot.ravel() == 1)
    actual, predicted = ([np.flatnonzero(row).tolist() for row in rows] for rows in (hot, decided))
    return {"labels": labels, "logits": z.astype(int).ravel().tolist(), "probabilities": p.ravel().tolist(),
            "actual": actual, "predicted": predicted, "figures": figures}  # fmt: skip


def main():
    warnings.simplefilter("ignore")
    random = np.random.default_rng(1)
    fixtures = {
        "single": [
            single(random, 150, [0.5, 0.5]),
            single(random, 300, [0.94, 0.06]),
            single(random, 200, [0.6, 0.3, 0.0, 0.1]),
        ],
        "several": [several(random, 150, [0.5, 0.2, 0.0, 0.05]), several(random, 100, [0.4, 0.3])],
    }
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(fixtures, separators=(",", ":"), default=lambda x: x.item()) + "\n")
    print(f"{FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
