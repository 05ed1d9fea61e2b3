"""Pictures of every kind that modules/image reads, made with Pillow, with cjpeg (libjpeg-turbo-progs) and by hand."""

import io
import pathlib
import random
import struct
import subprocess
import zlib
from collections.abc import Callable

from PIL import Image, ImageDraw

ORIENTATION = 0x0112
Kinds = dict[str, Callable[[], bytes]]  # by file name


def noise(rng: random.Random, width: int, height: int) -> Image.Image:
    """Random bytes, half of them black or white: what resizing overshoots on."""
    data = bytes(rng.choice((0, 255)) if rng.random() < 0.5 else rng.randrange(256) for _ in range(3 * width * height))
    return Image.frombytes("RGB", (width, height), data)


def photo(rng: random.Random, width: int, height: int) -> Image.Image:
    """Soft shades, hard edges and grain."""
    small = noise(rng, 5, 4)
    image = small.resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = rng.randint(-width // 4, width), rng.randint(-height // 4, height)
        box = (x, y, x + rng.randint(1, max(1, width // 2)), y + rng.randint(1, max(1, height // 2)))
        colour = tuple(rng.randrange(256) for _ in range(3))
        rng.choice((draw.ellipse, draw.rectangle))(box, fill=colour)
    grain = noise(rng, min(width, 64), min(height, 64)).resize((width, height), Image.Resampling.NEAREST)
    return Image.blend(image, grain, 0.08)


# ---- PNG by hand: what Pillow does not write ----


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, bits: int, colour: int, sample, interlaced: bool = False, extra: bytes = b"") -> bytes:
    """`sample(x, y)` gives the numbers of a pixel; colour 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)]
    rows = b""
    for left, top, across, down in passes:
        for y in range(top, height, down):
            numbers = [number for x in range(left, width, across) for number in sample(x, y)]
            if not numbers:
                continue
            packed = 0
            for number in numbers:
                packed = packed << bits | number
            spare = -len(numbers) * bits % 8
            rows += b"\0" + (packed << spare).to_bytes((len(numbers) * bits + 7) // 8, "big")
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def exif(orientation: int, big: bool = True) -> bytes:
    order = ">" if big else "<"
    body = struct.pack(order + "HHHII", 2, 0x0100, 3, 1, 0) + struct.pack(order + "HHI", ORIENTATION, 3, 1) + struct.pack(order + "HHI", orientation, 0, 0)
    return (b"MM\0*" if big else b"II*\0") + struct.pack(order + "I", 8) + body


def xmp(orientation: int, element: bool) -> bytes:
    value = f"<tiff:Orientation>{orientation}</tiff:Orientation>" if element else f'<rdf:Description tiff:Orientation="{orientation}"/>'
    return f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{value}</x:xmpmeta>".encode()


# ---- one of each kind ----


def png_kinds(picture: Image.Image, rng: random.Random) -> Kinds:
    def saved(image: Image.Image, **options) -> bytes:
        out = io.BytesIO()
        image.save(out, "PNG", **options)
        return out.getvalue()

    width, height = picture.size
    alpha = picture.convert("RGBA")
    alpha.putalpha(picture.convert("L"))
    grey_alpha = Image.merge("LA", (picture.convert("L"), picture.getchannel("G")))
    wide = lambda numbers: lambda x, y: [rng.randrange(65536) if rng.random() < 0.7 else rng.randrange(300) for _ in range(numbers)]
    rgb = picture.load()
    grey = picture.convert("L").load()
    colours = bytes(rng.randrange(256) for _ in range(30))
    raw_profile = b"\nexif\n" + f"{len(exif(8)):8}".encode() + b"\n" + exif(8).hex().encode() + b"\n"
    out = {
        "rgb.png": lambda: saved(picture),
        "grey.png": lambda: saved(picture.convert("L")),
        "bits.png": lambda: saved(picture.convert("1")),
        "palette.png": lambda: saved(picture.quantize(200), transparency=3),
        "palette16.png": lambda: saved(picture.quantize(13), transparency=bytes(range(0, 208, 16))),
        "palette4.png": lambda: saved(picture.quantize(4), bits=2),
        "palette2.png": lambda: saved(picture.quantize(2), bits=1),
        "alpha.png": lambda: saved(alpha),
        "grey_alpha.png": lambda: saved(grey_alpha),
        "clear_grey.png": lambda: saved(picture.convert("L"), transparency=100),
        "clear_rgb.png": lambda: saved(picture, transparency=(10, 20, 30)),
        "exif6.png": lambda: saved(picture, exif=b"Exif\0\0" + exif(6)),
        "rgb16.png": lambda: png(width, height, 16, 2, wide(3)),
        "grey16.png": lambda: png(width, height, 16, 0, wide(1)),
        "grey16_clear.png": lambda: png(width, height, 16, 0, wide(1), extra=chunk(b"tRNS", b"\0\7")),
        "rgba16.png": lambda: png(width, height, 16, 6, wide(4)),
        "grey_alpha16.png": lambda: png(width, height, 16, 4, wide(2)),
        "grey2.png": lambda: png(width, height, 2, 0, lambda x, y: [grey[x, y] >> 6]),
        "grey4_interlaced.png": lambda: png(width, height, 4, 0, lambda x, y: [grey[x, y] >> 4], True),
        "interlaced.png": lambda: png(width, height, 8, 2, lambda x, y: rgb[x, y], True),
        "interlaced16.png": lambda: png(width, height, 16, 0, wide(1), True),
        "palette_interlaced.png": lambda: png(width, height, 4, 3, lambda x, y: [grey[x, y] >> 5], True, chunk(b"PLTE", colours)),
        "palette_short.png": lambda: png(width, height, 8, 3, lambda x, y: [grey[x, y]], extra=chunk(b"PLTE", colours)),
        "profile8.png": lambda: png(width, height, 8, 2, lambda x, y: rgb[x, y], extra=chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw_profile))),
        "xmp5.png": lambda: png(width, height, 8, 2, lambda x, y: rgb[x, y], extra=chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(5, False))),
    }
    return out


def jpeg_kinds(picture: Image.Image, rng: random.Random) -> Kinds:
    def saved(image: Image.Image, **options) -> bytes:
        out = io.BytesIO()
        image.save(out, "JPEG", **options)
        return out.getvalue()

    def cjpeg(*options: str) -> bytes:
        ppm = io.BytesIO()
        picture.save(ppm, "PPM")
        return subprocess.run(["cjpeg", *options], input=ppm.getvalue(), stdout=subprocess.PIPE, check=True).stdout

    def marked(jpeg: bytes, data: bytes) -> bytes:
        return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + jpeg[2:]

    quality = rng.randint(30, 95)
    black = Image.merge("CMYK", (*(channel.point(lambda v: 255 - v) for channel in picture.split()), picture.convert("L").point(lambda v: v // 3)))
    cmyk = saved(black, quality=quality)
    adobe = cmyk.index(b"Adobe") + 11  # the byte that says which transform: 0 for CMYK, 2 for YCCK
    plain = saved(picture, quality=quality)
    xmp_head = b"http://ns.adobe.com/xap/1.0/\0"
    out = {
        "s444.jpg": lambda: saved(picture, quality=quality, subsampling="4:4:4"),
        "s422.jpg": lambda: saved(picture, quality=quality, subsampling="4:2:2"),
        "s420.jpg": lambda: saved(picture, quality=quality, subsampling="4:2:0"),
        "s411.jpg": lambda: cjpeg("-sample", "4x1"),
        "s440.jpg": lambda: cjpeg("-sample", "1x2"),
        "grey.jpg": lambda: saved(picture.convert("L"), quality=quality),
        "progressive.jpg": lambda: saved(picture, quality=quality, progressive=True),
        "progressive_grey.jpg": lambda: saved(picture.convert("L"), quality=quality, progressive=True),
        "restart.jpg": lambda: saved(picture, quality=quality, restart_marker_blocks=2),
        "restart_progressive.jpg": lambda: cjpeg("-progressive", "-restart", "1"),
        "rgb.jpg": lambda: cjpeg("-rgb"),
        "arithmetic.jpg": lambda: cjpeg("-arithmetic"),
        "cmyk.jpg": lambda: cmyk,
        "ycck.jpg": lambda: cmyk[:adobe] + b"\2" + cmyk[adobe + 1 :],
        "cmyk_progressive.jpg": lambda: saved(black, quality=quality, progressive=True),
        "no_end.jpg": lambda: plain[:-2],
        "junk_after.jpg": lambda: plain + b"after the end",
        "xmp7.jpg": lambda: marked(plain, xmp_head + xmp(7, True)),
        "xmp_not.jpg": lambda: marked(marked(plain, xmp_head + xmp(7, True)), b"Exif\0\0" + exif(3)),
        "exif9.jpg": lambda: marked(plain, b"Exif\0\0" + exif(9)),
    }
    for i in range(1, 9):
        out[f"exif{i}.jpg"] = lambda i=i: marked(plain, b"Exif\0\0" + exif(i, big=i % 2 == 0))
    return out


def webp_kinds(picture: Image.Image, rng: random.Random) -> Kinds:
    def saved(image: Image.Image, **options) -> bytes:
        out = io.BytesIO()
        image.save(out, "WEBP", **options)
        return out.getvalue()

    alpha = picture.convert("RGBA")
    alpha.putalpha(picture.convert("L").point(lambda v: 0 if v < 90 else v))
    other = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return {
        "lossy.webp": lambda: saved(picture, quality=rng.randint(20, 95)),
        "lossless.webp": lambda: saved(picture, lossless=True),
        "alpha_lossy.webp": lambda: saved(alpha, quality=60),
        "alpha_lossless.webp": lambda: saved(alpha, lossless=True),
        "alpha_exact.webp": lambda: saved(alpha, lossless=True, exact=True),
        "animated.webp": lambda: saved(picture, save_all=True, append_images=[other], quality=50),
        "animated_lossless.webp": lambda: saved(alpha, save_all=True, append_images=[other], lossless=True),
        "exif8.webp": lambda: saved(picture, quality=70, exif=exif(8)),
        "xmp2.webp": lambda: saved(picture, quality=70, xmp=xmp(2, False)),
    }


def gif_kinds(picture: Image.Image, rng: random.Random) -> Kinds:
    def saved(image: Image.Image, **options) -> bytes:
        out = io.BytesIO()
        image.save(out, "GIF", **options)
        return out.getvalue()

    def framed(gif: bytes, screen: tuple[int, int], at: tuple[int, int]) -> bytes:
        """The same frame on a larger (or smaller) screen."""
        out = bytearray(gif)
        struct.pack_into("<HH", out, 6, *screen)
        place = 13 + (3 << (gif[10] & 7) + 1 if gif[10] & 128 else 0)
        while out[place] == 0x21:  # an extension
            place += 2
            while out[place]:
                place += out[place] + 1
            place += 1
        assert out[place] == 0x2C
        struct.pack_into("<HH", out, place + 1, *at)
        return bytes(out)

    width, height = picture.size
    colours = picture.quantize(120)
    clear = saved(colours, transparency=5, interlace=0)
    return {
        "plain.gif": lambda: saved(colours, interlace=0),
        "interlaced.gif": lambda: saved(colours, interlace=1),
        "grey.gif": lambda: saved(picture.convert("L")),
        "clear.gif": lambda: clear,
        "partial.gif": lambda: framed(saved(colours, interlace=1), (width + 9, height + 4), (3, 2)),
        "partial_clear.gif": lambda: framed(clear, (width + 2, height + 8), (2, 5)),
        "larger.gif": lambda: framed(clear, (max(1, width // 2), height), (1, 0)),
        "animated.gif": lambda: saved(colours, save_all=True, append_images=[picture.rotate(180).quantize(50)]),
        "two.gif": lambda: saved(picture.quantize(2)),
    }


def bmp_kinds(picture: Image.Image) -> Kinds:
    def saved(image: Image.Image) -> bytes:
        out = io.BytesIO()
        image.save(out, "BMP")
        return out.getvalue()

    width, height = picture.size
    rgb = picture.load()

    def packed16(masks: tuple[int, int, int], shifts, compression: int) -> bytes:
        rows = b""
        for y in range(height):
            row = b"".join(struct.pack("<H", sum((rgb[x, y][c] >> drop) << up for c, (drop, up) in enumerate(shifts))) for x in range(width))
            rows += row + b"\0" * (-len(row) % 4)
        extra = struct.pack("<III", *masks) if compression else b""
        info = struct.pack("<IiiHHIIiiII", 40, width, -height, 1, 16, compression, len(rows), 0, 0, 0, 0) + extra
        return b"BM" + struct.pack("<IHHI", 14 + len(info) + len(rows), 0, 0, 14 + len(info)) + info + rows

    return {
        "rgb.bmp": lambda: saved(picture),
        "grey.bmp": lambda: saved(picture.convert("L")),
        "bits.bmp": lambda: saved(picture.convert("1")),
        "palette.bmp": lambda: saved(picture.quantize(77)),
        "alpha.bmp": lambda: saved(picture.convert("RGBA")),
        "five.bmp": lambda: packed16((0, 0, 0), ((3, 10), (3, 5), (3, 0)), 0),
        "six.bmp": lambda: packed16((0xF800, 0x7E0, 0x1F), ((3, 11), (2, 5), (3, 0)), 3),
    }


def all_kinds(picture: Image.Image, rng: random.Random) -> Kinds:
    return png_kinds(picture, rng) | jpeg_kinds(picture, rng) | webp_kinds(picture, rng) | gif_kinds(picture, rng) | bmp_kinds(picture)


def write_kinds(folder: pathlib.Path, picture: Image.Image, rng: random.Random) -> list[pathlib.Path]:
    out = []
    for name, data in all_kinds(picture, rng).items():
        out.append(folder / name)
        out[-1].write_bytes(data())
    return out


SHAPES = [(1, 1), (1, 40), (300, 2), (17, 16), (640, 480), (333, 500), (97, 640), (900, 131), (336, 336), (2, 2), (500, 400), (63, 65)]


def write_all(folder: pathlib.Path, rng: random.Random, count: int) -> list[pathlib.Path]:
    """`count` pictures at least: every kind in several shapes, neighbours in different ones."""
    out: list[pathlib.Path] = []
    for turn in range(len(SHAPES)):
        if len(out) >= count:
            break
        for i, (width, height) in enumerate(SHAPES):
            for k, (name, data) in enumerate(all_kinds(photo(rng, width, height), rng).items()):
                if (k + turn * 5) % len(SHAPES) == i:
                    out.append(folder / f"{turn}-{width}x{height}-{name}")
                    out[-1].write_bytes(data())
    return out
