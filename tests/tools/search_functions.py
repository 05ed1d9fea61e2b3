#!/usr/bin/env python3
"""Is our TPE as good as Optuna's? Branin, Hartmann-6 and Rosenbrock with conditional axes, the same spaces for both.

    search_functions.py BUILD/search_functions [SEEDS [TRIALS]]

Prints the median best value of each and the paired Wilcoxon signed-rank tests over seeds: p that ours is worse (one-sided;
small means it is), p that Optuna is. Needs optuna 5 and scipy.
"""
import math
import subprocess
import sys
import warnings

import numpy as np
import optuna
from scipy.stats import wilcoxon

warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)

ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
A = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
P = 1e-4 * np.array([[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991], [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]])


def branin(t):
    x, y = t.suggest_float("x", -5, 10), t.suggest_float("y", 0, 15)
    return (y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann6(t):
    x = np.array([t.suggest_float(f"x{i}", 0, 1) for i in range(6)])
    return float(-(ALPHA * np.exp(-(A * (x - P) ** 2).sum(1))).sum())


def rosenbrock(x, y):
    return 100 * (y - x * x) ** 2 + (1 - x) ** 2


def conditional(t):
    kind = t.suggest_categorical("kind", [0, 1, 2])
    x, y = t.suggest_float("x", -2, 2), t.suggest_float("y", -2, 2)
    flat = rosenbrock(x, y)
    if kind == 1:
        return flat + math.log10(t.suggest_float("scale", 1e-2, 1e2, log=True)) ** 2
    return flat + rosenbrock(y, t.suggest_float("z", -2, 2)) if kind == 2 else flat + 1


def theirs(function, seed, trials, **options):
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, **options))
    study.optimize(function, n_trials=trials)
    return study.best_value


seeds, trials = (int(a) for a in (sys.argv[2:] + ["30", "100"][len(sys.argv) - 2:]))
ours = {}
for line in subprocess.run([sys.argv[1], str(seeds), str(trials)], check=True, capture_output=True, text=True).stdout.splitlines():
    name, _, best = line.split()
    ours.setdefault(name, []).append(float(best))
print(f"optuna {optuna.__version__}, {seeds} seeds, {trials} trials: median best value")
for function in (branin, hartmann6, conditional):
    mine = np.array(ours[function.__name__])
    for label, options in (("default", {}), ("group", {"group": True})) if function is conditional else (("default", {}),):
        other = np.array([theirs(function, seed, trials, **options) for seed in range(seeds)])
        print(f"{function.__name__:12} ours {np.median(mine):.5f}  optuna ({label}) {np.median(other):.5f}  ours worse p = {wilcoxon(mine, other, alternative='greater').pvalue:.3f}"
              f"  optuna worse p = {wilcoxon(mine, other, alternative='less').pvalue:.3f}", flush=True)
