#!/usr/bin/env python3
"""Makes tests/data/significance.json: exact McNemar tests and paired bootstrap intervals, by scipy.

    significance.py > tests/data/significance.json

McNemar is scipy.stats.binomtest(only_a, only_a + only_b, 0.5); the interval is scipy.stats.bootstrap (percentile, paired over
pictures, 100,000 samples, so that its own chance is far below that of the 2,000 samples it is compared with).
"""
import json
import sys

import numpy as np
import scipy
from scipy import stats

COUNTS = [(0, 0), (1, 0), (0, 5), (3, 3), (2, 1), (18, 2), (78, 46), (94, 70), (0, 40), (500, 430), (1200, 1350), (3, 900), (20000, 20300)]

mcnemar = [{"only_a": a, "only_b": b, "p": 1.0 if a + b == 0 else stats.binomtest(a, a + b, 0.5).pvalue} for a, b in COUNTS]
intervals = []
rng = np.random.default_rng(1)
for pictures, most, lean in [(40, 1, 0.1), (150, 4, 0.0), (600, 3, 0.05)]:
    questions = rng.integers(1, most + 1, pictures)
    difference = np.array([rng.choice([-1, 0, 1], q, p=[0.2 - lean, 0.6, 0.2 + lean]).sum() for q in questions])
    found = stats.bootstrap((difference, questions), lambda d, q, axis: d.sum(axis) / q.sum(axis), paired=True, vectorized=True,
                            n_resamples=100_000, method="percentile", batch=1000, random_state=2)
    intervals.append({"questions": questions.tolist(), "difference": difference.tolist(),
                      "low": found.confidence_interval.low, "high": found.confidence_interval.high})
json.dump({"scipy": scipy.__version__, "mcnemar": mcnemar, "intervals": intervals}, sys.stdout)
print()
