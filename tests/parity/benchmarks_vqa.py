#!/usr/bin/env python3
"""Runs the official scorers of VQA's family and writes tests/data/bench/{vqa,gqa,aokvqa}.json.

    benchmarks_vqa.py LLAVA VQA AOKVQA LMMS_EVAL

Checkouts of haotian-liu/LLaVA (c121f04), GT-Vision-Lab/VQA (its Python 2 is turned into Python 3), allenai/aokvqa and
EvolvingLMMs-Lab/lmms-eval (75571cf). GQA's eval.py is in no public repository: gqa.json has LLaVA's conversion and lmms-eval's metric.
"""
import copy
import importlib.util
import json
import random
import re
import string
import sys
import types
from pathlib import Path

OUT = Path(__file__).resolve().parents[1] / "data" / "bench"
HAND = ["Yes.", "The Answer is: Two", "1,234,567", "3.5 miles", "dont know", "no-one", "ten", "AT&T", "left/right side", "U.S.A.", "100%", "a 1,000 b-c", "", " ", ".", "...", "a", "the", "An apple",
        "It's", "dog's", "dogs'", "'s", "what's up?", "Whats up", "yes, no", "yes ,no", "(yes)", "[1]", "1,,2", "1,, 2", "12,a", "a,12", "1, 2", "x - y", "x-y", "x -y", "semi;colon", "semi; colon",
        "\"quoted\"", "under_score", "back\\slash", "e-mail@x.org", "http://a.b/c", "1.5", "1.", ".5", "a.b.c", "no.1", "3 . 4", "line\nend", "tab\there", " \n both \t ", "NONE", "zero", "ZERO", "thirteen", "a the an",
        "a b the c", "couldnt've", "Id've", "I'dve", "Im here", "somebody'd", "y'all'll", "let's", "oclock", "5 o'clock", "!?", "really?!", "x ? y", "a > b", "a<b", "{x}", "x=y", "x + y", "x+y", "`code`",
        "Ünïcödé", "ÀÉ", "ΟΔΟΣ", "日本語", "naïve café.", "İstanbul", "\u00a0no\u00a0", "wide\u3000space", "½", "e\u0301", "." * 40, "a." * 40, "1.2.3.", "$5.00", "5.00$", "it 's", "its", "she's", "shes", "hes",
        "unanswerable", "Unanswerable", "unsuitable image", "one two", "two, three", "no\u2028way"]


def module(path, name):
    for missing, attributes in {"loguru": {"logger": types.SimpleNamespace(info=print)}, "tqdm": {"tqdm": lambda x: x}}.items():
        if missing not in sys.modules:
            sys.modules[missing] = types.SimpleNamespace(**attributes)
    spec = importlib.util.spec_from_file_location(name, path)
    out = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(out)
    return out


def official(root):
    """VQAEval of the authors, in Python 3."""
    text = (root / "PythonEvaluationTools/vqaEvaluation/vqaEval.py").read_text()
    text = re.sub(r'print "([^"]*)"', r'print("\1")', text).replace("\t", "    ")
    text = text.replace("self.updateProgress(step/float(len(quesIds)))", "pass")
    scope = {}
    exec(compile(text, "vqaEval.py", "exec"), scope)
    return scope["VQAEval"]


def noise(rng):
    words = ["yes", "no", "two", "ten", "a", "the", "cat", "cats", "dont", "1,000", "3.5", "left", "right", "red-ish", "red", "blue/green", "it's", "none", "o'clock", "U.S.", "\n", "?", "!", ",", "-", "(", ")", ";"]
    return "".join(rng.choice(["", " ", " ", ", "]) + (rng.choice(words) if rng.random() < 0.8 else rng.choice(string.punctuation)) for _ in range(rng.randint(1, 5)))


