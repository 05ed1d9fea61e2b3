#!/usr/bin/env python3
"""Runs the official scorers of POPE, MME, ScienceQA, MMBench and SEED-Bench on made-up benchmarks and writes tests/data/bench/*.json.

    benchmarks_choice.py LLAVA POPE MME_EVAL_TOOL SCIENCEQA LMMS_EVAL

Checkouts of haotian-liu/LLaVA (c121f04), RUCAIBox/POPE, lupantech/ScienceQA, EvolvingLMMs-Lab/lmms-eval (75571cf), and the folder with
calculation.py from BradyFU/Awesome-Multimodal-Large-Language-Models (branch Evaluation, tools/eval_tool.zip). Needs scikit-learn,
pandas and requests. Each fixture holds the files of a small benchmark in its official layout, answers, and what the scorers say.
"""
import importlib.util
import json
import random
import re
import subprocess
import sys
import tempfile
import types
from pathlib import Path

OUT = Path(__file__).resolve().parents[1] / "data" / "bench"
SHORT = "\nAnswer the question using a single word or phrase."

YES_NO = ["Yes", "No", "yes", "no", "YES", "NO", "Yes.", "No.", "no,", "Yes, there is.", "No, there is no dog.", "Yes. No", "I cannot see it",
          "There is not a dog", "nope", "", " ", "Well no", "Yes  no", "  no", "   no", " no", "y", "n", "Y.", "N", "other", "not sure",
          "Noyes", "ano", "yes\tno", "Né", "é no", "日本 no", "日本語です no", "No\nYes", "the answer is yes", "Answer: yes", "it is no.", "n/a", ".no", ",no", "no.yes"]


def module(path, name):
    """A file of lmms-eval on its own."""
    for missing in ("loguru",):
        if missing not in sys.modules:
            stub = types.ModuleType(missing)
            stub.logger = types.SimpleNamespace(info=lambda *a: None, warning=lambda *a: None)
            sys.modules[missing] = stub
    spec = importlib.util.spec_from_file_location(name, path)
    out = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(out)
    return out


