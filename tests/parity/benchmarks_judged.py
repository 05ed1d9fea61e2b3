#!/usr/bin/env python3
"""LLaVA-Bench, MM-Vet and RefCOCO scored by the official scripts, over made-up questions and replies.

  benchmarks_judged.py LLAVA MM_VET LMMS_EVAL

takes checkouts of haotian-liu/LLaVA (c121f0432d), yuweihao/MM-Vet (acde843e02) and EvolvingLMMs-Lab/lmms-eval (75571cfe0f) and writes
tests/data/bench/{llava-bench,mm-vet}/, judged.json and refcoco.json. The scripts run as they are, with a judge that says what this
script has drawn. Needs numpy, pandas, tqdm and, of LLaVA's and MM-Vet's imports, nothing else: `openai` is a module made here.
"""
import contextlib
import csv
import hashlib
import importlib.util
import io
import json
import os
import pathlib
import random
import runpy
import sys
import tempfile
import types

DATA = pathlib.Path(__file__).parent.parent / "data" / "bench"
WORDS = "fox owl mango key bell rose frog the a is red two on under caf\u00e9 \u732b it's \"quoted\" 3.5 | <b>".split()


def text(rng, most):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(0, most)))


def digest(prompt):
    return hashlib.sha256(prompt.encode()).hexdigest()[:16]


def run(script, arguments):
    out, argv, entries = io.StringIO(), sys.argv, list(sys.path)
    sys.argv = [str(script)] + [str(a) for a in arguments]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            runpy.run_path(str(script), run_name="__main__")
    finally:
        sys.argv, sys.path = argv, entries
    return out.getvalue()


def fake_openai(answer):
    """A judge that replies with answer(messages), by both interfaces of the openai package."""
    module, errors, classic = types.ModuleType("openai"), types.ModuleType("openai._exceptions"), types.SimpleNamespace()
    classic.create = lambda **k: {"choices": [{"message": {"content": answer(k["messages"])}}]}
    module.ChatCompletion, module.error = classic, types.SimpleNamespace(RateLimitError=type("RateLimitError", (Exception,), {}))
    reply = lambda **k: types.SimpleNamespace(model="fake", choices=[types.SimpleNamespace(message=types.SimpleNamespace(content=answer(k["messages"])))])
    module.OpenAI = lambda **k: types.SimpleNamespace(chat=types.SimpleNamespace(completions=types.SimpleNamespace(create=reply)))
    errors.RateLimitError = module.error.RateLimitError
    sys.modules["openai"], sys.modules["openai._exceptions"] = module, errors


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def llava_bench(checkout):
    rng, folder = random.Random(24), DATA / "llava-bench"
    folder.mkdir(parents=True, exist_ok=True)
    categories = ["conv", "detail", "complex"]
    questions = [{"question_id": i, "image": f"{i // 3:03}.jpg", "text": text(rng, 8) + "?", "category": categories[rng.randrange(3)]} for i in range(210)]
    contexts = [{"id": f"{i:03}", "image": f"{i:03}.jpg", "caption": [text(rng, 5), text(rng, 5)] if i % 5 == 0 else text(rng, 9)} for i in range(70)]
    references = [{"question_id": q["question_id"], "prompt": q["text"], "answer_id": f"r{q['question_id']}", "model_id": "gpt-4", "text": text(rng, 9)} for q in questions]
    answers = [{"question_id": q["question_id"], "prompt": q["text"], "answer_id": f"a{q['question_id']}", "model_id": "model", "text": text(rng, 9) + rng.choice(["", "\n", ".\n\nMore."])} for q in questions]
    rules = {f"llava_bench_{c}": {"role": "Assistant", "prompt": f"Made-up rule of {c}.\nTwo numbers, please."} for c in categories}
    files = {"questions.jsonl": lines(questions), "context.jsonl": lines(contexts), "answers_gpt4.jsonl": lines(references), "answers.jsonl": lines(answers), "rule.json": json.dumps(rules, indent=1)}
    for name, content in files.items():
        (folder / name).write_text(content)
    prompts, replies = [], [f"{rng.randint(1, 10)}{rng.choice([' ', ' ', ','])}{rng.choice([str(rng.randint(1, 10)), '7.5', '8.0'])}\n{text(rng, 4)}" for _ in questions]

    def judge(messages):
        prompts.append(messages)
        return replies[len(prompts) - 1]

    fake_openai(judge)
    with tempfile.TemporaryDirectory() as scratch:
        reviews = pathlib.Path(scratch) / "review_model.jsonl"
        run(checkout / "llava/eval/eval_gpt_review_bench.py", ["-q", folder / "questions.jsonl", "-c", folder / "context.jsonl", "-a", folder / "answers_gpt4.jsonl", folder / "answers.jsonl", "-r", folder / "rule.json", "-o", reviews])
        (folder / "reviews.jsonl").write_text(reviews.read_text())
        summary = run(checkout / "llava/eval/summarize_gpt_review.py", ["-f", reviews])
    scores = {row.split()[0]: float(row.split()[1]) for row in summary.splitlines() if len(row.split()) == 4}

    parse = runpy.run_path(str(checkout / "llava/eval/eval_gpt_review_bench.py"))["parse_score"]
    odd = ["", "8 9", "8, 9", "8,9", "8.5 9.0\nwhy", "8  9", " 8 9", "8 9 ", "8 9\r\nx", "8/9", "8 nine", "Assistant 1: 8", "8", "8 9 10", "\n8 9", "8. 9.", "-1 5", "+8 9", "1e1 2", ".5 .7", "8\t9", "8 9.", "**8 9**", "(8, 9)", "8 and 9"]
    odd += ["".join(rng.choice("0123456789 ., \nab") for _ in range(rng.randint(0, 7))) for _ in range(200)]
    with contextlib.redirect_stdout(io.StringIO()):
        parsed = [{"reply": reply, "scores": parse(reply)} for reply in odd]
    return {"system": prompts[0][0]["content"], "prompts": [digest(m[1]["content"]) for m in prompts], "scores": scores, "replies": parsed}