def vqa(llava, vqa_root, lmms):
    m4c = module(llava / "llava/eval/m4c_evaluator.py", "m4c")
    metric = module(lmms / "lmms_eval/tasks/_task_utils/vqa_eval_metric.py", "metric")
    for name in ("lmms_eval", "lmms_eval.tasks", "lmms_eval.tasks._task_utils"):
        sys.modules.setdefault(name, types.ModuleType(name))
    files = types.ModuleType("file_utils")
    files.generate_submission_file = lambda *a: None
    sys.modules["lmms_eval.tasks._task_utils.file_utils"] = files
    sys.modules["lmms_eval.tasks._task_utils"].file_utils = files
    sys.modules["lmms_eval.tasks._task_utils.vqa_eval_metric"] = metric
    sys.modules["lmms_eval"].tasks = sys.modules["lmms_eval.tasks"]
    sys.modules["lmms_eval.tasks"]._task_utils = sys.modules["lmms_eval.tasks._task_utils"]
    vqav2 = module(lmms / "lmms_eval/tasks/vqav2/utils.py", "vqav2_utils")
    textvqa = module(lmms / "lmms_eval/tasks/textvqa/utils.py", "textvqa_utils")
    processor = m4c.EvalAIAnswerProcessor()
    rng = random.Random(4)
    texts = HAND + [noise(rng) for _ in range(160)]
    evaluator_class = official(vqa_root)
    plain = evaluator_class(types.SimpleNamespace(getQuesIds=lambda: []), None)
    normalised = [{"text": t, "evalai": processor(t), "official": plain.processDigitArticle(plain.processPunctuation(t)),
                   "lmms": metric.EvalAIAnswerProcessor().process_digit_article(metric.EvalAIAnswerProcessor().process_punctuation(t))} for t in texts]
    questions, annotations, answers = [], [], []
    for i in range(240):
        pool = [rng.choice(texts) for _ in range(rng.choice([1, 1, 2, 3, 4]))]
        human = [rng.choice(pool) for _ in range(10)]
        said = rng.choice(human) if rng.random() < 0.8 else rng.choice(texts)
        said = rng.choice([said, said, said.lower(), said.upper(), said + ".", " " + said + "\n"])
        questions.append({"image_id": i // 2, "question": f"What is {i}?", "question_id": 1000 + i})
        annotations.append({"question_id": 1000 + i, "image_id": i // 2, "question_type": "what", "answer_type": rng.choice(["yes/no", "number", "other"]),
                            "answers": [{"answer": a, "answer_confidence": "yes", "answer_id": k + 1} for k, a in enumerate(human)]})
        answers.append({"question_id": 1000 + i, "text": said})

    def by_official(say):
        truth = {a["question_id"]: copy.deepcopy(a) for a in annotations}
        results = {a["question_id"]: {"answer": say(a["text"])} for a in answers}
        evaluator = evaluator_class(types.SimpleNamespace(getQuesIds=lambda: list(truth), qa=truth), types.SimpleNamespace(qa=results), n=12)
        evaluator.evaluate()
        return evaluator

    raw, sent = by_official(lambda t: t), by_official(processor)
    expected = {
        "official": [raw.evalQA[a["question_id"]] for a in answers], "official.accuracy": raw.accuracy["overall"], "official.types": raw.accuracy["perAnswerType"],
        "llava": [sent.evalQA[a["question_id"]] for a in answers], "llava.accuracy": sent.accuracy["overall"],
        "m4c.accuracy": m4c.TextVQAAccuracyEvaluator().eval_pred_list([{"pred_answer": a["text"], "gt_answers": [x["answer"] for x in n["answers"]]} for a, n in zip(answers, annotations)]),
        "m4c": [m4c.TextVQAAccuracyEvaluator().eval_pred_list([{"pred_answer": a["text"], "gt_answers": [x["answer"] for x in n["answers"]]}]) for a, n in zip(answers, annotations)],
        "lmms.vqav2": [vqav2.vqav2_process_results_val({"question_id": 1, "answers": copy.deepcopy(n["answers"])}, [a["text"]])["exact_match"] for a, n in zip(answers, annotations)],
        "lmms.textvqa": [textvqa.textvqa_process_results({"question_id": 1, "answers": [x["answer"] for x in n["answers"]]}, [a["text"]])["exact_match"] for a, n in zip(answers, annotations)],
    }
    files = {"v2_OpenEnded_mscoco_val2014_questions.json": json.dumps({"questions": questions}, ensure_ascii=False),
             "v2_mscoco_val2014_annotations.json": json.dumps({"annotations": annotations}, ensure_ascii=False)}
    return {"files": files, "answers": answers, "normalised": normalised, "expected": expected}


def gqa():
    rng = random.Random(5)
    words = ["yes", "no", "left", "Red", "red.", "the man", "t-shirt", "yes...", "Yes.", "no,", "", "ÉTÉ.", "on the left", "e.g.", "."]
    rows, answers, converted, hf = {}, [], [], []
    for i in range(210):
        truth = rng.choice(["yes", "no", "left", "red", "the man", "t-shirt", "été", "on the left"])
        said = truth if rng.random() < 0.4 else rng.choice(words)
        said = rng.choice([said, said + ".", said.upper(), said.capitalize() + "."])
        structure = "query" if truth not in ("yes", "no") else rng.choice(["verify", "logical"])
        if rng.random() < 0.1:
            structure = rng.choice(["choose", "compare"])
        rows[f"2{i:08d}"] = {"imageId": f"n{i // 3}", "question": f"Is it {i}?", "answer": truth, "isBalanced": True, "types": {"structural": structure, "semantic": "rel", "detailed": "x"}}
        answers.append({"question_id": f"2{i:08d}", "text": said})
        converted.append(said.rstrip(".").lower())
        table = str.maketrans("", "", string.punctuation)
        hf.append(float(said.lower().translate(table) == truth.lower().translate(table)))
    return {"files": {"testdev_balanced_questions.json": json.dumps(rows, ensure_ascii=False)}, "answers": answers, "expected": {"llava": converted, "lmms-eval": hf}}


def aokvqa(root):
    scope = {"__name__": "eval_predictions"}
    exec(compile((root / "evaluation/eval_predictions.py").read_text().replace("from load_aokvqa import load_aokvqa\n", ""), "eval_predictions.py", "exec"), scope)
    rng = random.Random(6)
    rows, direct, choice = [], {}, {}
    for i in range(220):
        choices = [f"thing {i} {k}" for k in range(4)]
        answers = [rng.choice(["ring", "Ring", "wing", "a ring"][:rng.randint(1, 4)]) for _ in range(10)]
        rows.append({"split": "val", "question_id": f"q{i}", "image_id": i, "question": f"What is {i}?", "choices": choices, "correct_choice_idx": rng.randrange(4), "direct_answers": answers,
                     "difficult_direct_answer": rng.random() < 0.1, "rationales": []})
        direct[f"q{i}"] = rng.choice(["ring", "Ring", "wing", "king", "a ring"])
        choice[f"q{i}"] = rng.choice(choices[:2])
    predictions = {q: {"multiple_choice": choice[q], "direct_answer": direct[q]} for q in direct}
    return {"files": {"aokvqa_v1p0_val.json": json.dumps(rows), "predictions.json": json.dumps(predictions)}, "answers": [{"question_id": q, "text": a} for q, a in direct.items()],
            "expected": {"direct": scope["eval_aokvqa"](rows, direct), "choice": scope["eval_aokvqa"](rows, choice, multiple_choice=True)}}


def main():
    llava, vqa_root, aok, lmms = map(Path, sys.argv[1:])
    for name, fixture in {"vqa": vqa(llava, vqa_root, lmms), "gqa": gqa(), "aokvqa": aokvqa(aok)}.items():
        (OUT / f"{name}.json").write_text(json.dumps(fixture, ensure_ascii=False, indent=0) + "\n")
        print(name, len(fixture["answers"]), "answers")


main()
