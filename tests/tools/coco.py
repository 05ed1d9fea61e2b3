#!/usr/bin/env python3
"""Writes a stand-in of COCO's train2017: captions.json and instances.json with the real counts, about as long.

    coco.py FOLDER [--share 1.0] [--pictures]

118,287 pictures, 591,753 captions, 860,001 boxes with outlines, 80 categories, each file one line. --pictures: FOLDER/images,
hard links to one PNG. The same arguments give the same bytes. Standard library only.
"""
import argparse
import json
import os
import random
from pathlib import Path

from mix665k import WORDS, png

PICTURES, CAPTIONS, BOXES, CATEGORIES = 118287, 591753, 860001, 80


def write(path, **arrays):
    with open(path, "w") as file:
        for i, (name, entries) in enumerate(arrays.items()):
            file.write(("{" if i == 0 else "],") + f'"{name}":[')
            for k, entry in enumerate(entries):
                file.write(("," if k else "") + json.dumps(entry))
        file.write("]}")
    return path.stat().st_size


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--share", type=float, default=1.0, help="of the pictures")
    arguments.add_argument("--pictures", action="store_true", help="FOLDER/images")
    said = arguments.parse_args()
    said.folder.mkdir(parents=True, exist_ok=True)
    random_ = random.Random(2017)
    count = max(1, int(PICTURES * said.share))
    ids = random_.sample(range(1, 6 * count), count)

    def images():
        for id_ in ids:
            yield {"license": 3, "file_name": f"{id_:012d}.jpg", "coco_url": f"http://images.cocodataset.org/train2017/{id_:012d}.jpg", "height": 427,
                   "width": 640, "date_captured": "2013-11-14 11:18:45", "flickr_url": "http://farm9.staticflickr.com/8186/8119368305_4e622c8349_z.jpg", "id": id_}

    def captions():
        for i in range(max(count, int(CAPTIONS * said.share))):
            yield {"image_id": ids[i] if i < count else random_.choice(ids), "id": i, "caption": " ".join(random_.choices(WORDS, k=random_.randint(8, 14))).capitalize() + "."}

    def boxes():
        for i in range(int(BOXES * said.share)):
            outline = [round(random_.uniform(0, 640), 2) for _ in range(2 * random_.randint(8, 50))]
            yield {"segmentation": [outline], "area": 702.1057499999998, "iscrowd": 0, "image_id": random_.choice(ids),
                   "bbox": [round(random_.uniform(0, 300), 2), round(random_.uniform(0, 200), 2), round(random_.uniform(1, 300), 2), round(random_.uniform(1, 200), 2)],
                   "category_id": random_.randint(1, CATEGORIES), "id": i}

    bytes_ = write(said.folder / "captions.json", images=images(), annotations=captions())
    bytes_ += write(said.folder / "instances.json", images=images(), annotations=boxes(), categories=[{"id": i + 1, "name": f"kind {i + 1}"} for i in range(CATEGORIES)])
    if said.pictures:
        folder = said.folder / "images"
        folder.mkdir(exist_ok=True)
        first = None
        for id_ in ids:
            path = folder / f"{id_:012d}.jpg"
            path.unlink(missing_ok=True)
            try:
                if first is None:
                    raise OSError
                os.link(first, path)
            except OSError:  # the first, or a file system's limit of links
                path.write_bytes(png(336))
                first = path
    print(f"{count} pictures, {bytes_} bytes")


if __name__ == "__main__":
    main()
