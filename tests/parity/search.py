#!/usr/bin/env python3
"""What runner/search is compared with, by Optuna 5 and scipy.

    search.py table > runner/search/sobol_table.cpp   Joe and Kuo's numbers, as scipy carries them
    search.py fixtures tests/data/search              sobol.json, tpe.json, halving.json, pareto.json

Needs optuna, scipy. In tpe.json ties between equal observations are taken in the order of the trials: Optuna's argsort
leaves that order open.
"""
import json
import math
import os
import sys

import numpy as np

DIMENSIONS, DEGREE = 64, 9


def table():
    import scipy.stats

    numbers = np.load(os.path.join(os.path.dirname(scipy.stats.__file__), "_sobol_direction_numbers.npz"))
    rows = []
    for d in range(DIMENSIONS):
        polynomial = int(numbers["poly"][d])
        degree = polynomial.bit_length() - 1
        initial = ", ".join(str(int(m)) for m in numbers["vinit"][d][:max(degree, 1)])
        rows.append(f"    {{{polynomial}, {{{initial}}}}},")
    print("// Made by tests/parity/search.py table; see sobol_table.h.")
    print('#include "runner/search/sobol_table.h"\n\nnamespace saucier::search {\n')
    print("const std::array<SobolRow, kSobolDimensions> kSobolRows = {{")
    print("\n".join(rows))
    print("}};\n\n}  // namespace saucier::search")


def sobol():
    import scipy
    from scipy.stats import qmc

    points = qmc.Sobol(DIMENSIONS, scramble=False).random(64)
    late = qmc.Sobol(DIMENSIONS, scramble=False)
    late.fast_forward(1_000_000)
    return {"scipy": scipy.__version__, "first": (points * 2**32).astype(np.int64).tolist(),
            "from": 1_000_000, "later": (late.random(3) * 2**32).astype(np.int64).tolist()}


# ---- TPE

def stable_argsort():
    plain = np.argsort
    np.argsort = lambda a, *args, **kwargs: plain(a, *args, **{**kwargs, "kind": "stable"})


def distribution(p):
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if p["kind"] == "category":
        return CategoricalDistribution(list(range(p["choices"])))
    if p["kind"] == "ordered":
        return IntDistribution(0, p["choices"] - 1)
    if p["kind"] == "integer":
        return IntDistribution(int(p["low"]), int(p["high"]), log=p.get("log", False), step=int(p.get("step", 1)))
    return FloatDistribution(p["low"], p["high"], log=p.get("log", False), step=p.get("step"))


SPACES = {
    "plain": [{"name": "x", "kind": "real", "low": -5.0, "high": 10.0}],
    "log": [{"name": "rate", "kind": "real", "low": 1e-5, "high": 1e-1, "log": True}],
    "step": [{"name": "dropout", "kind": "real", "low": 0.0, "high": 0.5, "step": 0.05}],
    "integer": [{"name": "layers", "kind": "integer", "low": 1, "high": 12}],
    "stride": [{"name": "width", "kind": "integer", "low": 16, "high": 256, "step": 16}],
    "logint": [{"name": "rank", "kind": "integer", "low": 1, "high": 512, "log": True}],
    "list": [{"name": "size", "kind": "ordered", "choices": 6}],
    "category": [{"name": "kind", "kind": "category", "choices": 4}],
    "together": [{"name": "kind", "kind": "category", "choices": 3}, {"name": "layers", "kind": "integer", "low": 1, "high": 6},
                 {"name": "rate", "kind": "real", "low": 1e-4, "high": 1.0, "log": True}, {"name": "x", "kind": "real", "low": 0.0, "high": 1.0}],
}


