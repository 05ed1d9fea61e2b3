#!/usr/bin/env python3
"""Captions scored by pycocoevalcap 1.2 (PyPI; its tokenizer is Stanford's CoreNLP 3.4.1, so Java has to be there).

  captions.py                  writes tests/data/bench/caption_tokens.json and caption_scores.json
  captions.py --corpus FOLDER  writes lines.txt and tokens.txt there: a large corpus for `test_bench '[ptb-corpus]'`, which reads the
                               folder in SAUCIER_PTB_CORPUS; --real FILE adds the lines of a file of real captions
"""
import argparse
import json
import pathlib
import random

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

DATA = pathlib.Path(__file__).parent.parent / "data" / "bench"

WORDS = """a man woman dog dogs cat riding on the of with two St. Mr. Dr U.S. U.S.A. a.m. p.m. etc. No. 5 fig. 3 O'Reilly o'clock can't cannot
won't isn't it's they're I'm I'd we've y'all 'tis 'twas gonna wanna ma'am t-shirt T-shirts black/white and/or 1/2 3-4 3.5 1,000 $5 5% #1 @home
e-mail X-ray rock'n'roll 'n' '90s 90's the boys' "red" ``quoted'' 'quoted' (left) [right] {x} -- --- - ... .. . , ; : ? ! ?! & AT&T A&W C++
<unk> <b>x</b> http://a.com/b www.google.com google.com coca-cola.com me@x.org 10:30 10:30am 12/25/2014 555-1234 2x4 50th 1980s \u00bd \u00bc caf\u00e9
na\u00efve r\u00e9sum\u00e9 \u00a35 \u20ac10 \u00a2 \u00b0 70\u00b0 \u00d7 \u201chi\u201d \u2018hi\u2019 \u2019s \u2014 \u2013 \u2026 \u200b \U0001f600 :) :-) ;) =) :D x_x (^_^) >_< a_b __ * ** + = / \\ | ~ ^ ` '' don\u2019t Mrs.
Jan. Feb. Co. Inc. Jr. vs. Ave. Blvd. Mt. Ft. a.k.a. Ph.D. cont'd C'mon s'mores li'l d'oeuvres L'eggs jack-o'-lantern merry-go-round
state-of-the-art man's men's James' dog.the dog,cat dog;cat dog!cat end. end.. end... The He In A This pro-life c'est a.jpg photo.png, ca. no.
Miss. Ill. May #hashtag @some_one 100,000.50 -5 10-year-old 6'2" 5'10 5ft. lb. oz. .5 1st. b/w w/ &amp; &quot; &lt; &nbsp; &#39; &apos; 's 't
n't O' d' 'd 'll 'em Dunkin' Wendy's McDonald's ABC's A's 70's. USA. M&M's &QUOT; <a href="x">""".split()
JOINTS = ["", ", ", ". ", " . ", ".", "  ", "-", "'", '"', "/", "'s ", "? ", "! ", "; ", ": ", " (", ") ", "\u00a0", "\t"]
ALPHABETS = ["abnNtTsdlyUSo.'-, ", "aB1 .,'-/\"():;?!&#@_*+=<>[]{}\\$%^~|`", "a\u00e91\u00bd\u00b0\u2019\u2018\u201c\u201d\u2014\u2026\u00a0\u00ad\u20ac\u00a3'. -A", "0123456789-/., ()+\u00a0"]
SUBJECTS = ["a man", "two women", "a brown dog", "the cat", "a group of people", "an old train", "three zebras", "a kid's bike", "a red-and-white bus"]
VERBS = ["riding", "standing on", "sitting next to", "looking at", "walking past", "isn't near", "eats"]
OBJECTS = ["a surfboard", "the grass", "a table", "1 1/2 pizzas", "a \"STOP\" sign", "St. Mark's square", "a t-shirt", "the U.S. flag", "a cup of tea", "plan b."]
TAILS = ["", ".", " .", " in the rain.", " (at night)", ", and a tree", " with 2 umbrellas!", " - it's sunny", "...", " @ 5 p.m."]


def odd(rng):
    line = ""
    for _ in range(rng.randint(0, 9)):
        word = rng.choice(WORDS)
        draw = rng.random()
        line += (word.upper() if draw < 0.05 else word.capitalize() if draw < 0.15 else word) + (" " if rng.random() < 0.8 else rng.choice(JOINTS))
    return line.strip() + "." if rng.random() < 0.5 else line


def noise(rng):
    alphabet = rng.choice(ALPHABETS)
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(0, 25)))


def usual(rng):
    line = f"{rng.choice(SUBJECTS)} {rng.choice(VERBS)} {rng.choice(OBJECTS)}{rng.choice(TAILS)}"
    return line[0].upper() + line[1:] if rng.random() < 0.5 else line


def tokens_of(lines):
    found = PTBTokenizer().tokenize({i: [{"caption": line}] for i, line in enumerate(lines)})
    return [found[i][0] for i in range(len(lines))]


def fixtures():
    rng = random.Random(20140404)
    lines = ["", " ", "\n", "two\nlines", "."] + [odd(rng) for _ in range(400)] + [noise(rng) for _ in range(200)] + [usual(rng) for _ in range(60)]
    rows = [{"caption": line, "tokens": tokens} for line, tokens in zip(lines, tokens_of(lines))]
    write("caption_tokens.json", rows)

    references = {i: [usual(rng) if rng.random() < 0.9 else odd(rng) for _ in range(rng.choice([1, 2, 5, 5, 5, 6]))] for i in range(240)}
    captions = {i: [rng.choice([usual(rng), usual(rng), odd(rng), rng.choice(references[i]), rng.choice(references[i]).split(" ")[0], ""])] for i in references}
    tokenise = lambda texts: PTBTokenizer().tokenize({i: [{"caption": text} for text in some] for i, some in texts.items()})
    gts, res = tokenise(references), tokenise(captions)
    bleu, bleus = Bleu(4).compute_score(gts, res, verbose=0)
    rouge, rouges = Rouge().compute_score(gts, res)
    cider, ciders = Cider().compute_score(gts, res)
    pictures = [{"references": references[i], "caption": captions[i][0], "cider": float(ciders[i]), "rouge_l": float(rouges[i]),
                 "bleu": [bleus[n][i] for n in range(4)]} for i in references]
    write("caption_scores.json", {"cider": float(cider), "rouge_l": float(rouge), "bleu": bleu, "pictures": pictures})


def write(name, value):
    rows = value if isinstance(value, list) else value["pictures"]
    text = ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows)
    if isinstance(value, list):
        text = "[\n" + text + "\n]\n"
    else:
        rest = json.dumps({k: v for k, v in value.items() if k != "pictures"})[:-1]
        text = rest + ', "pictures": [\n' + text + "\n]}\n"
    (DATA / name).write_text(text)


def corpus(folder, real):
    rng = random.Random(1)
    lines = [odd(rng) for _ in range(60000)] + [noise(rng) for _ in range(60000)] + [usual(rng) for _ in range(20000)]
    if real:
        lines = [" ".join(line.split()) for line in pathlib.Path(real).read_text().split("\n")] + lines
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lines.txt").write_text("\n".join(lines))
    (folder / "tokens.txt").write_text("\n".join(tokens_of(lines)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", type=pathlib.Path)
    parser.add_argument("--real")
    arguments = parser.parse_args()
    corpus(arguments.corpus, arguments.real) if arguments.corpus else fixtures()


main()