def mm_vet(checkout):
    rng, folder = random.Random(218), DATA / "mm-vet"
    folder.mkdir(parents=True, exist_ok=True)
    sets = [["rec"], ["ocr"], ["rec", "know", "gen"], ["spat", "ocr"], ["math", "ocr"], ["rec", "spat"], ["gen", "ocr", "rec", "know"]]
    questions = {f"v1_{i}": {"imagename": f"v1_{i // 2}.png", "question": text(rng, 7) + "?", "answer": rng.choice(["<AND>", "<OR>", " "]).join([text(rng, 3) + "x", text(rng, 3)]), "imagesource": "made up", "capability": rng.choice(sets)} for i in range(210)}
    results = {i: text(rng, 9) for i in questions}
    prompt = "Made-up prompt with | cells.\n\nQ | T | P | S\n--- | --- | --- | ---\n"
    (folder / "mm-vet.json").write_text(json.dumps(questions, indent=0))
    (folder / "results.json").write_text(json.dumps(results, indent=0))
    (folder / "mm-vet_evaluator.py").write_text('# Made up; the official file has its prompt in the same place.\nprompt = """' + prompt + '"""\n')
    prompts = []

    def judge(messages):
        prompts.append(messages[0]["content"])
        return rng.choice(["0.0", "0.1", "0.5", "0.9", "1.0", "1", "0.4 because", "0", "0.7\n"])

    fake_openai(judge)
    with tempfile.TemporaryDirectory() as scratch:
        run(checkout / "mm-vet_evaluator.py", ["--mmvet_path", folder, "--result_file", folder / "results.json", "--result_path", scratch, "--openai_api_key", "x", "--prompt", prompt, "--decimal_places", 12])
        found = {p.name: p.read_text() for p in pathlib.Path(scratch).iterdir()}
    grades = json.loads(next(content for name, content in found.items() if name.endswith(".json")))
    (folder / "grades.json").write_text(json.dumps(grades, indent=0))
    tables = {}
    for name, content in found.items():
        if name.endswith(".csv"):
            header, row = list(csv.reader(io.StringIO(content)))
            kind = "combinations" if "cap-int" in name else "capabilities"
            tables[kind] = [[column, float(value)] for column, value in zip(header[1:], row[1:]) if column not in ("std", "runs")]
    return {"prompts": [digest(p) for p in prompts], **tables}


def refcoco(checkout):
    sys.modules["datasets"] = types.ModuleType("datasets")
    sys.modules["datasets"].Dataset = object
    spec = importlib.util.spec_from_file_location("rec", checkout / "lmms_eval/tasks/refcoco/utils_rec.py")
    rec = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rec)
    rng = random.Random(2016)
    number = lambda: rng.choice([f"{rng.random():.2f}", f"{rng.random():.3f}", "0", "1", "1.0", "-0.1", str(rng.randint(2, 600)), f"{rng.random() * 500:.1f}"])
    answers = ["", "no box", "[0.1, 0.2, 0.3]", "[0.1,0.2,0.3,0.4]", "[ 0.1 , 0.2,0.3,0.4]", "[[0.1, 0.2, 0.5, 0.6]]", "[.1, .2, .3, .4]", "[1., 0.2, 0.3, 0.4]", "x [a] [0.1, 0.2, 0.3, 0.4] [0, 0, 1, 1]", "[0.1,\n0.2, 0.3, 0.4 ]", "(0.1, 0.2, 0.3, 0.4)", "[0.1, 0.2, 0.3, 0.4, 0.5]"]
    for _ in range(240):
        corners = sorted(rng.random() for _ in range(2)), sorted(rng.random() for _ in range(2))
        tidy = f"[{corners[0][0]:.2f}, {corners[1][0]:.2f}, {corners[0][1]:.2f}, {corners[1][1]:.2f}]"
        wild = f"[{rng.choice(['', ' '])}{number()},{rng.choice(['', ' ', '  '])}{number()}, {number()}, {number()}{rng.choice(['', ' '])}]"
        answers.append(rng.choice(["", "", "The box is "]) + rng.choice([tidy, tidy, tidy, wild]) + rng.choice(["", ".", " ok"]))
    rows = []
    for answer in answers:
        x, y = sorted(rng.random() for _ in range(2)), sorted(rng.random() for _ in range(2))
        truth, found = [x[0], y[0], x[1], y[1]], rec.parse_float_sequence_within(answer)
        rows.append({"answer": answer, "box": found, "truth": truth, "iou": rec.compute_iou(truth, found), "right": bool(rec.compute_accuracy(truth, found, 0.5))})
    return rows


def main():
    llava, vet, lmms = (pathlib.Path(p) for p in sys.argv[1:4])
    (DATA / "judged.json").write_text(json.dumps({"llava_bench": llava_bench(llava), "mm_vet": mm_vet(vet)}, indent=0) + "\n")
    (DATA / "refcoco.json").write_text("[\n" + ",\n".join(json.dumps(row) for row in refcoco(lmms)) + "\n]\n")


os.environ.pop("OPENAI_API_KEY", None)
main()