def run(script, arguments):
    return subprocess.run([sys.executable, str(script), *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def lay_out(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def jsonl(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def pope(llava, official, lmms):
    rng = random.Random(1)
    files, answers, questions, number = {}, [], [], 0
    labels = {}
    for category in ("random", "popular", "adversarial"):
        rows = [{"question_id": i + 1, "image": f"COCO_val2014_{i // 6:012d}.jpg", "text": f"Is there a thing{i} in the image?", "label": "yes" if i % 2 == 0 else "no"}
                for i in range(72)]
        labels[category] = rows
        files[f"coco/coco_pope_{category}.json"] = jsonl(rows)
        for row in rows:
            said = rng.choice(YES_NO) if rng.random() < 0.6 else ("Yes" if row["label"] == "yes" else "No")
            questions.append({"question_id": number, "image": row["image"], "text": row["text"] + SHORT, "category": category})
            answers.append({"question_id": number, "text": said})
            number += 1
    files["llava_pope_test.jsonl"] = jsonl(questions)
    expected = {}
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        lay_out(folder, {**files, "answers.jsonl": jsonl(answers)})
        text = run(llava / "llava/eval/eval_pope.py", ["--annotation-dir", folder / "coco", "--question-file", folder / "llava_pope_test.jsonl", "--result-file", folder / "answers.jsonl"])
        for part in text.split("Category: ")[1:]:
            expected[part.split(",")[0]] = {name: float(re.search(rf"{name}: ([\d.e-]+)", part)[1]) for name in ("Accuracy", "Precision", "Recall", "F1 score", "Yes ratio")}
        by_id = {a["question_id"]: a["text"] for a in answers}
        for category, rows in labels.items():
            given = [{"question": r["text"], "answer": by_id[q["question_id"]]} for r, q in zip(rows, [q for q in questions if q["category"] == category])]
            lay_out(folder, {"a.json": jsonl(given), "l.json": jsonl(rows)})
            source = (official / "evaluate.py").read_text().replace("ans_file = ''", f"ans_file = {str(folder / 'a.json')!r}").replace("label_file = ''", f"label_file = {str(folder / 'l.json')!r}")
            lay_out(folder, {"evaluate.py": source})
            out = run(folder / "evaluate.py", [])
            assert expected[category]["F1 score"] == float(re.search(r"F1 score: ([\d.e-]+)", out)[1]), category
    utils = module(lmms / "lmms_eval/tasks/pope/utils.py", "pope_utils")
    truth = [row["label"] for rows in labels.values() for row in rows]
    results = [next(iter(utils.pope_process_results({"answer": t, "question_id": a["question_id"]}, [a["text"]]).values())) for t, a in zip(truth, answers)]
    expected["lmms-eval"] = {"accuracy": utils.pope_aggregate_accuracy(results), "precision": utils.pope_aggregate_precision(results), "recall": utils.pope_aggregate_recall(results),
                             "f1": utils.pope_aggregate_f1_score(results), "yes_ratio": utils.pope_aggregate_yes_ratio(results)}
    return {"files": files, "answers": answers, "expected": expected}


SUBTASKS = {"Perception": ["existence", "count", "position", "color", "posters", "celebrity", "scene", "landmark", "artwork", "OCR"],
            "Cognition": ["commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning"]}


def mme(tool, lmms):
    rng = random.Random(2)
    files, answers, results, rows = {}, [], {}, []
    for s, subtask in enumerate(sum(SUBTASKS.values(), [])):
        results[subtask] = ""
        for i in range(8):
            apart = s % 2 == 0
            name = f"{i:04d}"
            questions = [(f"Is thing {i} of {subtask} here? Please answer yes or no.", "Yes"), (f"Is thing {i} of {subtask} away? Please answer yes or no.", "No")]
            files[f"{subtask}/{'questions_answers_YN/' if apart else ''}{name}.txt"] = "".join(f"{q}\t{a}\n" for q, a in questions)
            files[f"{subtask}/{'images/' if apart else ''}{name}.png"] = ""
            for q, a in questions:
                said = rng.choice([x for x in YES_NO if "\n" not in x and "\t" not in x]) if rng.random() < 0.6 else a
                answers.append({"question_id": f"{subtask}/{name}.png", "prompt": q.replace(" Please answer yes or no.", "") + SHORT, "text": said})
                results[subtask] += f"{name}.txt\t{q}\t{a}\t{said}\n"
                rows.append((subtask, name, a, said))
    expected = {}
    with tempfile.TemporaryDirectory() as temp:
        lay_out(Path(temp), {f"{subtask}.txt": text for subtask, text in results.items()})
        text = run(tool / "calculation.py", ["--results_dir", temp])
    for kind, part in zip(SUBTASKS, text.split("===========")[2::2]):
        expected[kind.lower()] = float(re.search(r"total score: ([\d.]+)", part)[1])
        for subtask, score in re.findall(r"\t (\S+)  score: ([\d.]+)", part):
            expected[subtask] = float(score)
    utils = module(lmms / "lmms_eval/tasks/mme/utils.py", "mme_utils")
    parts = {"mme_perception_score": [], "mme_cognition_score": []}
    for subtask, name, truth, said in rows:
        for key, value in utils.mme_process_results({"answer": truth, "category": subtask, "question_id": name}, [said]).items():
            parts[key].append(value)
    expected["lmms-eval"] = {"perception": utils.mme_aggregate_results(parts["mme_perception_score"]), "cognition": utils.mme_aggregate_results(parts["mme_cognition_score"])}
    return {"files": files, "answers": answers, "results": results, "expected": expected}


def scienceqa(llava, official, lmms):
    rng = random.Random(3)
    letters = "ABCDE"
    problems, answers = {}, []
    for i in range(240):
        choices = [f"choice {k}" for k in range(rng.randint(2, 5))]
        answer = rng.randrange(len(choices))
        problems[str(i)] = {"question": f"Which is {i}?", "choices": choices, "answer": answer, "hint": rng.choice(["", "", f"Look  at {i}."]),
                            "image": rng.choice([None, "image.png"]), "grade": f"grade{rng.randint(1, 12)}", "subject": rng.choice(["natural science", "social science", "language science"]),
                            "topic": "biology", "lecture": "", "solution": "", "split": "test"}
        letter = rng.choice(letters[:len(choices)] * 2 + letters[answer] * 8 + "E")
        said = rng.choice(["{}", "{}", "{}. choice", "{}.", "({})", "The answer is {}.", "The answer is {}!", "The answer is {}", "So: The answer is {}. BECAUSE: it is.",
                           "The answer is {}. The answer is {}.", "answer {}", "", " {}", "{} ", "{}: yes", "F", "f", "The answer is {}\n", "The answer is É.", "{}. ", "1"]).replace("{}", letter)
        if rng.random() < 0.1:
            said = said.lower()
        answers.append({"question_id": str(i), "prompt": ("<image>\n" if problems[str(i)]["image"] else "") + "?", "text": said})
    files = {"problems.json": json.dumps(problems), "pid_splits.json": json.dumps({"test": list(problems)})}
    expected = {}
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        lay_out(folder, {**files, "answers.jsonl": jsonl(answers)})
        text = run(llava / "llava/eval/eval_science_qa.py", ["--base-dir", folder, "--result-file", folder / "answers.jsonl", "--output-file", folder / "o.json", "--output-result", folder / "r.json"])
        outputs = json.loads((folder / "o.json").read_text())
        result = json.loads((folder / "r.json").read_text())
        expected["accuracy"] = result["acc"]
        expected["read"] = {a["question_id"]: a["parsed_ans"] for kind in outputs.values() for a in kind}
        expected["correct"] = sorted(a["question_id"] for a in outputs["correct"])
        expected["img"] = float(re.search(r"IMG-Accuracy: ([\d.]+)%", text)[1])
        source = (official / "tools/evaluate_acc.py").read_text().replace("    assert num == 4241\n", "")
        scope = {"__name__": "evaluate_acc"}
        exec(compile(source, "evaluate_acc.py", "exec"), scope)
        expected["parts"] = {key: float(value) for key, value in scope["get_scores"](str(folder / "r.json"), str(folder / "problems.json")).items() if value != -1}
        # The prompt of LLaVA's convert_sqa_to_llava.py.
        sys.path.insert(0, str(llava / "scripts"))
        prompts = importlib.import_module("convert_sqa_to_llava_base_prompt").build_prompt_chatbot(problems, list(problems), "CQM-A", use_caption=False, is_test=False)
        expected["prompts"] = {key: prompts[key][0].replace("Question: ", "", 1) if prompts[key][0].startswith("Question: ") else prompts[key][0] for key in list(problems)[:12]}
    utils = module(lmms / "lmms_eval/tasks/scienceqa/utils.py", "sqa_utils")
    expected["lmms-eval"] = [utils.sqa_process_results(problems[a["question_id"]], [a["text"]])["exact_match"] for a in answers]
    expected["lmms-eval prompts"] = [utils.sqa_doc_to_text(problems[key], {"format": "default", "pre_prompt": "", "post_prompt": "\nAnswer with the option's letter from the given choices directly."}) for key in list(problems)[:12]]
    return {"files": files, "answers": answers, "expected": expected}


def mmbench(llava, lmms):
    """Scored by the evaluator of lmms-eval (that of OpenCompass), in its static way and without its last resort."""
    sys.modules.setdefault("lmms_eval.tasks._task_utils.mcq_extract", types.ModuleType("mcq_extract")).extract_mcq_answer = lambda *a, **k: ""
    for name in ("lmms_eval", "lmms_eval.tasks", "lmms_eval.tasks._task_utils"):
        sys.modules.setdefault(name, types.ModuleType(name))
    evaluator = module(lmms / "lmms_eval/tasks/mmbench/mmbench_evals.py", "mmbench_evals").MMBench_Evaluator()
    rng = random.Random(7)
    shapes = ["{}", "{}", "{}", "{}.", "({})", "({}).", "{}: yes", "{})", ":{}", "Answer: {}", "The answer is {}.", "A {} thing here now", "A", "A cat sits on {}", "{} or B", "a {}", "", "none", "it is {t}", "{t}", "{T}!", "E", "E.", "{l}",
              "Both {} and {}", "{}\n{t}", "Failed to obtain answer via API", "{},", "{}:", "{};", "  {}  ", "F"]
    columns = ["index", "question", "hint", "A", "B", "C", "D", "answer", "category", "image", "source", "l2-category", "comment", "split"]
    rows, answers = [], []
    for i in range(110):
        options = [f"thing{i} {w}" for w in ("red", "green", "blue", "grey")][:rng.choice([2, 3, 4, 4])]
        hint = rng.choice(["", f"A hint, {i}."])
        right = rng.randrange(len(options))
        good = rng.random() < 0.7
        for k in range(rng.choice([1, len(options)])):
            turned = options[k:] + options[:k]
            answer = "ABCD"[(right - k) % len(options)]
            row = {"index": i + k * 1000000, "question": f"What is {i}?", "hint": hint, "answer": answer, "category": f"c{i % 5}", "image": "R0lGODlhAQABAAAAACw=" if k == 0 else str(i), "source": "x", "l2-category": f"l{i % 2}", "comment": "", "split": "dev"}
            row.update({letter: turned[n] if n < len(turned) else "" for n, letter in enumerate("ABCD")})
            rows.append(row)
            letter = answer if good and rng.random() < 0.93 else rng.choice("ABCD"[:len(options)])
            text = turned["ABCD".index(letter)]
            shape = rng.choice(shapes) if rng.random() < 0.35 else "{}"
            answers.append({"question_id": row["index"], "text": shape.replace("{}", letter).replace("{l}", letter.lower()).replace("{t}", text).replace("{T}", text.upper())})
    table = "\t".join(columns) + "\n" + "".join("\t".join(str(row[c]) for c in columns) + "\n" for row in rows)
    said = {a["question_id"]: a["text"] for a in answers}
    missing = float("nan")
    results = [{**{c: (missing if row[c] == "" else row[c]) for c in columns}, "prediction": said[row["index"]]} for row in rows]
    read = [evaluator.prefetch_answer(dict(item)) or "" for item in results]
    overall, categories, l2 = evaluator.eval_result(results, "static")
    return {"files": {"mmbench_dev_20230712.tsv": table}, "answers": answers, "expected": {"read": read, "accuracy": float(overall), "categories": categories, "l2": l2}}


def seed(llava, lmms):
    rng = random.Random(8)
    names = {"Scene Understanding": 1, "Instance Counting": 5, "Action Recognition": 10}
    questions, answers, asked = [], [], []
    for i in range(220):
        kind = "video" if i % 4 == 3 else "image"
        qid = str(i) if kind == "image" else f"v{i}"
        answer = rng.choice("ABCD")
        questions.append({"answer": answer, "choice_a": f"a{i}", "choice_b": f"b{i}", "choice_c": f"c{i}", "choice_d": i, "data_id": f"{i}_0", "data_type": kind, "question": f"What is {i}?", "question_id": qid,
                          "question_type_id": 10 if kind == "video" else rng.choice([1, 5])})
        said = rng.choice([answer] * 4 + ["A", "b", answer.lower(), answer + ".", " " + answer, "", "E", answer + "\n", f"({answer})"])
        answers.append({"question_id": int(qid) if kind == "image" else qid, "text": said})
        asked.append({"question_id": qid, "image": f"SEED-Bench-{kind}-image/{i}.png" if kind == "video" else f"SEED-Bench-image/{i}_0", "text": f"LLaVA asks {i}"})
    files = {"SEED-Bench.json": json.dumps({"question_type": names, "questions": questions}), "llava-seed-bench.jsonl": jsonl(asked)}
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        lay_out(folder, {**files, "answers.jsonl": jsonl(answers)})
        text = run(llava / "scripts/convert_seed_for_submission.py", ["--annotation-file", folder / "SEED-Bench.json", "--result-file", folder / "answers.jsonl", "--result-upload-file", folder / "upload.jsonl"])
    expected = {"printed": {name: float(value) for name, value in re.findall(r"(.+?)(?: accuracy)?: ([\d.]+)%", text)}}
    utils = module(lmms / "lmms_eval/tasks/seedbench/utils.py", "seed_utils")
    parts = {"seed_image": [], "seed_video": [], "seed_all": []}
    for question, answer in zip(questions, answers):
        for key, value in utils.seed_process_result(question, [answer["text"]]).items():
            parts[key].append(value)
    expected["lmms-eval"] = {key: utils.seed_aggregation_result(value) for key, value in parts.items()}
    return {"files": files, "answers": answers, "expected": expected}


def main():
    llava, official_pope, tool, official_sqa, lmms = map(Path, sys.argv[1:])
    OUT.mkdir(parents=True, exist_ok=True)
    for name, fixture in {"pope": pope(llava, official_pope, lmms), "mme": mme(tool, lmms), "scienceqa": scienceqa(llava, official_sqa, lmms), "mmbench": mmbench(llava, lmms), "seed": seed(llava, lmms)}.items():
        (OUT / f"{name}.json").write_text(json.dumps(fixture, ensure_ascii=False, indent=0) + "\n")
        print(name, len(fixture["answers"]), "answers")


main()
