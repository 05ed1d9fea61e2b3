#!/usr/bin/env python3
"""Runs transformers + PEFT, as the scripts in PEERS use them, beside saucier: the same checkpoint, data, batch and threads.

    bench.py --build build --peers ../shared/peers --python PYTHON [--models tiny,smol] [--stages align,lora]
             [--dtypes fp32,bf16] [--modes padded,grouped] [--steps 12] [--rounds 3] [--sweep] [--losses]

A cell is a model, a stage and a dtype. In each of its rounds saucier runs once behind each mode of the peer. Both read as
many samples as --steps batches hold, once: the first two steps warm up, the steps behind them are timed. saucier takes them
in its own order, so its timed steps may hold other two batches of them; ratios are therefore of real tokens a second.
--rounds 0 leaves the cells out. --sweep runs eight LoRA trials of saucier against eight times the peer's single run,
--losses compares the loss of each step, with the peer's batches and its first LoRA matrices. Before anything is measured
the tokens and labels of every sample must be the peer's.

With --results FOLDER what is measured goes to FOLDER/tables/bench-MACHINE.json and as a table to FOLDER/bench-MACHINE.md;
what these hold of other cells stays. Standard library only; the peer's side of it (`inside`) runs in PYTHON.
"""
import argparse
import datetime
import json
import os
import platform
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

STAGES = {
    "align": {"variant": "caption", "trains": ["projector"], "learning_rate": 1e-3},
    "lora": {"variant": "instruct", "trains": ["projector", "language_model.lora"], "learning_rate": 2e-4},
}
DTYPES = {"fp32": "float32", "bf16": "bfloat16"}
MODES = {"padded": [], "grouped": ["--group-by-length"]}
RANK = 16
WARMUP = 2  # of peer_hf.py
SEED = 0
SWEPT = [2e-5, 5e-5, 1e-4, 2e-4, 3e-4, 5e-4, 1e-3, 2e-3]
PEER_IMPORTS = "import peft, torch, transformers, PIL; from transformers import AutoModelForImageTextToText, AutoProcessor"
QUIET = 0.04  # share of the machine that others may take in a run
TOLERANCE = 1e-3  # of a loss
GOALS = {"better": 2.0, "padded": 3.0, "memory": 1 / 3, "sweep": 5.0}


