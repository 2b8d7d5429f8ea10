"""Makes the small PNG and JPEG files of this folder, and beside each what Pillow reads from it.

NAME.png or NAME.jpg is the input; NAME.ppm is `Image.open(f).convert("RGB")` (16-bit samples: each is
(v * 255 + 32767) // 65535 instead); NAME.turned.ppm is the same after `ImageOps.exif_transpose`;
NAME.over.ppm is `convert("RGBA")` pasted over BACKGROUND with its own alpha as the mask.
PNG files are put together by hand here, so that every colour type, depth and interlace is there.
Made with Pillow 13.0.0 (libjpeg-turbo 3.2.0), numpy, and for JPEG kinds that Pillow does not write cjpeg 2.1.5
(Debian's libjpeg-turbo-progs); run `python make_images.py` in this folder.
"""

import io
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

HERE = Path(__file__).parent
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
BACKGROUND = (200, 30, 90)
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def paeth(a, b, c):
    p = a + b - c
    return min((a, b, c), key=lambda v: abs(p - v))


def filtered(kind, line, above, size):
    """A row under filter `kind` (ISO 15948, section 9), filter byte first; `size` bytes a pixel."""
    left = bytes(size) + line
    upper_left = bytes(size) + above
    guess = {
        0: lambda i: 0,
        1: lambda i: left[i],
        2: lambda i: above[i],
        3: lambda i: (left[i] + above[i]) // 2,
        4: lambda i: paeth(left[i], above[i], upper_left[i]),
    }[kind]
    return bytes([kind, *((line[i] - guess(i)) % 256 for i in range(len(line)))])


