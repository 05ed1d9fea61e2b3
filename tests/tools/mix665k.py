#!/usr/bin/env python3
"""Writes a stand-in of llava_v1_5_mix665k.json: its ten parts at their real sizes, in its layout, about as long.

    mix665k.py FOLDER [--share 1.0] [--pictures none|one|all] [--parts]

FOLDER/llava_v1_5_mix665k.json, or with --parts FOLDER/mix665k/PART.json: as recipes/lib/mix665k.toml and mix665k-parts.toml read
them with data = FOLDER. For --pictures the folders of pictures beside them: 'all' makes a PNG for every name, 'one' hard links to
a single one. Text is drawn from a fixed vocabulary; the same arguments give the same bytes.
Standard library only.
"""
import argparse
import json
import os
import random
import struct
import zlib
from pathlib import Path

# rows, question-answer pairs a row (least, most), words of an answer (least, most), pictures' folder and how many of them
PARTS = {
    "llava_instruct": (157712, (1, 4), (8, 90), "coco/train2017", 81479),
    "sharegpt": (40688, (1, 8), (20, 220), None, 0),
    "vqav2": (82783, (3, 8), (1, 2), "coco/train2017", 82783),
    "gqa": (72140, (5, 15), (1, 2), "gqa/images", 72140),
    "okvqa": (8998, (1, 2), (1, 3), "coco/train2017", 8998),
    "ocr_vqa": (80000, (3, 6), (1, 8), "ocr_vqa/images", 80000),
    "aokvqa": (66160, (1, 2), (1, 2), "coco/train2017", 16540),
    "textcaps": (21953, (1, 1), (8, 20), "textvqa/train_images", 21953),
    "refcoco": (48447, (2, 12), (4, 9), "coco/train2017", 24407),
    "visual_genome": (86417, (3, 12), (4, 9), "vg/VG_100K", 86417),
}
WORDS = ("the a of in on with and two three red small large dog cat table street person holding next to plate window sign "
         "near under above blue green left right standing sitting what where how many is are there yes no it").split()


def sentence(random_, least, most):
    return " ".join(random_.choices(WORDS, k=random_.randint(least, most)))


def row(part, number, random_):
    rows, pairs, words, folder, pictures = PARTS[part]
    turns = []
    for i in range(random_.randint(*pairs)):
        question = sentence(random_, 5, 12).capitalize() + "?"
        if words[1] <= 3:
            question += "\nAnswer the question using a single word or phrase." if i == 0 else ""
        if folder and i == 0:
            question = "<image>\n" + question if random_.random() < 0.9 else question + "\n<image>"
        turns += [{"from": "human", "value": question}, {"from": "gpt", "value": sentence(random_, *words).capitalize()}]
    out = {"id": f"{part}-{number}" if number % 50 else number, "conversations": turns}
    if folder:
        out["image"] = f"{folder}/{number % pictures:012d}.png"
    return out


def png(side):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    pixels = b"".join(b"\0" + bytes([y % 256, 80, 160] * side) for y in range(side))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b""))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--share", type=float, default=1.0, help="of each part's rows")
    arguments.add_argument("--pictures", choices=["none", "one", "all"], default="none")
    arguments.add_argument("--parts", action="store_true", help="a file for each part")
    said = arguments.parse_args()
    said.folder.mkdir(parents=True, exist_ok=True)
    random_, names, total = random.Random(665), {}, 0
    plan = []
    for part, (rows, *_rest) in PARTS.items():
        plan += [(part, number) for number in range(max(1, int(rows * said.share)))]
    if not said.parts:
        random_.shuffle(plan)
    files = {}
    for part, number in plan:
        name = f"mix665k/{part}.json" if said.parts else "llava_v1_5_mix665k.json"
        if name not in files:
            (said.folder / name).parent.mkdir(exist_ok=True)
            files[name] = open(said.folder / name, "w")
        one = row(part, number, random_)
        files[name].write(("[\n" if files[name].tell() == 0 else ",\n") + json.dumps(one))
        if "image" in one:
            names[one["image"]] = None
        total += 1
    for file in files.values():
        file.write("\n]\n")
        file.close()
    bytes_ = png(336)
    for name in names if said.pictures != "none" else []:
        path, first = said.folder / name, said.folder / "first.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            continue
        if not first.exists():
            first.write_bytes(bytes_)
        if said.pictures == "one":
            try:
                os.link(first, path)
                continue
            except OSError:  # a file system's limit of links
                first.unlink()
                first.write_bytes(bytes_)
        path.write_bytes(bytes_)
    print(f"{total} rows, {len(names)} pictures, {sum((said.folder / f).stat().st_size for f in files)} bytes")


if __name__ == "__main__":
    main()
