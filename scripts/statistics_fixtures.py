#!/usr/bin/env python3
"""Writes Tests/StatisticsTests/Fixtures/statistics.json: small samples and tables, and what SciPy, statsmodels, scikit-learn and
numpy make of them.

    pip install scipy==1.17.1 statsmodels==0.15.0 scikit-learn==1.9.1 numpy==2.4.6
    python3 scripts/statistics_fixtures.py

Sample sizes are in none of them; their formulas are written out below.
"""

import json
import math
import warnings
from pathlib import Path

import numpy as np
from scipy import optimize, stats
from sklearn.metrics import f1_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

FILE = Path(__file__).parent.parent / "Tests/StatisticsTests/Fixtures/statistics.json"


def mcnemar_cases():
    pairs = [(0, 0), (1, 0), (0, 3), (2, 2), (5, 1), (12, 30), (30, 12), (55, 55), (55, 56), (100, 140), (3, 400), (0, 1100)]
    pairs += [(1000, 1100), (5000, 5200), (50_000, 50_400), (499_000, 501_000), (500_000, 500_001), (1_000_000, 997_000)]
    return [[b, c, mcnemar([[7, b], [c, 9]], exact=True).pvalue] for b, c in pairs]


def student_cases():
    degrees = [1, 1.5, 2, 2.7, 4, 9, 30, 123.4, 5000, 1e6]
    two_sided = [[v, t, 2 * stats.t.sf(abs(t), v)] for v in degrees for t in (-40, -3, -0.8, -1e-4, 0, 0.3, 1, 2.5, 12)]
    quantiles = [[v, p, stats.t.ppf(p, v)] for v in degrees for p in (1e-6, 0.025, 0.4, 0.5, 0.9, 0.975, 0.9995)]
    return {"two_sided": two_sided, "quantiles": quantiles}


def mean_case(values):
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    return {"values": values, "mean": np.mean(values), "deviation": np.std(values, ddof=1), "low": low, "high": high}


def welch_case(a, b):
    test = stats.ttest_ind(b, a, equal_var=False)
    low, high = test.confidence_interval(0.95)
    return {"a": a, "b": b, "difference": np.mean(b) - np.mean(a), "low": low, "high": high, "p": test.pvalue}


def tango(b, c, n):
    """The 90 % score interval: the likelihood under the restriction is maximised by finding where its slope is 0."""

    def z(delta):
        def slope(p):
            return (c and c / (p + delta)) + (b and b / p) - 2 * (n - b - c) / (1 - 2 * p - delta)

        least, most = max(0, -delta) + 1e-15, (1 - delta) / 2 - 1e-15
        p = least if slope(least) <= 0 else most if slope(most) >= 0 else optimize.brentq(slope, least, most, xtol=1e-17)
        return (c - b - n * delta) / math.sqrt(n * (2 * p + delta * (1 - delta)))

    observed, wanted = (c - b) / n, stats.norm.ppf(0.95)

    def limit(sign, end):
        a, b = sorted((observed + sign * 1e-9, end))
        return optimize.brentq(lambda delta: z(delta) + sign * wanted, a, b, xtol=1e-15)

    return [limit(-1, -1 + 1e-9), limit(1, 1 - 1e-9)]


def connor(difference, discordant, level):
    """Connor 1987."""
    z = stats.norm.ppf
    root = z(1 - level / 2) * math.sqrt(discordant) + z(0.8) * math.sqrt(discordant - difference**2)
    return math.ceil(root**2 / difference**2)


def equivalence(margin, difference, discordant):
    """Where two one-sided tests at 5 % have a power of 80 %, and no fewer than where they could be passed."""
    deviation = math.sqrt(discordant - difference**2)

    def lack(n):
        root, z = math.sqrt(n) / deviation, stats.norm.ppf(0.95)
        return stats.norm.cdf((margin - difference) * root - z) + stats.norm.cdf((margin + difference) * root - z) - 1.8

    least = stats.norm.ppf(0.95) ** 2 * (1 / margin - 1)
    return math.ceil(max(least, optimize.brentq(lack, 1e-9, 1e12, xtol=1e-6)))


