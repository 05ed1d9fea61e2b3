#!/usr/bin/env python3
"""The laws of runner/search on published proxy runs.

    mixture_tables.py BUILD/mixture_laws REGMIX/data MIXINGLAWS/data

REGMIX is the repository sail-sg/regmix (its CSV tables), MIXINGLAWS is yegcjs/mixinglaws (5Mix and RedPajama). Prints, for
RegMix, Spearman's rank correlation between fitted and measured losses of mixtures not seen, mean over ten draws of the n
runs that are fitted; for the other, leave-one-out errors and the rank correlation of a fit at 70M with runs at 410M.
Needs numpy and scipy.
"""
import csv
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.stats import spearmanr

PROGRAM, REGMIX, LAWS = sys.argv[1:4]
FORMS = ("ridge", "log-linear", "chosen")


def fitted(mixtures, costs, queries):
    """Errors [3] and predictions [queries, 3]."""
    lines = [f"{len(mixtures)} {len(mixtures[0])} {len(queries)}"]
    lines += [" ".join(f"{x:.10g}" for x in [*w, c]) for w, c in zip(mixtures, costs)] + [" ".join(f"{x:.10g}" for x in w) for w in queries]
    out = subprocess.run([PROGRAM], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True).stdout.splitlines()
    rows = np.array([[float(x) for x in line.split()] for line in out])
    return rows[0], rows[1:]


def read(name):
    with open(os.path.join(REGMIX, name)) as file:
        rows = list(csv.reader(file))
    return rows[0][1:], {row[0]: np.array([float(x) for x in row[1:]]) for row in rows[1:]}


def regmix():
    sources, w = read("train_mixture_1m.csv")
    metrics, y = read("train_pile_loss_1m.csv")
    pile_cc = next(i for i, m in enumerate(metrics) if "pile_cc" in m)
    five = [next(i for i, m in enumerate(metrics) if name in m) for name in ("pile_cc", "wikipedia_en", "github", "arxiv", "stackexchange")]
    train = np.array([w[k] / w[k].sum() for k in w]), np.array([y[k] for k in w])
    tests = {}
    for scale in ("1m", "1B"):
        _, tw = read(f"test_mixture_{scale}.csv")
        _, ty = read(f"test_pile_loss_{scale}.csv")
        keys = [k for k in tw if k in ty]
        tests[scale] = np.array([tw[k] / tw[k].sum() for k in keys]), np.array([ty[k] for k in keys])
    print("RegMix, Spearman (fit at 1M): of Pile-CC / mean over five domains")
    queries = np.concatenate([tests["1m"][0], tests["1B"][0]])
    cut = len(tests["1m"][0])
    for n in (17, 34, 51, 68, 128, 512):
        def one(draw):
            rows = np.random.default_rng(draw).permutation(len(train[0]))[:n]
            predictions = {m: fitted(train[0][rows], train[1][rows, m], queries)[1] for m in five}
            out = []
            for scale, part in (("1m", slice(0, cut)), ("1B", slice(cut, None))):
                rho = {m: [spearmanr(predictions[m][part, f], tests[scale][1][:, m])[0] for f in range(3)] for m in five}
                out.append([[rho[pile_cc][f], np.mean([rho[m][f] for m in five])] for f in range(3)])
            return out
        with ThreadPoolExecutor(2) as pool:
            found = np.mean(list(pool.map(one, range(1 if n == 512 else 10))), axis=0)
        for s, scale in enumerate(("1M", "1B")):
            print(f"  n = {n:3}, at {scale}: " + ", ".join(f"{form} {found[s, f, 0]:.3f} / {found[s, f, 1]:.3f}" for f, form in enumerate(FORMS)), flush=True)


def losses(kind, size):
    """mixture -> {domain: loss at the last step that all runs have}"""
    with open(os.path.join(LAWS, kind, "proportions.txt")) as file:
        wanted = {line.strip() for line in file if line.strip()}
    by_step = {}
    with open(os.path.join(LAWS, kind, size + ".txt")) as file:
        for line in file:
            checkpoint, domain, loss = line.split()
            run, step = checkpoint.rsplit("/", 2)[-2:]
            mixture = next((m for m in wanted if run.endswith("-" + m) or run.endswith("_" + m)), None)
            if mixture:
                by_step.setdefault(int(step), {}).setdefault(mixture, {})[os.path.basename(domain)] = float(loss)
    for step in sorted(by_step, reverse=True):
        complete = {m: d for m, d in by_step[step].items()}
        if len(complete) >= 0.95 * len(wanted):
            domains = set.intersection(*(set(d) for d in complete.values()))
            return step, {m: {d: v[d] for d in sorted(domains)} for m, v in complete.items()}
    raise SystemExit(f"no step of {kind} {size} has all runs")


def mixing_laws():
    print("Data Mixing Laws: mean absolute leave-one-out error over domains; Spearman of the mean loss, fit at 70M, at 410M")
    for kind in ("5Mix", "RedPajama"):
        tables = {size: losses(kind, size) for size in ("70M", "160M", "410M")}
        weights = lambda m: np.array([float(x) for x in m.split("-")])
        for size in ("160M", "410M"):
            step, table = tables[size]
            w = np.array([weights(m) for m in table])
            errors = np.array([fitted(w, [d[name] for d in table.values()], w[:1])[0] for name in next(iter(table.values()))])
            print(f"  {kind} {size}, {len(w)} mixtures, step {step}: ridge {errors[:, 0].mean():.3f}, log-linear {errors[:, 1].mean():.3f}, the better {errors[:, :2].min(1).mean():.3f}, mean {errors[:, 2].mean():.3f}")
        small, large = tables["70M"][1], tables["410M"][1]
        both = [m for m in large if m in small]
        w = np.array([weights(m) for m in small])
        names = sorted(set(next(iter(small.values()))) & set(next(iter(large.values()))))
        total = sum(fitted(w, [d[name] for d in small.values()], [weights(m) for m in both])[1] for name in names)
        truth = [sum(large[m][name] for name in names) for m in both]
        measured = [sum(small[m][name] for name in names) for m in both]
        print(f"  {kind}: " + ", ".join(f"{form} {spearmanr(total[:, f], truth)[0]:.3f}" for f, form in enumerate(FORMS)) + f"; the 70M runs themselves {spearmanr(measured, truth)[0]:.3f}")


mixing_laws()
regmix()
