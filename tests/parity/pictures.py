"""Compares modules/image with Pillow and the processors of transformers, and makes tests/data/image for tests/modules/image.

    python tests/parity/pictures.py                makes the files (needs pillow; last made by the one in versions.json)
    python tests/parity/pictures.py --live BUILD   pictures of all kinds and shapes through BUILD/picture_values and through
                                                   pillow and transformers; exits with 1 where they differ
    python tests/parity/pictures.py --speed BUILD  decoding and preprocessing side by side, one thread each

The last two need transformers==4.57.6, torch and cjpeg (libjpeg-turbo-progs).
"""

import argparse
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time

import PIL
from PIL import Image, ImageOps

import picture_kinds

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "data" / "image"
FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
LAST = "channels_last"  # else pictures 1 or 3 pixels high are taken for channels
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)


def as_rgb(path: pathlib.Path) -> Image.Image:
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


# ---- our side ----


def ours(build: pathlib.Path, jobs: list[dict]) -> list[bytes | str]:
    """What picture_values answers; a str is an error."""
    with tempfile.TemporaryDirectory() as folder:
        listing, answers = pathlib.Path(folder, "jobs"), pathlib.Path(folder, "answers")
        listing.write_text("".join(json.dumps(job) + "\n" for job in jobs))
        subprocess.run([build / "picture_values", listing, answers], check=True)
        data, at, out = answers.read_bytes(), 0, []
        while at < len(data):
            failed, size = struct.unpack_from("<BQ", data, at)
            body = data[at + 9 : at + 9 + size]
            out.append(body.decode() if failed else body)
            at += 9 + size
    assert len(out) == len(jobs), (len(out), len(jobs))
    return out


def packed(image: Image.Image) -> bytes:
    return struct.pack("<ii", *image.size) + image.tobytes()


# ---- live ----


class Tally:
    def __init__(self) -> None:
        self.failed = 0

    def line(self, what: str, good: bool, text: str) -> None:
        self.failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {what}: {text}")


def pixels_of(file: pathlib.Path) -> bytes | None:
    try:
        return packed(as_rgb(file))
    except (OSError, EOFError, SyntaxError, ValueError):
        return None


def compare_truncated(build: pathlib.Path, folder: pathlib.Path, rng: random.Random, tally: Tally) -> None:
    """Files cut short: what Pillow refuses we refuse, what we read are Pillow's pixels. We may refuse more."""
    files = []
    for name, data in picture_kinds.all_kinds(picture_kinds.photo(rng, 41, 30), rng).items():
        whole = data()
        for left in [len(whole) - rng.randint(1, 40) for _ in range(6)] + [rng.randint(1, len(whole) - 1) for _ in range(4)]:
            files.append(folder / f"cut{left}-{name}")
            files[-1].write_bytes(whole[:left])
    answers = ours(build, [{"do": "decode", "file": str(file)} for file in files])
    right = [pixels_of(file) for file in files]
    wrong = [file.name for file, answer, pillow in zip(files, answers, right) if isinstance(answer, bytes) and answer != pillow]
    stricter = sum(isinstance(answer, str) and pillow is not None for answer, pillow in zip(answers, right))
    tally.line("truncated", not wrong, f"{len(files)} files, read where Pillow refuses or other bytes: {wrong or 'none'}; refused where Pillow reads: {stricter}")


def compare_decoding(build: pathlib.Path, files: list[pathlib.Path], tally: Tally) -> list[pathlib.Path]:
    """Returns the files that Pillow reads."""
    answers = ours(build, [{"do": "decode", "file": str(file)} for file in files])
    wrong, read = [], []
    for file, answer in zip(files, answers):
        right = pixels_of(file)
        if right is not None:
            read.append(file)
        if (right is None) != isinstance(answer, str) or (isinstance(answer, bytes) and answer != right):
            wrong.append(f"{file.name} ({answer if isinstance(answer, str) else 'other bytes' if right else 'refused by Pillow'})")
    tally.line("decode", not wrong, f"{len(files)} files ({len(files) - len(read)} of them refused), other than Pillow: {wrong or 'none'}")
    return read


def compare_resizing(build: pathlib.Path, folder: pathlib.Path, rng: random.Random, tally: Tally) -> None:
    jobs, expected = [], []
    for name, number in FILTERS.items():
        for i in range(120):
            width, height = rng.randint(1, 130), rng.randint(1, 130)
            image = picture_kinds.noise(rng, width, height)
            path = folder / f"resize-{name}-{i}.png"
            image.save(path)
            # Half of them near the border where Pillow changes which pass comes first.
            less = rng.randint(0, 40)
            to = (max(1, width - less), max(1, height - 2 * less + rng.randint(-1, 1))) if i % 2 else (rng.randint(1, 200), rng.randint(1, 200))
            jobs.append({"do": "resize", "file": str(path), "width": to[0], "height": to[1], "filter": number})
            expected.append(packed(image.resize(to, Image.Resampling(number))))
    wrong = [job for job, answer, right in zip(jobs, ours(build, jobs), expected) if answer != right]
    tally.line("resize", not wrong, f"{len(jobs)} pairs of sizes, six filters, other than Pillow: {len(wrong)} {wrong[:3]}")


