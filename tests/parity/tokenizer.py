"""Makes tests/data/text: a tokenizer that saucier learned, and what Hugging Face `tokenizers` makes of it.

    python tests/parity/tokenizer.py BUILD_FOLDER     # needs: pip install tokenizers transformers

test_text learns and saves the tokenizer; `tokenizers` and `transformers` load it, and their ids, offsets and decoded
texts become the fixture that tests/modules/text/tokenizer.cpp compares with.
"""

import json
import os
import pathlib
import random
import subprocess
import sys

import tokenizers
import transformers

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "data" / "text"

SENTENCES = """A red apple lies to the left of two green pears on a wooden table.
How many animals are in the picture? There are 12 animals, 3 of which are dogs.
What's the color of the car? It's blue, and it isn't far from the tree.
The assistant gives helpful, detailed, and polite answers to the user's questions.
They've said that we'll see what I'd do; you're sure I'm right, don't they?
Le café est à côté de l'hôtel; où est le garçon naïf?
Übergrößenträger müssen größere Schuhe für 39,90 € kaufen.
Быстрая коричневая лиса прыгает через ленивую собаку.
日本語の文章とひらがな、カタカナ。
中文字符没有空格，也没有词尾。
한국어 문장도 있습니다.
مرحبا بالعالم، كيف حالك؟
שלום עולם
नमस्ते दुनिया, आप कैसे हैं?
สวัสดีชาวโลก
🍎 and 🍏 are apples; 👩‍👩‍👧 is a family, 🇩🇪 a flag, 👍🏽 a thumb.
def f(x):\n    return x ** 2  # squares\n\n\nprint(f(3))
{"key": [1, 2.5, -3e10], "text": "a\\nb"}
x1 = 3.14159; y_2=0xFF; 50% of 1,000,000 is ½ million (²√4) Ⅷ ١٢٣ १२३
USER: <image>\nWhat is this? ASSISTANT: A dog.</s>
<s>USER: hello <image> and</s><s> again <pad><pad>
<image><image>\n\n <image>\t<image>
no<image>space </ s> <image <IMAGE> <<s>>""".split("\n")

ODD = [
    "", " ", "  ", "   a", "a   ", "a  b", "\n", "\n\n", " \n ", "\t\t x", "a\r\nb", "a \n b", "12", " 12", "a12b", "1 2  3   4",
    "3.5", "x\u00a0y", "\u2003em", "a\u3000b", "\u180eq", "a\u180e b", "\u0085n", "\u2028l", "a\u200bb", "\ufeffbom", "e\u0301", "\u00e9",
    "'s", "it's", "IT'S", "we'll", "'tis", "''", "don't've", "\u2019s", "_a_b", "a-b", "a--b", "...", "?!", "hello,world", "\x00\x01",
    "\x7f", "\u00ad", "\U0001d54f", "\U0001f3fd", "\u0e33", "\ufffd", "<image>", " <image>", "<image> ", "\u00a0<image>", "\u3000 <image>x",
    "a <s> b", "a</s>b", "<pad>", "</s></s>", "< image>", "  <image>\n\n<image>  ", "\n<image>", "Q\n<image> ASSISTANT:", "A" * 300, "ab " * 90,
]


def texts():
    rng = random.Random(7)
    out = [s.replace("\\n", "\n") for s in SENTENCES] + ODD
    while len(out) < 230:
        a, b = rng.choice(out[:23]), rng.choice(out)
        cut = rng.randrange(len(a) + 1)
        out.append((a[:cut] + rng.choice(["", " ", "\n", "  ", "<image>", " <image>"]) + b)[:160])
    return out


def byte_offsets(text, offsets):
    starts = [0]
    for character in text:
        starts.append(starts[-1] + len(character.encode()))
    return [[starts[a], starts[b]] for a, b in offsets]


def main():
    build = pathlib.Path(sys.argv[1])
    FOLDER.mkdir(parents=True, exist_ok=True)
    rng = random.Random(3)
    lines = [s.replace("\\n", "\n") for s in SENTENCES]
    corpus = lines * 4 + [" ".join(rng.sample(line.split(), len(line.split()))) for line in lines for _ in range(4)]
    target = FOLDER / "tokenizer"
    corpus_file = build / "tokenizer-corpus.json"
    corpus_file.write_text(json.dumps(corpus))
    environment = dict(os.environ, SAUCIER_CORPUS=str(corpus_file), SAUCIER_TOKENIZER=str(target))
    subprocess.run([build / "test_text", "[fixture]"], check=True, env=environment)

    fast = tokenizers.Tokenizer.from_file(str(target / "tokenizer.json"))
    auto = transformers.AutoTokenizer.from_pretrained(target)
    assert (auto.bos_token_id, auto.eos_token_id, auto.pad_token_id) == (0, 1, 3), auto
    cases = []
    for text in texts():
        case = {"text": text}
        for name, specials_are_text in (("special", False), ("plain", True)):
            fast.encode_special_tokens = specials_are_text
            made = fast.encode(text, add_special_tokens=False)
            case[name] = {
                "ids": made.ids,
                "offsets": byte_offsets(text, made.offsets),
                "decoded": fast.decode(made.ids, skip_special_tokens=False),
                "decoded_without": fast.decode(made.ids, skip_special_tokens=True),
            }
        fast.encode_special_tokens = False
        # What transformers makes of it: the same, and text::encode's begin token when special tokens are added.
        assert auto(text, add_special_tokens=False)["input_ids"] == case["special"]["ids"], text
        assert auto(text)["input_ids"] == [0] + case["special"]["ids"], text
        if case["plain"] == case["special"]:
            case["plain"] = None
        cases.append(case)
    parts = []
    for text in texts():
        ids = fast.encode(text, add_special_tokens=False).ids
        if len(ids) > 3 and any(ord(c) > 127 for c in text):
            begin = rng.randrange(len(ids) - 2)
            cut = ids[begin:begin + 8]
            parts.append({"ids": cut, "text": fast.decode(cut)})
    (FOLDER / "tokenizer_cases.json").write_text(json.dumps(cases, ensure_ascii=False, separators=(",", ":")).replace('},{"text"', '},\n{"text"') + "\n")
    (FOLDER / "decode_cases.json").write_text(json.dumps(parts, ensure_ascii=False, separators=(",", ":")).replace("},{", "},\n{") + "\n")
    print(f"{len(cases)} texts, {len(parts)} cut texts; tokenizers {tokenizers.__version__}, transformers {transformers.__version__}")


main()