def draw(p, rng):
    d = distribution(p)
    if p["kind"] in ("category", "ordered"):
        return int(rng.integers(p["choices"]))
    if p["kind"] == "integer":
        step = int(p.get("step", 1))
        if p.get("log"):
            return int(np.clip(round(math.exp(rng.uniform(math.log(d.low - 0.5), math.log(d.high + 0.5)))), d.low, d.high))
        return int(d.low + step * rng.integers((d.high - d.low) // step + 1))
    if p.get("log"):
        return float(math.exp(rng.uniform(math.log(d.low), math.log(d.high))))
    if p.get("step"):
        return float(np.clip(d.low + p["step"] * rng.integers(round((d.high - d.low) / p["step"]) + 1), d.low, d.high))
    return float(rng.uniform(d.low, d.high))


def study_of(space, trials, direction):
    import optuna

    study = optuna.create_study(direction=direction, sampler=optuna.samplers.TPESampler(seed=0))
    states = {"complete": optuna.trial.TrialState.COMPLETE, "pruned": optuna.trial.TrialState.PRUNED, "running": optuna.trial.TrialState.RUNNING,
              "failed": optuna.trial.TrialState.FAIL}
    for t in trials:
        params = {p["name"]: v for p, v in zip(space, t["point"]) if v is not None}
        state = states[t["outcome"]]
        study.add_trial(optuna.trial.create_trial(
            params=params, distributions={p["name"]: distribution(p) for p in space if p["name"] in params}, state=state,
            value=t["value"] if t["outcome"] == "complete" else None,
            intermediate_values={t["step"]: t["value"]} if t["outcome"] == "pruned" and t["step"] else {}))
    return study


def tpe_case(name, n, rng, direction="minimize", mixed=False, candidates=24):
    from optuna.samplers._tpe.sampler import _split_trials, default_gamma
    from optuna.trial import TrialState

    space = SPACES[name]
    trials = []
    for i in range(n):
        outcome = "complete"
        if mixed:
            outcome = str(rng.choice(["complete", "pruned", "running", "failed"], p=[0.3, 0.5, 0.1, 0.1]))
        value = round(float(rng.normal()), 2)  # ties happen
        if mixed and outcome == "pruned" and rng.random() < 0.2:
            value = math.nan
        trials.append({"point": [draw(p, rng) for p in space], "outcome": outcome, "value": value, "step": int(rng.integers(0, 5)) if outcome == "pruned" else 0})
    study = study_of(space, trials, direction)
    sampler = study.sampler
    seen = [t for t in study.trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)]
    gamma = default_gamma(sum(t.state != TrialState.RUNNING for t in seen))
    below, above = _split_trials(study, seen, gamma)
    distributions = {p["name"]: distribution(p) for p in space}
    l = sampler._build_parzen_estimator(study, distributions, below, handle_below=True)
    g = sampler._build_parzen_estimator(study, distributions, above, handle_below=False)
    points = [[draw(p, rng) for p in space] for _ in range(candidates)]
    samples = {p["name"]: np.array([point[i] for point in points], dtype=float) for i, p in enumerate(space)}
    log_l, log_g = l.log_pdf(samples), g.log_pdf(samples)
    return {"name": name, "space": space, "direction": direction,
            "trials": [{**t, "value": None if math.isnan(t["value"]) else t["value"]} for t in trials],
            "below": [t.number for t in below], "above": [t.number for t in above], "candidates": points,
            "log_l": log_l.tolist(), "log_g": log_g.tolist(), "best": int(np.argmax(log_l - log_g))}


def tpe():
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    stable_argsort()
    rng = np.random.default_rng(11)
    cases = [tpe_case(name, n, rng) for name in SPACES for n in (1, 11, 40)]
    cases += [tpe_case(name, n, rng, "maximize", mixed=True, candidates=8) for name in ("plain", "together") for n in (12, 30, 60)]
    cases.append(tpe_case("together", 300, rng, "minimize", mixed=False, candidates=8))
    return {"optuna": optuna.__version__, "cases": cases}


# ---- pruners and fronts

def curves_of(rng, trials, steps, nan):
    curves = np.round(rng.normal(size=(trials, 1)) + rng.normal(scale=0.6, size=(trials, steps)) - 0.1 * np.arange(steps), 2)
    curves[rng.random((trials, steps)) < nan] = math.nan
    return curves


def reports(pruner, direction, curves, rng, at_once, every=1):
    """Trials that report in turn, as `at_once` workers would; each report with the pruner's answer."""
    import optuna

    study = optuna.create_study(direction=direction, pruner=pruner, sampler=optuna.samplers.RandomSampler(seed=0))
    running, waiting, out = [], list(range(len(curves))), []
    while running or waiting:
        while waiting and len(running) < at_once:
            running.append([study.ask(), waiting.pop(0), 0])
        who = running[int(rng.integers(len(running)))]
        trial, row, _ = who
        who[2] = min(who[2] + every, curves.shape[1])
        value = float(curves[row, who[2] - 1])
        trial.report(value, who[2])
        stop = bool(trial.should_prune())
        out.append([row, who[2], None if math.isnan(value) else value, stop])
        if stop or who[2] == curves.shape[1]:
            last = curves[row, who[2] - 1]
            if stop or math.isnan(last):
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            else:
                study.tell(trial, float(last))
            running.remove(who)
    return out


def halving():
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rng = np.random.default_rng(3)
    asha, median = [], []
    for direction, first, eta, skipped, every in [("minimize", 1, 4, 0, 1), ("maximize", 2, 3, 0, 1), ("minimize", 1, 2, 1, 3), ("maximize", 1, 4, 0, 5)]:
        pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=first, reduction_factor=eta, min_early_stopping_rate=skipped)
        asha.append({"direction": direction, "first_step": first, "eta": eta, "skipped_rungs": skipped,
                     "reports": reports(pruner, direction, curves_of(rng, 40, 20, 0.02), rng, 4, every)})
    for direction, startup, warmup, interval, percentile, every in [("minimize", 5, 0, 1, 50, 1), ("maximize", 3, 4, 2, 50, 1), ("minimize", 2, 3, 5, 25, 2), ("maximize", 2, 0, 1, 30, 1)]:
        pruner = optuna.pruners.PercentilePruner(float(percentile), n_startup_trials=startup, n_warmup_steps=warmup, interval_steps=interval)
        curves = curves_of(rng, 30, 12, 0.05)
        median.append({"direction": direction, "startup": startup, "warmup": warmup, "interval": interval, "percentile": percentile, "steps": curves.shape[1],
                       "reports": reports(pruner, direction, curves, rng, 3, every)})
    brackets = []
    for first, last, eta in [(1, 81, 3), (2, 100, 4)]:
        pruner = optuna.pruners.HyperbandPruner(min_resource=first, max_resource=last, reduction_factor=eta)
        pruner._try_initialization(optuna.create_study())
        brackets.append({"first_step": first, "last_step": last, "eta": eta, "shares": pruner._trial_allocation_budgets})
    return {"optuna": optuna.__version__, "asha": asha, "median": median, "hyperband": brackets}