def processors():
    from transformers import BitImageProcessor, CLIPImageProcessor, LlavaImageProcessor, SiglipImageProcessor

    clip = {"size": {"shortest_edge": 336}, "crop_size": {"height": 336, "width": 336}}
    return {
        "CLIP 336": CLIPImageProcessor(**clip),
        "CLIP odd": CLIPImageProcessor(size={"shortest_edge": 97}, crop_size={"height": 101, "width": 64}, resample=1),
        "SigLIP 384": SiglipImageProcessor(size={"height": 384, "width": 384}),
        "SigLIP wide": SiglipImageProcessor(size={"height": 90, "width": 150}, resample=2),
        "Dinov2": BitImageProcessor(size={"shortest_edge": 256}, image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]),
        "LLaVA pad": LlavaImageProcessor(do_pad=True, **clip),
        "CLIP plain": CLIPImageProcessor(do_rescale=False, **clip),
    }


def compare_values(what: str, got: list, right: list, files: list[pathlib.Path], tally: Tally) -> None:
    import numpy as np

    most, near, count, errors, shapes = 0.0, 0, 0, [], 0
    for file, answer, expected in zip(files, got, right):
        if isinstance(answer, str):
            errors.append(answer)
            continue
        mine = np.frombuffer(answer, dtype=np.float32)
        if mine.size != expected.size:
            shapes += 1
            continue
        difference = np.abs(mine - expected.ravel())
        most = max(most, float(difference.max()))
        near += int((difference <= 2e-3).sum())
        count += difference.size
    share = near / max(count, 1)
    good = not errors and not shapes and most <= 1 / 255 and share >= 0.999
    tally.line(what, good, f"{len(files)} pictures, largest difference {most:.2e}, within 2e-3: {100 * share:.4f} %"
               + (f", errors {errors[:3]}" if errors else "") + (f", {shapes} of another size" if shapes else ""))


def compare_processors(build: pathlib.Path, files: list[pathlib.Path], tally: Tally) -> None:
    import numpy as np

    for name, processor in processors().items():
        config = json.loads(processor.to_json_string())
        jobs = [{"do": "values", "file": str(file), "processor": config, "aspect": "square"} for file in files]
        right = [np.asarray(processor(as_rgb(file), input_data_format=LAST)["pixel_values"][0]) for file in files]
        compare_values(name, ours(build, jobs), right, files, tally)
    # LLaVA's own code: expand2square, then CLIP's processor.
    from transformers import CLIPImageProcessor

    clip = CLIPImageProcessor(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336})
    jobs = [{"do": "values", "file": str(file), "processor": json.loads(clip.to_json_string()), "aspect": "pad"} for file in files]
    right = [np.asarray(clip(padded(as_rgb(file)), input_data_format=LAST)["pixel_values"][0]) for file in files]
    compare_values("aspect pad", ours(build, jobs), right, files, tally)


