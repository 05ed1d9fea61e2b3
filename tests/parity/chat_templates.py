"""The chat templates that export writes, rendered by transformers, beside the conversations as they were trained on.

    python tests/parity/chat_templates.py BUILD_FOLDER [COUNT]    # conversations of each template; default 200

needs: pip install transformers==4.57.6; ninja conversation_texts in BUILD_FOLDER. Every named template and as many made up
of random parts, with the template's own system message, another one as a message, and none; contents as texts and as lists of
parts with pictures.
"""
import json
import pathlib
import random
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:] = [p for p in sys.path if pathlib.Path(p).resolve() != HERE]

from transformers.utils.chat_template_utils import render_jinja_template

NAMES = ("plain vicuna_v1 llava_v1 v1_mmtag llava_v0 v0_mmtag llama_2 llava_llama_2 mistral_instruct mpt chatml_direct qwen_2 llama_3 gemma phi_3 "
         "smollm").split()
WORDS = ["fox", "Füchse", "狐", "{{ x }}", "{% if %}", "\"quoted\"", "it's", "a\nb", "back\\slash", "<b>", "{#", "🦊", " spaced ", "\t", "###", "USER:"]


def answers(build, jobs):
    run = subprocess.run([build / "conversation_texts", "-"], input="".join(json.dumps(job) + "\n" for job in jobs), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def text(random_):
    return " ".join(random_.choices(WORDS, k=random_.randint(1, 6)))


def made_up(random_):
    part = lambda: random_.choice(["", text(random_), "\n", "<|x|>", "</s>"])
    form = {key: part() for key in ("system", "system_start", "system_end", "user", "user_end", "assistant", "answer_start", "assistant_end", "turn_end", "between", "closing", "picture_start", "picture_end")}
    return form | {key: random_.random() < 0.5 for key in ("system_in_user", "trim", "questions")}


def conversation(random_, position):
    """Our messages, and those that a chat template takes."""
    ours, theirs = [], []
    for i in range(random_.randint(1, 6)):
        said = text(random_)
        pictures = random_.choice([0, 0, 1, 2]) if i % 2 == 0 else 0
        content = [{"type": "image"}] * pictures + [{"type": "text", "text": said}]
        shown = said + "\n<image>" * pictures if position == "back" else "<image>\n" * pictures + said
        if random_.random() < 0.5:
            random_.shuffle(content)
        ours.append(shown)
        theirs.append({"role": ("user", "assistant")[i % 2], "content": content if random_.random() < 0.7 else shown})
    return ours, theirs


def main():
    build, count = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200
    random_ = random.Random(5)
    cases = 0
    for form in NAMES + [made_up(random_) for _ in NAMES]:
        for position in ("front", "back"):
            template = answers(build, [{"template": form, "system": "template", "image_position": position}])[0]["chat_template"]
            both = [conversation(random_, position) for _ in range(count)]
            systems = [random_.choice(["template", "none", text(random_)]) for _ in both]
            texts = answers(build, [{"template": form, "system": s, "learn": "answers", "messages": ours} for s, (ours, _) in zip(systems, both)])
            for system, expected, (_, theirs) in zip(systems, texts, both):
                messages = theirs if system == "template" else [{"role": "system", "content": "" if system == "none" else system}] + theirs
                rendered, _ = render_jinja_template([messages], chat_template=template, add_generation_prompt=True)
                if rendered[0] != expected["text"]:
                    sys.exit(f"{form}, {position}, system {system!r}:\n{rendered[0]!r}\n{expected['text']!r}\n{template}")
                cases += 1
    print(f"{cases} conversations in {2 * len(NAMES)} templates, no difference")


if __name__ == "__main__":
    main()