def rows(samples, depth, filters=(0,)):
    """Rows of [h, w, c] samples under the filters in turn, filter byte included."""
    out = b""
    above = None
    for y, row in enumerate(samples):
        flat = row.reshape(-1)
        if depth == 16:
            data = flat.astype(">u2").tobytes()
        elif depth == 8:
            data = flat.astype(np.uint8).tobytes()
        else:
            bits = "".join(format(int(v), f"0{depth}b") for v in flat)
            bits += "0" * (-len(bits) % 8)
            data = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
        above = above or bytes(len(data))
        out += filtered(filters[y % len(filters)], data, above, max(1, samples.shape[2] * depth // 8))
        above = data
    return out


def png(samples, color, depth, interlaced=False, before=(), after=(), filters=(0,), parts=1):
    """A file of [h, w, c] samples; its compressed data stand in so many IDAT chunks, the second one empty."""
    h, w, _ = samples.shape
    head = struct.pack(">IIBBBBB", w, h, depth, color, 0, 0, int(interlaced))
    if interlaced:
        passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        data = b"".join(rows(p, depth, filters) for p in passes if p.size)
    else:
        data = rows(samples, depth, filters)
    data = zlib.compress(data, 9)
    cuts = [len(data) * i // parts for i in range(parts + 1)]
    pieces = [data[a:b] for a, b in zip(cuts, cuts[1:])]
    if parts > 1:
        pieces.insert(1, b"")
    pixels = [chunk(b"IDAT", piece) for piece in pieces]
    body = [chunk(b"IHDR", head), *before, *pixels, *after, chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def save(name, suffix, data, scaled=None):
    """`scaled`: [h, w, 4] levels of 16-bit samples, alpha last, or of transparency that Pillow does not see."""
    (HERE / f"{name}.{suffix}").write_bytes(data)
    image = Image.open(io.BytesIO(data))
    expected = Image.fromarray(scaled) if scaled is not None else image
    expected.convert("RGB").save(HERE / f"{name}.ppm")
    if suffix == "png":
        alpha = expected.convert("RGBA")
        if alpha.getextrema()[3] != (255, 255):
            over = Image.new("RGB", image.size, BACKGROUND)
            over.paste(alpha, mask=alpha)
            over.save(HERE / f"{name}.over.ppm")
    if image.getexif().get(0x0112, 1) != 1:
        ImageOps.exif_transpose(image).convert("RGB").save(HERE / f"{name}.turned.ppm")


def levels(samples, depth, key=None):
    """[h, w, c] samples as [h, w, 4] levels; pixels of the colour `key` have no opacity."""
    largest = 2**depth - 1
    scaled = (samples * 255 + largest // 2) // largest
    channels = samples.shape[2]
    color = scaled[..., :3] if channels > 2 else np.repeat(scaled[..., :1], 3, -1)
    if key is not None:
        alpha = np.where((samples == key).all(-1, keepdims=True), 0, 255)
    else:
        alpha = scaled[..., -1:] if channels in (2, 4) else np.full_like(scaled[..., :1], 255)
    return np.concatenate([color, alpha], -1).astype(np.uint8)


def exif(orientation, order=">"):
    mark = b"MM\0*" if order == ">" else b"II*\0"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return mark + struct.pack(order + "IH", 8, 1) + entry + struct.pack(order + "I", 0)


def smooth(h, w, c, rng):
    """A picture with edges, flat parts and saturated colours."""
    y, x = np.mgrid[0:h, 0:w]
    planes = [127 + 140 * np.sin(x / (3 + k) + k) * np.cos(y / (4 + k)) for k in range(c)]
    picture = np.clip(np.stack(planes, -1) + rng.normal(0, 12, (h, w, c)), 0, 255)
    picture[h // 3 : h // 2, w // 4 : w // 2] = [255, 0, 0, 40][:c]
    return picture.astype(np.uint8)


def main():
    rng = np.random.default_rng(0)
    h, w = 13, 19
    for color, depths in {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}.items():
        for depth in depths:
            samples = rng.integers(0, 2**depth, (h, w, CHANNELS[color]))
            before = []
            if color == 3:
                before = [chunk(b"PLTE", rng.integers(0, 256, (2**depth, 3)).astype(np.uint8).tobytes())]
            scaled = levels(samples, depth) if depth == 16 else None
            for interlaced in (False, True):
                name = f"png-color{color}-depth{depth}" + ("-interlaced" if interlaced else "")
                save(name, "png", png(samples, color, depth, interlaced, before), scaled)

    # Every filter follows every other and comes first somewhere; 37 and 25 divide by nothing.
    order = [4, 4, 3, 3, 1, 1, 2, 2, 0, 0, 4, 3, 1, 4, 2, 3, 0, 1, 2, 4, 0, 3, 2, 1, 3]
    noise = np.random.default_rng(1)
    for turn, (color, depth) in enumerate([(6, 8), (2, 8), (4, 8), (0, 8), (3, 8), (3, 4), (3, 1), (6, 16)]):
        samples = noise.integers(0, 2**depth, (len(order), 37, CHANNELS[color]))
        before = []
        if color == 3:
            before = [chunk(b"PLTE", noise.integers(0, 256, (2**depth, 3)).astype(np.uint8).tobytes())]
        filters = order[2 * turn :] + order[: 2 * turn]
        scaled = levels(samples, depth) if depth == 16 else None
        save(f"png-filters-color{color}-depth{depth}", "png",
             png(samples, color, depth, False, before, filters=filters, parts=turn + 1), scaled)

    # A colour that is transparent: of 2 and 4 bits Pillow compares it with the scaled level.
    for color, depth in [(0, 2), (0, 4), (0, 16), (2, 16), (0, 8), (2, 8)]:
        samples = noise.integers(0, 2**depth, (h, w, CHANNELS[color]))
        samples[2:5, 3:9] = key = samples[0, 0]
        key_chunk = chunk(b"tRNS", struct.pack(f">{len(key)}H", *(int(v) for v in key)))
        for interlaced in (False, True):
            name = f"png-key-color{color}-depth{depth}" + ("-interlaced" if interlaced else "")
            scaled = None if depth == 8 else levels(samples, depth, key)
            save(name, "png", png(samples, color, depth, interlaced, [key_chunk]), scaled)

    one = rng.integers(0, 2, (h, w, 1))
    byte = rng.integers(0, 256, (h, w, 1))
    few = rng.integers(0, 16, (h, w, 1))
    rgb = rng.integers(0, 256, (h, w, 3))
    palette = chunk(b"PLTE", rng.integers(0, 256, (16, 3)).astype(np.uint8).tobytes())
    save("png-trns-gray1", "png", png(one, 0, 1, before=[chunk(b"tRNS", struct.pack(">H", 1))]))
    save("png-trns-gray8", "png", png(byte, 0, 8, before=[chunk(b"tRNS", struct.pack(">H", int(byte[0, 0, 0])))]))
    color = struct.pack(">HHH", *(int(v) for v in rgb[0, 0]))
    save("png-trns-rgb8", "png", png(rgb, 2, 8, before=[chunk(b"tRNS", color)]))
    save("png-trns-palette4", "png", png(few, 3, 4, before=[palette, chunk(b"tRNS", bytes(range(0, 256, 25)))]))
    save("png-trns-palette4-interlaced", "png",
         png(few, 3, 4, True, before=[palette, chunk(b"tRNS", bytes(range(0, 256, 25)))]))
    save("png-trns-palette8", "png", png(few, 3, 8, before=[palette, chunk(b"tRNS", b"\0\x80")]))
    # Numbers 16...255 are in no palette.
    save("png-palette-short", "png", png(byte, 3, 8, before=[palette]))
    save("png-gamma", "png", png(rgb, 2, 8, before=[chunk(b"gAMA", struct.pack(">I", 100000))]))
    save("png-1x1", "png", png(rgb[:1, :1], 2, 8))
    save("png-exif-before", "png", png(rgb, 2, 8, before=[chunk(b"eXIf", exif(6))]))
    save("png-exif-after", "png", png(rgb, 2, 8, after=[chunk(b"eXIf", exif(3, "<"))]))

    def jpeg(name, mode, **options):
        h, w = options.pop("size", (37, 45))
        channels = {"L": 1, "RGB": 3, "CMYK": 4}[mode]
        picture = smooth(h, w, channels, rng)
        image = Image.fromarray(picture[..., 0] if channels == 1 else picture, mode)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", **{"quality": 85, **options})
        save(name, "jpg", buffer.getvalue())
        return buffer.getvalue()

    jpeg("jpeg-gray", "L")
    jpeg("jpeg-444", "RGB", subsampling=0)
    jpeg("jpeg-422", "RGB", subsampling=1)
    jpeg("jpeg-420", "RGB", subsampling=2)
    jpeg("jpeg-420-progressive", "RGB", subsampling=2, progressive=True)
    jpeg("jpeg-444-progressive", "RGB", subsampling=0, progressive=True, quality=95)
    jpeg("jpeg-gray-progressive", "L", progressive=True)
    jpeg("jpeg-420-restart", "RGB", subsampling=2, restart_marker_blocks=2)
    jpeg("jpeg-rgb", "RGB", keep_rgb=True)
    jpeg("jpeg-1x1", "RGB", size=(1, 1))
    jpeg("jpeg-2x3", "RGB", size=(2, 3))
    cmyk = jpeg("jpeg-cmyk", "CMYK")
    # The same data under Adobe's transform 2: luminance, two colour differences and black.
    at = cmyk.index(b"Adobe")
    save("jpeg-ycck", "jpg", cmyk[: at + 11] + b"\2" + cmyk[at + 12 :])
    # ... and without the Adobe marker.
    save("jpeg-cmyk-plain", "jpg", cmyk[: at - 4] + cmyk[at + 12 :])

    def cjpeg(name, *options):
        ppm = io.BytesIO()
        Image.fromarray(smooth(37, 45, 3, noise)).save(ppm, "PPM")
        command = ["cjpeg", "-quality", "85", *options]
        save(name, "jpg", subprocess.run(command, input=ppm.getvalue(), capture_output=True, check=True).stdout)

    cjpeg("jpeg-411", "-sample", "4x1")
    cjpeg("jpeg-440", "-sample", "1x2")
    cjpeg("jpeg-410", "-sample", "4x2")
    cjpeg("jpeg-arithmetic", "-arithmetic")
    cjpeg("jpeg-arithmetic-progressive", "-arithmetic", "-progressive", "-restart", "1")
    # One colour, so that no picture has to be kept beside it.
    strip = io.BytesIO()
    Image.new("RGB", (30000, 10), (11, 120, 203)).save(strip, "JPEG", quality=90)
    (HERE / "strip-30000x10.jpg").write_bytes(strip.getvalue())
    assert np.ptp(np.asarray(Image.open(strip)), axis=(0, 1)).max() == 0
    for orientation in range(2, 9):
        order = "<" if orientation % 2 else ">"
        jpeg(f"jpeg-exif{orientation}", "RGB", size=(9, 14), exif=b"Exif\0\0" + exif(orientation, order))


if __name__ == "__main__":
    main()