class Failed(Exception):
    def __init__(self, text, hint=""):
        super().__init__(text + (f"\nhint: {hint}" if hint else ""))


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- in the peer's Python
def inside_encoded(model, data, batch, out):
    """What the peer makes of every sample, and its batches of one pass in each mode."""
    import peer_hf
    config = peer_hf.transformers.AutoConfig.from_pretrained(model)
    vision = config.vision_config
    processor = peer_hf.AutoProcessor.from_pretrained(model, use_fast=False)
    read = peer_hf.LlavaJson(data, os.path.dirname(data), processor, (vision.image_size // vision.patch_size) ** 2, config.image_token_id)
    orders = {mode: peer_hf.BatchStream(read.lengths, int(batch), 1, bool(grouped), None, SEED).epoch for mode, grouped in MODES.items()}
    samples = {item["id"]: {"ids": ids, "labels": labels} for item, (ids, labels) in zip(read.items, read.enc)}
    with open(out, "w") as file:
        json.dump({"samples": samples, "orders": orders}, file)


def inside_run(adapter, *arguments):
    """peer_hf.py, whose first LoRA matrices are kept in `adapter`. The projector is the checkpoint's."""
    import peer_hf
    from safetensors.torch import load_file, save_file
    get_peft_model = peer_hf.peft.get_peft_model

    def get_and_keep(*positional, **named):
        model = get_peft_model(*positional, **named)
        model.save_pretrained(adapter)
        file = os.path.join(adapter, "adapter_model.safetensors")
        save_file({name: tensor for name, tensor in load_file(file).items() if ".lora_" in name}, file, metadata={"format": "pt"})
        return model

    peer_hf.peft.get_peft_model = get_and_keep
    sys.argv = ["peer_hf.py", *arguments]
    peer_hf.main()


# ---------------------------------------------------------------- running things
def machine_busy():
    """CPU seconds that the whole machine was busy, stolen ones included."""
    with open("/proc/stat") as file:
        v = [int(x) / os.sysconf("SC_CLK_TCK") for x in file.readline().split()[1:9]]
    return v[0] + v[1] + v[2] + v[5] + v[6] + v[7]


def measured(command, log):
    """Runs it to its end. Its standard output, seconds, the largest process's memory, the share others had of the machine."""
    begin, busy = time.monotonic(), machine_busy()
    with open(log, "wb") as errors:
        process = subprocess.Popen([str(x) for x in command], stdout=subprocess.PIPE, stderr=errors)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - begin
    if process.returncode != 0:
        raise Failed(f"'{shlex.join(str(x) for x in command)}' ended with {process.returncode}\n" + Path(log).read_text(errors="replace")[-3000:])
    others = machine_busy() - busy - usage.ru_utime - usage.ru_stime
    return output.decode(), {"seconds": seconds, "memory_mb": usage.ru_maxrss / 1024,
                             "others": max(0.0, others) / seconds / os.cpu_count(), "load": os.getloadavg()[0]}


def recipe(model, data, stage, dtype, order, samples):
    """What peer_hf.py does, as a recipe of one stage."""
    options = STAGES[stage]
    path = json.dumps(str(model))
    lora = f"lora = {{ rank = {RANK}, alpha = {2.0 * RANK}, dropout = 0.0 }}" if stage == "lora" else ""
    return f"""recipe = 1
name = "bench"
seed = {SEED}

[model]
language_model = {{ path = {path} }}
vision_tower = {{ path = {path}, layer = -2 }}
projector = {{ path = {path}, kind = "mlp2x_gelu" }}

[conversation]
template = "vicuna_v1"
max_length = 8192

[data.all]
format = "llava"
path = {json.dumps(str(data))}
images = {json.dumps(str(data.parent))}

[mixture.all]
weights = {{ all = "natural" }}
samples = {samples}
order = "{order}"

[[stage]]
name = "tune"
kind = "train"
trains = {json.dumps(options["trains"])}
data = "mixture.all"
learning_rate = {options["learning_rate"]}
global_batch = {ARGUMENTS.batch}
schedule = "constant"
warmup_ratio = 0.0
weight_decay = 0.0
beta2 = 0.999
clip_norm = 0.0
dtype = "{DTYPES[dtype]}"
log_every = 1
checkpoint_every = 1000000
{lora}
"""


def saucier_program():
    return ARGUMENTS.build / "saucier"


def run_saucier(text, arguments=(), program=None):
    """Runs the recipe in a store of its own. Returns how it went, its metrics by trial and step, and its environment."""
    folder = ARGUMENTS.work / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "bench.toml").write_text(text)
    store = folder / "saucier.db"
    _, how = measured([program or saucier_program(), "run", folder / "bench.toml", "--store", store, "--threads", ARGUMENTS.threads, *arguments], folder / "log")

    def ask(sql):
        return json.loads(subprocess.run([saucier_program(), "query", "--json", "--limit", "0", "--store", store, sql], check=True, capture_output=True).stdout)

    metrics = {}
    for row in ask("select trial, step, metric, value from curve order by trial, step"):
        metrics.setdefault(row["trial"], {}).setdefault(row["step"], {})[row["metric"]] = row["value"]
    environment = {row["name"]: row["value"] for row in ask("select name, value from environment where name in ('torch', 'saucier')")}
    return how, metrics, environment


def run_peer(model, data, stage, dtype, mode, steps, adapter=None):
    command = [ARGUMENTS.python, ARGUMENTS.peers / "peer_hf.py"]
    if adapter is not None:
        command = [ARGUMENTS.python, __file__, "inside", ARGUMENTS.peers, "run", adapter]
    out, how = measured([*command, "--model", model, "--data", data, "--image-root", data.parent, "--stage", stage, "--dtype", dtype, "--batch", ARGUMENTS.batch,
                         "--steps", steps, "--threads", ARGUMENTS.threads, "--rank", RANK, "--seed", SEED, "--per-step", *MODES[mode]], ARGUMENTS.work / "peer.log")
    told = json.loads(out.splitlines()[-1])
    cpu = told["cpu_s"]  # of the timed steps alone
    told["others"] = (cpu["others"] + cpu["stolen"]) / told["seconds"] / os.cpu_count()
    told["load"] = how["load"]
    return told


# ---------------------------------------------------------------- checkpoints and data
def made(path, command):
    """`path`, made by `command` (which takes the place to write to) unless it is there."""
    if not path.exists():
        begun = path.with_name(path.name + ".part")
        shutil.rmtree(begun, ignore_errors=True)
        begun.parent.mkdir(parents=True, exist_ok=True)
        say(f"making {path}")
        measured([ARGUMENTS.python, *command(begun)], ARGUMENTS.work / "make.log")
        begun.rename(path)
    return path


def checkpoint(model):
    return made(ARGUMENTS.work / "models" / model, lambda to: [ARGUMENTS.peers / "make_checkpoint.py", "--preset", model, "--out", to])


def samples():
    return ARGUMENTS.steps * ARGUMENTS.batch


def data_of(stage):
    variant = STAGES[stage]["variant"]
    folder = made(ARGUMENTS.work / "data" / f"{variant}-{samples()}", lambda to: [ARGUMENTS.peers / "make_data.py", "--variant", variant, "--n", samples(), "--out", to])
    return folder / f"{variant}.json"


def checked(model, stage):
    """The peer's tokens and batches; fails unless saucier's tokens and labels are the same in every sample."""
    folder, data, out = checkpoint(model), data_of(stage), ARGUMENTS.work / "encoded.json"
    measured([ARGUMENTS.python, __file__, "inside", ARGUMENTS.peers, "encoded", folder, data, ARGUMENTS.batch, out], ARGUMENTS.work / "peer.log")
    peer = json.loads(out.read_text())
    shown = ARGUMENTS.work / "preview.toml"
    shown.write_text(recipe(folder, data, stage, "fp32", "sequential", samples()))
    lines, _ = measured([saucier_program(), "preview", shown, "--source", "all", "--count", samples(), "--summary", 0, "--json"], ARGUMENTS.work / "preview.log")
    ours = {row["id"]: row for row in map(json.loads, lines.splitlines())}
    if ours.keys() != peer["samples"].keys():
        raise Failed(f"saucier reads {len(ours)} samples of '{data}', the peer {len(peer['samples'])}, or others")
    for name, theirs in peer["samples"].items():
        for what in ("ids", "labels"):
            mine = ours[name][what]
            if mine != theirs[what]:
                at = next((i for i, (a, b) in enumerate(zip(mine, theirs[what])) if a != b), min(len(mine), len(theirs[what])))
                raise Failed(f"sample '{name}' has other {what} than the peer's from place {at} on: {mine[at:at + 8]}, the peer's {theirs[what][at:at + 8]}")
    say(f"{model} {stage}: tokens and labels of all {len(ours)} samples are the peer's")
    return peer


# ---------------------------------------------------------------- what is measured
def timed_part(metrics, work, how):
    """The rates of the steps behind the warm-up. `work`: what the peer says of all samples once."""
    seconds = tokens = learned = padding = every = 0.0
    for step, row in metrics.items():
        took = ARGUMENTS.batch / row["samples_per_second"]
        every += took
        if step <= WARMUP:
            continue
        seconds += took
        tokens += row["tokens_per_second"] * took
        learned += row["learned_tokens"]
        padding += row.get("padded_tokens", 0)  # not said where nothing is padded
    if len(metrics) != WARMUP + ARGUMENTS.steps or every > how["seconds"]:
        raise Failed(f"the metrics of saucier tell of {len(metrics)} steps in {every:.1f} s, it ran {how['seconds']:.1f} s")
    by_tokens, by_learned = tokens / work["real_tokens"], learned / work["supervised_tokens"]
    tflop = work["tflop"]
    done = (tflop["lm"] + tflop["lora"]) * by_tokens + tflop["head"] * by_learned + tflop["vision"] * ARGUMENTS.steps * ARGUMENTS.batch / work["samples"]
    return {"samples_per_s": ARGUMENTS.steps * ARGUMENTS.batch / seconds, "tokens_per_s": tokens / seconds, "tflops": done / seconds,
            "padding": padding / (tokens + padding), "memory_mb": how["memory_mb"], "others": how["others"], "load": how["load"]}


def cell(model, stage, dtype, peak):
    folder, data = checkpoint(model), data_of(stage)
    text = recipe(folder, data, stage, dtype, "shuffled", (WARMUP + ARGUMENTS.steps) * ARGUMENTS.batch)
    runs = {name: [] for name in ("saucier", *ARGUMENTS.modes)}
    for number in range(ARGUMENTS.rounds):
        for mode in ARGUMENTS.modes:
            told = run_peer(folder, data, stage, dtype, mode, ARGUMENTS.steps)
            if told["samples"] != samples():
                raise Failed(f"the peer timed {told['samples']} samples, not {samples()}")
            peak[dtype] = max(peak.get(dtype, 0), told["gemm_peak_tflops"][dtype])
            runs[mode].append({"samples_per_s": told["samples_per_s"], "tokens_per_s": told["real_tokens_per_s"], "tflops": told["achieved_tflops"],
                               "padding": 1 - told["real_tokens"] / told["padded_tokens"], "memory_mb": told["peak_rss_mb"],
                               "others": told["others"], "load": told["load"], "run_s": told["load_s"] + told["seconds"] / ARGUMENTS.steps * (WARMUP + ARGUMENTS.steps)})
            how, metrics, environment = run_saucier(text)
            runs["saucier"].append(timed_part(next(iter(metrics.values())), told, how))
            say(f"{model} {stage} {dtype}, round {number + 1}: " + ", ".join(
                f"{name} {run['samples_per_s']:.2f} samples/s ({run['tokens_per_s']:.0f} tokens/s; others {run['others']:.0%})"
                for name, run in ((mode, runs[mode][-1]), ("saucier", runs["saucier"][-1]))))
    return {"runs": runs, "peak_tflops": peak[dtype], "steps": ARGUMENTS.steps, "batch": ARGUMENTS.batch, "threads": ARGUMENTS.threads,
            "versions": {**told["versions"], "saucier": environment}}


def sweep(model, dtype, peers):
    """Wall time of the whole command against the peer's loading and steps, without its GEMM timings; its imports beside it."""
    folder, data = checkpoint(model), data_of("lora")
    text = recipe(folder, data, "lora", dtype, "shuffled", (WARMUP + ARGUMENTS.steps) * ARGUMENTS.batch)
    how, metrics, environment = run_saucier(text, ["--sweep", "stage.tune.learning_rate=" + ",".join(map(str, SWEPT))])
    if len(metrics) != len(SWEPT):
        raise Failed(f"the sweep has {len(metrics)} trials with metrics, not {len(SWEPT)}")
    say(f"{model} lora {dtype}: sweep of {len(SWEPT)} in {how['seconds']:.1f} s (others {how['others']:.0%})")
    single = {}
    for mode in ARGUMENTS.modes:
        runs = peers[mode] if peers else []
        if runs:
            single[mode] = statistics.median(run["run_s"] for run in chosen(runs))
        else:
            told = run_peer(folder, data, "lora", dtype, mode, ARGUMENTS.steps)
            single[mode] = told["load_s"] + told["seconds"] / ARGUMENTS.steps * (WARMUP + ARGUMENTS.steps)
        say(f"{model} lora {dtype}: {mode}, one run {single[mode]:.1f} s")
    imports = statistics.median(measured([ARGUMENTS.python, "-c", PEER_IMPORTS], ARGUMENTS.work / "peer.log")[1]["seconds"] for _ in range(3))
    return {"trials": len(SWEPT), "steps": WARMUP + ARGUMENTS.steps, "saucier": how, "peer_run_s": single, "peer_imports_s": imports, "versions": {"saucier": environment}}


def worker_beginning_from(artifact):
    """A saucier whose stages go on from `artifact`, as if an earlier stage had left it: no recipe can name an adapter."""
    folder = ARGUMENTS.work / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy2(saucier_program(), folder / "saucier")
    worker = folder / "saucier-worker"
    worker.write_text(f"""#!{sys.executable}
import json, os, sys
with open(sys.argv[1]) as file:
    job = json.load(file)
job["from"] = {str(artifact)!r}
with open(sys.argv[1], "w") as file:
    json.dump(job, file)
os.execv({str(ARGUMENTS.build / "saucier-worker")!r}, ["saucier-worker", sys.argv[1]])
""")
    worker.chmod(0o755)
    return folder / "saucier"


def losses(model, stage, mode, order):
    """The relative difference of every step's loss, from equal beginnings over equal batches in float32."""
    folder, data, artifact = checkpoint(model), data_of(stage), ARGUMENTS.work / "from"
    shutil.rmtree(artifact, ignore_errors=True)
    adapter = artifact / "model" / "adapter"
    told = run_peer(folder, data, stage, "fp32", mode, ARGUMENTS.loss_steps - WARMUP, adapter)
    items = json.loads(data.read_text())
    ordered = data.with_name(f"{data.stem}-{mode}.json")
    ordered.write_text(json.dumps([items[i] for batch in order for i in batch]))
    program = worker_beginning_from(artifact) if stage == "lora" else None
    _, metrics, environment = run_saucier(recipe(folder, ordered, stage, "fp32", "sequential", ARGUMENTS.loss_steps * ARGUMENTS.batch), program=program)
    ours = [row["loss"] for _, row in sorted(next(iter(metrics.values())).items())]
    if len(ours) != len(told["losses"]):
        raise Failed(f"saucier made {len(ours)} steps, the peer {len(told['losses'])}")
    apart = [abs(a - b) / abs(b) for a, b in zip(ours, told["losses"])]
    worst = max(range(len(apart)), key=apart.__getitem__)
    say(f"{model} {stage} fp32, {mode}: losses of {len(ours)} steps differ by at most {apart[worst]:.1e} (step {worst + 1})")
    return {"steps": len(ours), "largest": apart[worst], "at": worst + 1, "peer": told["losses"], "saucier": ours, "versions": {**told["versions"], "saucier": environment}}


# ---------------------------------------------------------------- the table
def quiet(run):
    return run["others"] < QUIET


def chosen(runs):
    """The quiet runs, or all where none was."""
    return [run for run in runs if quiet(run)] or runs


def middle(runs, what):
    return statistics.median(run[what] for run in chosen(runs))


def ratios(runs):
    """Of medians, by mode: saucier's over the peer's."""
    return {mode: {what: middle(runs["saucier"], what) / middle(runs[mode], what) for what in ("tokens_per_s", "memory_mb")}
            for mode in MODES if runs.get(mode)}


def short_of(book):
    """What misses the goals of the issue, one line each."""
    for name, one in book["cells"].items():
        restless = [program for program, runs in one["runs"].items() if not any(map(quiet, runs))]
        if restless:
            yield f"{name}: no quiet run of {', '.join(restless)}, so its ratios say little"
        by_mode = ratios(one["runs"])
        least = min(ratio["tokens_per_s"] for ratio in by_mode.values())
        if least < GOALS["better"]:
            yield f"{name}: {least:.2f} times the better peer, {GOALS['better']:.0f} is the goal"
        if " lora " in name and "padded" in by_mode and by_mode["padded"]["tokens_per_s"] < GOALS["padded"]:
            yield f"{name}: {by_mode['padded']['tokens_per_s']:.2f} times the padded peer, {GOALS['padded']:.0f} is the goal"
        memory = max(ratio["memory_mb"] for ratio in by_mode.values())
        if " lora " in name and memory > GOALS["memory"]:
            yield f"{name}: {memory:.2f} of the peer's memory, a third is the goal"
    for name, one in book["sweeps"].items():
        least = min(one["peer_run_s"].values()) * one["trials"] / one["saucier"]["seconds"]
        if least < GOALS["sweep"]:
            yield f"{name}: a sweep at {least:.2f} times the better peer, {GOALS['sweep']:.0f} is the goal"
    for name, one in book["losses"].items():
        if one["largest"] >= TOLERANCE:
            yield f"{name}: losses differ by {one['largest']:.1e}"


def versions_of(one):
    versions = dict(one["versions"])
    ours = versions.pop("saucier")
    return ", ".join(f"{name} {value}" for name, value in versions.items()) + ("; " if versions else "") + f"saucier {ours['saucier']} ({one['commit']}), libtorch {ours['torch']}"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def render(book):
    out = [f"# saucier beside transformers and PEFT: {book['machine']}", "",
           f"Made by `make bench`. Medians of the quiet runs (others took less than {QUIET:.0%} of the machine), of all runs where none was quiet. "
           "Ratios are saucier over the peer's mode, of medians of real tokens a second. MFU counts the arithmetic of real tokens as peer_hf.py does, "
           "against the best GEMM rate seen in the session. Peak memory is the largest resident set of the process that trains."]
    if book["cells"]:
        rows = []
        for name, one in book["cells"].items():
            by_mode = ratios(one["runs"])
            for program, runs in one["runs"].items():
                ratio = by_mode.get(program)
                rows.append([name, program, f"{middle(runs, 'samples_per_s'):.2f} ({max(run['samples_per_s'] for run in runs):.2f})",
                             f"{middle(runs, 'tokens_per_s'):.0f}", f"{middle(runs, 'tflops') / one['peak_tflops']:.2f}", f"{middle(runs, 'memory_mb'):.0f}",
                             f"{middle(runs, 'padding'):.0%}", f"{sum(map(quiet, runs))} of {len(runs)}",
                             *([f"**{ratio['tokens_per_s']:.2f}**", f"{ratio['memory_mb']:.2f}"] if ratio else ["", ""])])
        out += ["", "## Single runs", ""] + table(["cell", "program", "samples/s (best)", "tokens/s", "MFU", "peak MB", "padding", "quiet", "saucier over it", "memory"], rows)
    if book["sweeps"]:
        rows = [[name, f"{one['trials']} × {one['steps']} steps", f"{one['saucier']['seconds']:.1f}", f"{one['saucier']['memory_mb']:.0f}", f"{one['saucier']['others']:.0%}", mode,
                 f"{seconds * one['trials']:.1f}", f"**{seconds * one['trials'] / one['saucier']['seconds']:.2f}**",
                 f"{(seconds + one['peer_imports_s']) * one['trials'] / one['saucier']['seconds']:.2f}"]
                for name, one in book["sweeps"].items() for mode, seconds in one["peer_run_s"].items()]
        out += ["", "## Sweeps", "", "saucier: wall time of the whole command. The peer: that many times loading and steps of one run; its imports are left out, but in the last column, where each run is a command.", ""]
        out += table(["sweep", "trials", "saucier s", "peak MB", "others", "peer", "peer s", "peer over saucier", "with imports"], rows)
    if book["losses"]:
        rows = [[name, str(one["steps"]), f"{one['largest']:.1e}", str(one["at"]), f"{one['saucier'][-1]:.5f}", f"{one['peer'][-1]:.5f}", "yes" if one["largest"] < TOLERANCE else "**no**"]
                for name, one in book["losses"].items()]
        out += ["", "## Loss curves", ""] + table(["curve", "steps", "largest difference", "at step", "saucier's last", "the peer's last", f"equal (< {TOLERANCE:g})"], rows)
    missed = list(short_of(book))
    out += ["", "## Short of the goals", ""] + ([f"- {line}" for line in missed] or ["Nothing."])
    kinds = {(versions_of(one), one["date"]) for part in ("cells", "sweeps", "losses") for one in book[part].values()}
    out += ["", "## Versions", ""] + [f"- {date}: {text}" for text, date in sorted(kinds, key=lambda kind: kind[1])]
    return "\n".join(out) + "\n"


# ---------------------------------------------------------------- the whole
def machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores"


def commit():
    def git(*arguments):
        return subprocess.run(["git", "-C", Path(__file__).parent, *arguments], capture_output=True, text=True).stdout.strip()
    return (git("rev-parse", "--short", "HEAD") or "no commit") + ("+" if git("status", "--porcelain", "-uno") else "")


def check_tools():
    for name in ("make_checkpoint.py", "make_data.py", "peer_hf.py"):
        if not (ARGUMENTS.peers / name).is_file():
            raise Failed(f"no '{name}' in '{ARGUMENTS.peers}'", "set PEERS to the folder of the peers' scripts: make bench PEERS=FOLDER")
    for name in ("saucier", "saucier-worker"):
        if not (ARGUMENTS.build / name).is_file():
            raise Failed(f"no '{name}' in '{ARGUMENTS.build}'", "make build")
    try:
        tried = subprocess.run([ARGUMENTS.python, "-c", "import torch, transformers, peft, accelerate, PIL"], capture_output=True, text=True)
    except OSError as error:
        raise Failed(f"'{ARGUMENTS.python}' cannot be started: {error.strerror}", "set PYTHON to one with torch, transformers and peft, or unset it") from error
    if tried.returncode != 0:
        raise Failed(f"'{ARGUMENTS.python}' lacks what the peers need: {tried.stderr.strip().splitlines()[-1]}", "'make bench' without PYTHON sets one up")


def parse():
    def names(known):
        def read(text):
            for name in text.split(","):
                if name not in known:
                    raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(known)}")
            return text.split(",")
        return read

    def path(text):
        return Path(os.path.abspath(text))  # a link stays one: a virtual environment's Python is known by it

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=path, default="build", help="folder of saucier and saucier-worker")
    parser.add_argument("--peers", type=path, default="../shared/peers")
    parser.add_argument("--python", type=lambda text: path(shutil.which(text) or text), default=sys.executable, help="one with the peers' packages")
    parser.add_argument("--work", type=path, help="checkpoints and data are kept there; default BUILD/bench")
    parser.add_argument("--results", type=path)
    parser.add_argument("--models", type=names(["tiny", "smol"]), default="tiny,smol")
    parser.add_argument("--stages", type=names(STAGES), default="align,lora")
    parser.add_argument("--dtypes", type=names(DTYPES), default="fp32,bf16")
    parser.add_argument("--modes", type=names(MODES), default="padded,grouped")
    parser.add_argument("--steps", type=int, default=12, help="timed steps, and samples by the batch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--losses", action="store_true")
    parser.add_argument("--loss-steps", type=int, default=50)
    arguments = parser.parse_args()
    arguments.work = arguments.work or arguments.build / "bench"
    return arguments


