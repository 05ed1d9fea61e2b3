#!/usr/bin/env python3
"""How well copies of pictures are recognised by `saucier overlap`, and how often different ones are taken for copies.

    near_pictures.py SAUCIER FOLDER...

Every picture of the folders is a held-out one. Each row of the table is a source of changed copies of all of them, then one of
other pictures: those of every second folder entry against the rest. Needs Pillow.
"""
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageEnhance


def jpeg(picture, quality):
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def cropped(picture, percent):
    x, y = (round(side * percent / 100) for side in picture.size)
    return picture.crop((x, y, picture.width - x, picture.height - y))


def scaled(picture, part):
    return picture.resize([max(1, round(side * part)) for side in picture.size], Image.BICUBIC)


CHANGES = {
    "png": lambda p: p,
    "jpeg85": lambda p: jpeg(p, 85),
    "jpeg50": lambda p: jpeg(p, 50),
    "half": lambda p: scaled(p, 0.5),
    "quarter": lambda p: scaled(p, 0.25),
    "square336": lambda p: p.resize((336, 336), Image.BICUBIC),
    "half-jpeg50": lambda p: jpeg(scaled(p, 0.5), 50),
    "darker": lambda p: ImageEnhance.Brightness(p).enhance(0.8),
    "brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.2),
    "flatter": lambda p: ImageEnhance.Contrast(p).enhance(0.8),
    "crop1": lambda p: cropped(p, 1),
    "crop2": lambda p: cropped(p, 2),
    "crop4": lambda p: cropped(p, 4),
}


def main():
    saucier = Path(sys.argv[1]).resolve()
    files = sorted(file for folder in sys.argv[2:] for file in Path(folder).iterdir() if file.suffix in (".png", ".jpg"))
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        recipe = ['recipe = 1', 'name = "near"', '[model]', 'language_model = { init = "random" }', 'vision_tower = { init = "random" }']

        def source(name, pictures, held_out=None):
            (work / name).mkdir()
            rows = []
            for i, picture in pictures:
                picture.save(work / name / f"{i}.png")
                rows.append(json.dumps({"id": str(i), "image": f"{i}.png", "conversations": [{"from": "human", "value": f"<image>\n{name} {i}"}, {"from": "gpt", "value": "."}]}))
            (work / f"{name}.jsonl").write_text("\n".join(rows))
            recipe.extend([f"[data.{name}]", 'format = "llava"', f'path = "{name}.jsonl"', f'images = "{name}"'])
            if held_out:
                recipe.append(f'held_out = ["{held_out}"]')

        loaded = [Image.open(file).convert("RGB") for file in files]
        numbered = list(enumerate(loaded))
        source("originals", numbered)
        for name, change in CHANGES.items():
            source(name, [(i, change(picture)) for i, picture in numbered], "originals")
        source("even", numbered[::2])
        source("others", numbered[1::2], "even")
        names = [*CHANGES, "others"]
        weights = ", ".join(f'{name} = "natural"' for name in names)
        recipe += ["[mixture.all]", f"weights = {{ {weights} }}", "epochs = 1", "[[stage]]", 'name = "train"', 'kind = "train"', 'trains = ["projector"]', 'data = "mixture.all"']
        (work / "near.toml").write_text("\n".join(recipe) + "\n")
        done = subprocess.run([saucier, "overlap", "near.toml", "--json", "--examples", "100"], cwd=work, text=True, stdout=subprocess.PIPE, check=False)
        found = {pair["source"]: pair for pair in json.loads(done.stdout)["overlap"]}
        for name in names:
            pair = found[name]
            print(f"{name:12} {pair['same_picture']:6} same {pair['near_picture']:6} near of {pair['samples']}")
        for example in found["others"]["examples"]:
            print("others:", files[int(example["sample"])].name, files[int(example["other"]["sample"])].name)


if __name__ == "__main__":
    main()
