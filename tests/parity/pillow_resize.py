"""Makes tests/data/image: what Pillow reads and resizes, for tests/modules/image.

    python tests/parity/pillow_resize.py          makes the files (needs pillow; last made by the one in versions.json)
    python tests/parity/pillow_resize.py --order  checks the rule by which Pillow orders its two passes (needs numpy, too)
"""

import json
import pathlib
import random
import struct
import sys
import zlib

import PIL
from PIL import Image

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "data" / "image"
SIZES = [(24, 24), (64, 48), (37, 50), (80, 23), (7, 5), (1, 1), (36, 22), (100, 9), (33, 13)]


def source() -> Image.Image:
    """Smooth, hard edges and noise: 37 x 23, so that no factor is whole."""
    rng = random.Random(7)
    picture = Image.new("RGB", (37, 23))
    for y in range(23):
        for x in range(37):
            if x < 12:
                colour = (x * 20, y * 11, 255 - x * 15)
            elif x < 24:
                colour = (255, 255, 255) if (x // 3 + y // 3) % 2 else (0, 0, 0)
            else:
                colour = tuple(rng.randrange(256) for _ in range(3))
            picture.putpixel((x, y), colour)
    return picture


def write_rgb16(path: pathlib.Path) -> None:
    """16 bits a channel, which Pillow reads but cannot write."""
    rng = random.Random(8)
    rows = b"".join(b"\0" + struct.pack(">15H", *(rng.randrange(65536) for _ in range(15))) for _ in range(4))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 5, 4, 16, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def square(picture: Image.Image, side: int) -> None:
    """LLaVA's image_aspect_ratio: pasted on the mean colour (expand2square), and CLIP's resize with a cut from the middle."""
    width, height = picture.size
    longer, shorter = max(width, height), min(width, height)
    padded = Image.new("RGB", (longer, longer), tuple(int(mean * 255) for mean in (0.48145466, 0.4578275, 0.40821073)))
    padded.paste(picture, ((longer - width) // 2, (longer - height) // 2))
    padded.resize((side, side), Image.Resampling.BICUBIC).save(FOLDER / f"padded_{side}.png")
    whole = picture.resize((int(side * width / shorter), int(side * height / shorter)), Image.Resampling.BICUBIC)
    left, top = (whole.width - side) // 2, (whole.height - side) // 2
    whole.crop((left, top, left + side, top + side)).save(FOLDER / f"cut_{side}.png")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    picture = source()
    picture.save(FOLDER / "source.png")
    for width, height in SIZES:
        picture.resize((width, height), Image.Resampling.BICUBIC).save(FOLDER / f"resized_{width}x{height}.png")

    square(picture, 24)
    small = picture.resize((16, 10))
    small.convert("L").save(FOLDER / "grey.png")
    small.convert("1").save(FOLDER / "bits.png")
    palette = small.quantize(13)
    palette.save(FOLDER / "palette.png", transparency=3)
    alpha = small.convert("RGBA")
    alpha.putalpha(small.convert("L"))
    alpha.save(FOLDER / "alpha.png")
    write_rgb16(FOLDER / "rgb16.png")
    for name in ["grey", "bits", "palette", "alpha", "rgb16"]:
        Image.open(FOLDER / f"{name}.png").convert("RGB").save(FOLDER / f"{name}_rgb.png")
    (FOLDER / "versions.json").write_text(json.dumps({"pillow": PIL.__version__}) + "\n")


def kernel(x: float) -> float:
    x = abs(x)
    if x < 1:
        return (1.5 * x - 2.5) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * -0.5 if x < 2 else 0.0


def order() -> None:
    """Resizes noise with either pass first and compares with Pillow; exits with 1 when the rule of resize.cpp fails."""
    import numpy as np

    def weights(size: int, to: int) -> np.ndarray:
        scale = size / to
        stretch = max(scale, 1.0)
        out = np.zeros((to, size), dtype=np.int64)
        for i in range(to):
            center = (i + 0.5) * scale
            columns = range(max(0, int(center - 2 * stretch + 0.5)), min(size, int(center + 2 * stretch + 0.5)))
            values = [kernel((x - center + 0.5) / stretch) for x in columns]
            for x, value in zip(columns, values):
                share = value / sum(values) * (1 << 22)
                out[i, x] = int(share + (-0.5 if share < 0 else 0.5))
        return out

    def apply(matrix: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return np.clip((matrix @ rows + (1 << 21)) >> 22, 0, 255)

    rng = random.Random(3)
    noise = np.random.default_rng(1)
    cases = []
    for _ in range(400):
        cases.append(tuple(rng.randint(2, 120) for _ in range(2)) + tuple(rng.randint(1, 200) for _ in range(2)))
        less = rng.randint(1, 40)
        width, height = rng.randint(less + 1, 100), rng.randint(2 * less + 1, 160)
        cases += [(width, height, width - less, max(1, height - 2 * less + off)) for off in (-1, 0, 1)]  # at the border
    told = wrong = 0
    for width, height, to_width, to_height in cases:
        pixels = np.where(noise.random((height, width)) < 0.5, 255 * noise.integers(0, 2, (height, width)),
                          noise.integers(0, 256, (height, width)))
        image = Image.fromarray(pixels.astype(np.uint8)).convert("RGB")
        pillow = np.asarray(image.resize((to_width, to_height), Image.Resampling.BICUBIC))[:, :, 0]
        across, down = weights(width, to_width), weights(height, to_height)
        width_first = (apply(down, apply(across, pixels.T).T) == pillow).all()
        height_first = (apply(across, apply(down, pixels).T).T == pillow).all()
        rule = to_height < height and height - to_height > 2 * (width - to_width)
        told += width_first != height_first
        wrong += not (height_first if rule else width_first)
    print(f"{len(cases)} pairs of sizes, {told} of them tell the order, {wrong} against the rule")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    order() if "--order" in sys.argv else main()