def pareto():
    import optuna
    from optuna.samplers.nsgaii._elite_population_selection_strategy import _calc_crowding_distance
    from optuna.study._multi_objective import _fast_non_domination_rank

    rng = np.random.default_rng(8)
    cases = []
    for n, objectives, digits in [(1, 2, 3), (30, 2, 4), (60, 3, 4), (40, 2, 1)]:
        values = np.round(rng.random((n, objectives)), digits)
        ranks = _fast_non_domination_rank(values)
        first = [optuna.trial.create_trial(values=row.tolist()) for row in values[ranks == 0]]
        for number, trial in enumerate(first):
            trial.number = number
        crowding = _calc_crowding_distance(first)
        distinct = all(len(set(column)) == len(column) for column in values.T.tolist())
        cases.append({"values": values.tolist(), "ranks": ranks.tolist(),
                      "crowding": [None if math.isinf(crowding[i]) else crowding[i] for i in range(len(first))] if distinct else []})
    return {"optuna": optuna.__version__, "cases": cases}


if __name__ == "__main__":
    if sys.argv[1] == "table":
        table()
    else:
        makers = {"sobol": sobol, "tpe": tpe, "halving": halving, "pareto": pareto}
        for name in sys.argv[3:] or makers:
            with open(os.path.join(sys.argv[2], name + ".json"), "w") as out:
                json.dump(makers[name](), out, separators=(",", ":"))
                out.write("\n")