def padded(picture: Image.Image) -> Image.Image:
    longer = max(picture.size)
    out = Image.new("RGB", (longer, longer), tuple(int(mean * 255) for mean in CLIP_MEAN))
    out.paste(picture, ((longer - picture.width) // 2, (longer - picture.height) // 2))
    return out


def compare_anyres(build: pathlib.Path, files: list[pathlib.Path], rng: random.Random, tally: Tally) -> None:
    import numpy as np
    import torch
    from transformers import LlavaNextImageProcessor
    from transformers.image_processing_utils import select_best_resolution
    from transformers.models.llava_next import modeling_llava_next as model

    clip = {"size": {"shortest_edge": 336}, "crop_size": {"height": 336, "width": 336}}
    odd = [[100, 250], [250, 100], [200, 200]]
    for name, processor in {
        "LLaVA-NeXT": LlavaNextImageProcessor(**clip),
        "LLaVA-NeXT odd": LlavaNextImageProcessor(size={"shortest_edge": 80}, crop_size={"height": 80, "width": 80}, image_grid_pinpoints=odd),
    }.items():
        config = json.loads(processor.to_json_string())
        some = [file for i, file in enumerate(files) if i % 4 == 0]
        jobs = [{"do": "tiles", "file": str(file), "processor": config} for file in some]
        right = [np.asarray(processor(as_rgb(file), input_data_format=LAST)["pixel_values"][0]) for file in some]
        compare_values(f"tiles of {name}", ours(build, jobs), right, some, tally)

    # Arithmetic: all sizes near the borders between resolutions come up among these.
    side, patches = 336, 24
    pinpoints = LlavaNextImageProcessor().image_grid_pinpoints
    sizes = [[rng.randint(1, 1500), rng.randint(1, 1500)] for _ in range(20000)]
    sizes += [[a * h // b, a * w // b] for h, w in pinpoints for a in range(1, 60) for b in (1, 7, 30, 100) if min(a * h // b, a * w // b) > 0]
    config = json.loads(LlavaNextImageProcessor(**clip).to_json_string())
    answer = np.frombuffer(ours(build, [{"do": "anyres", "processor": config, "sizes": sizes, "side": side, "patches": patches}])[0], np.int32)
    wrong = 0
    for size, row in zip(sizes, answer.reshape(-1, 10).tolist()):
        best = select_best_resolution(size, pinpoints)
        grid = model.get_anyres_image_grid_shape(size, pinpoints, side)
        numbers = torch.arange(grid[0] * grid[1] * patches * patches).reshape(1, grid[0] * patches, grid[1] * patches)
        kept = model.unpad_image(numbers, size)
        # Of a thread nothing is left: then there is no corner to compare.
        top, left = divmod(int(kept[0, 0, 0]), grid[1] * patches) if kept.numel() else row[5:7]
        right = [*best, *grid, model.image_size_to_num_patches(size, pinpoints, side), top, left, *kept.shape[1:],
                 patches * patches + kept.shape[1] * (kept.shape[2] + 1)]
        wrong += row != right
    tally.line("anyres arithmetic", wrong == 0, f"{len(sizes)} sizes, other than transformers: {wrong}")


def live(build: pathlib.Path) -> None:
    import transformers

    print(f"pillow {PIL.__version__}, transformers {transformers.__version__}")
    rng, tally = random.Random(11), Tally()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        files = picture_kinds.write_all(folder, rng, 200)
        files = compare_decoding(build, files, tally)
        compare_truncated(build, folder, rng, tally)
        compare_resizing(build, folder, rng, tally)
        compare_processors(build, files, tally)
        compare_anyres(build, files, rng, tally)
    sys.exit(tally.failed > 0)


# ---- speed ----


def speed(build: pathlib.Path) -> None:
    import torch
    from transformers import CLIPImageProcessor

    torch.set_num_threads(1)
    clip = CLIPImageProcessor(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336})
    file = FOLDER / "speed.jpg"
    job = {"do": "values", "file": str(file), "processor": json.loads(clip.to_json_string()), "aspect": "square"}
    best = {"ours": 1e9, "theirs": 1e9}
    for _ in range(7):  # in turns, so that both meet the same machine
        start = time.process_time()
        for _ in range(20):
            clip(as_rgb(file), return_tensors="np")
        best["theirs"] = min(best["theirs"], (time.process_time() - start) / 20)
        used = os.times().children_user + os.times().children_system
        ours(build, [job | {"repeat": 200}])
        best["ours"] = min(best["ours"], (os.times().children_user + os.times().children_system - used) / 200)
    print(f"640 x 480 JPEG to 336 x 336: ours {1e3 * best['ours']:.2f} ms, Pillow and transformers {1e3 * best['theirs']:.2f} ms, "
          f"{best['theirs'] / best['ours']:.1f} times as fast")


# ---- fixtures ----


def fixtures() -> None:
    """Each file beside what Pillow makes of it: NAME and NAME.rgb.png."""
    for old in FOLDER.glob("*"):
        old.unlink()
    FOLDER.mkdir(parents=True, exist_ok=True)
    rng = random.Random(7)
    source = picture_kinds.photo(rng, 37, 23)  # no factor is whole
    source.save(FOLDER / "source.png")
    for name, number in FILTERS.items():
        for width, height in [(24, 24), (64, 48), (7, 5), (36, 22), (100, 9), (33, 13)]:
            source.resize((width, height), Image.Resampling(number)).save(FOLDER / f"resized_{name}_{width}x{height}.png")
    padded(source).save(FOLDER / "padded.png")
    picture_kinds.photo(random.Random(5), 640, 480).save(FOLDER / "speed.jpg", quality=90)
    for file in picture_kinds.write_kinds(FOLDER, source, rng):
        try:
            right = as_rgb(file)
        except OSError:  # no_end.jpg: whether the end marker is missed depends on the bits before it
            file.unlink()
            continue
        Image.frombytes("RGB", right.size, right.tobytes()).save(FOLDER / f"{file.name}.rgb.png", optimize=True)  # without metadata
    (FOLDER / "versions.json").write_text(json.dumps({"pillow": PIL.__version__}) + "\n")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--live", type=pathlib.Path)
    arguments.add_argument("--speed", type=pathlib.Path)
    given = arguments.parse_args()
    if given.live:
        live(given.live)
    elif given.speed:
        speed(given.speed)
    else:
        fixtures()


if __name__ == "__main__":
    main()