def main():
    check_tools()
    ARGUMENTS.work.mkdir(parents=True, exist_ok=True)
    book = {"machine": machine(), "cells": {}, "sweeps": {}, "losses": {}}
    kept = page = None
    if ARGUMENTS.results:
        name = "bench-" + re.sub(r"[^a-z0-9]+", "-", machine().lower()).strip("-")
        kept, page = ARGUMENTS.results / "tables" / f"{name}.json", ARGUMENTS.results / f"{name}.md"
        if kept.exists():
            book = json.loads(kept.read_text())
    stamp = {"date": datetime.date.today().isoformat(), "commit": commit()}
    peak = {}

    def keep(part, name, one):
        book[part][name] = {**one, **stamp}
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(book, indent=1) + "\n")
            page.write_text(render(book))

    for model in ARGUMENTS.models:
        for stage in ARGUMENTS.stages:
            peer = checked(model, stage)
            if ARGUMENTS.losses:
                for mode in ARGUMENTS.modes:
                    keep("losses", f"{model} {stage} fp32 {mode}", losses(model, stage, mode, peer["orders"][mode]))
            for dtype in ARGUMENTS.dtypes:
                name = f"{model} {stage} {dtype}"
                if ARGUMENTS.rounds:
                    keep("cells", name, cell(model, stage, dtype, peak))
                if ARGUMENTS.sweep and stage == "lora":
                    keep("sweeps", name, sweep(model, dtype, book["cells"][name]["runs"] if ARGUMENTS.rounds else None))
    print(render(book), end="")
    return int(any(one["largest"] >= TOLERANCE for one in book["losses"].values()))


if __name__ == "__main__":
    if sys.argv[1:2] == ["inside"]:
        sys.path.insert(0, sys.argv[2])
        {"encoded": inside_encoded, "run": inside_run}[sys.argv[3]](*sys.argv[4:])
    else:
        ARGUMENTS = parse()
        try:
            sys.exit(main())
        except Failed as failure:
            say(f"error: {failure}")
            sys.exit(2)