def paired_bootstrap(random, actual, answers, strata, single, resamples=20000):
    """Percentiles of the differences B - A when texts are drawn again, the same for both."""
    hot, answers = np.asarray(actual), [np.asarray(a) for a in answers]
    shown = [(hot | a).any(axis=0) if single else np.ones(hot.shape[1], dtype=bool) for a in answers]
    groups = [np.flatnonzero(strata == s) for s in np.unique(strata)]

    def figures(rows):
        y, values = hot[rows], []
        for answer, labels in zip(answers, shown):
            d = answer[rows]
            hits, sizes = 2 * (y & d).sum(axis=0), y.sum(axis=0) + d.sum(axis=0)
            f1 = np.divide(hits, sizes, out=np.zeros(len(hits)), where=sizes > 0)
            values.append([(y == d).all(axis=1).mean(), f1[labels].mean()])
        return np.subtract(values[1], values[0])

    everything = figures(np.arange(len(hot)))
    # scikit-learn's F1, over the same labels.
    theirs = [f1_score(hot, a, average=None, zero_division=0)[labels].mean() for a, labels in zip(answers, shown)]
    assert np.isclose(theirs[1] - theirs[0], everything[1], atol=1e-12)
    values = np.array([figures(np.concatenate([random.choice(g, len(g)) for g in groups])) for _ in range(resamples)])
    accuracy, macro_f1 = np.percentile(values, [2.5, 97.5], axis=0).T
    return {"accuracy": everything[0], "macro_f1": everything[1], "accuracy_interval": accuracy, "macro_f1_interval": macro_f1,
            "deviations": values.std(axis=0)}  # fmt: skip


def single(random, texts, shares, skills):
    """Two models that are right with these probabilities, and often wrong on the same texts."""
    labels = len(shares)
    y = random.choice(labels, texts, p=shares)
    luck, other = random.random(texts), random.choice(labels, (2, texts))
    noise = random.random((2, texts))
    answers = [np.where(0.7 * luck + 0.3 * n < s, y, o) for n, o, s in zip(noise, other, skills)]
    eye = np.eye(labels, dtype=int)
    figures = paired_bootstrap(random, eye[y], [eye[a] for a in answers], y, True)
    return {"labels": labels, "actual": y, "a": answers[0], "b": answers[1], "figures": figures}


def several(random, texts, shares, skills):
    hot = (random.random((texts, len(shares))) < shares).astype(int)
    answers = [np.where(random.random(hot.shape) < s, hot, 1 - hot) for s in skills]
    figures = paired_bootstrap(random, hot, answers, np.zeros(texts), False)
    ids = [[np.flatnonzero(row) for row in rows] for rows in (hot, *answers)]
    return {"labels": len(shares), "actual": ids[0], "a": ids[1], "b": ids[2], "figures": figures}


def main():
    warnings.simplefilter("ignore")
    random = np.random.default_rng(1)
    samples = [np.round(random.normal(0.9, s, n), 4) for s, n in [(0.01, 3), (0.002, 5), (0.05, 2), (0.01, 20), (0.3, 2)]]
    adjusted = [np.round(random.random(n) ** 3, 6) for n in (1, 2, 3, 8)] + [np.array([0.01, 0.01, 0.04, 1, 0.03])]
    pairs = [(0, 0, 3), (0, 0, 50), (1, 0, 50), (0, 1, 50), (4, 0, 20), (7, 7, 250), (8, 32, 250), (1, 30, 40), (1, 1, 2)]
    pairs += [(3, 3, 1000), (0, 2, 3000), (450, 500, 100_000)]
    shares = [(0, 1), (1, 1), (0, 20), (3, 7), (19, 20), (1500, 2000), (1, 1_000_000)]
    fixtures = {
        "mcnemar": mcnemar_cases(),
        "tango": [[b, c, n, *tango(b, c, n)] for b, c, n in pairs],
        "wilson": [[k, n, *proportion_confint(k, n, method="wilson")] for k, n in shares],
        "student": student_cases(),
        "normal": [[p, stats.norm.ppf(p)] for p in (1e-8, 0.025, 0.2, 0.5, 0.8, 0.95, 0.975, 0.999)],
        "means": [mean_case(values) for values in samples],
        "welch": [welch_case(a, b) for a in samples for b in samples if a is not b] + [welch_case([0.5, 0.5], samples[0])],
        "holm": [{"p": p, "adjusted": multipletests(p, method="holm")[1]} for p in adjusted],
        "differences": [[d, s, level, connor(d, s, level)] for d, s, level in [
            (0.01, 0.1, 0.05), (-0.003, 0.05, 0.05), (0.2, 0.25, 0.05), (0.0011, 0.0125, 0.025), (0.05, 0.05, 0.0125)]],
        "equivalences": [[m, d, s, equivalence(m, d, s)] for m, d, s in [
            (0.01, 0, 0.1), (0.005, 0.001, 0.05), (0.005, -0.0049, 0.02), (0.02, 0.01, 0.011), (0.002, 0.0001, 0.15), (0.01, 0, 0.001)]],
        "single": [single(random, 150, [0.5, 0.5], [0.8, 0.85]), single(random, 300, [0.6, 0.34, 0.0, 0.06], [0.7, 0.6])],
        "several": [several(random, 150, [0.5, 0.2, 0.05], [0.85, 0.9])],
    }  # fmt: skip
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(fixtures, separators=(",", ":"), default=lambda x: x.tolist()) + "\n")
    print(f"{FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
