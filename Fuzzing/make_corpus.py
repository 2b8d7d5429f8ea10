"""Makes the seeds of corpus/ that are no other file of the repository.

Tests/Golden/images has most kinds of PNG and JPEG file already, and the fuzz targets begin from these too.
Files called found-* are inputs that broke a reader once; they stay as they are.
Made with Python 3.11 and libjpeg-turbo's jpegtran; run `python make_corpus.py` in this folder.
"""

import gzip
import json
import struct
import subprocess
import zlib
from pathlib import Path

HERE = Path(__file__).parent / "corpus"
IMAGES = HERE.parent.parent / "Tests/Golden/images"


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth, color, chunks, interlaced=0):
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(chunks) + chunk(b"IEND", b"")


def make_pngs(folder):
    rows = zlib.compress(b"".join(bytes([filter, *range(12)]) for filter in range(5)))
    data = chunk(b"IDAT", rows)
    tall = zlib.compress(b"\0\1" * 300)
    files = {
        "filters": png(4, 5, 8, 2, [data]),
        "two-parts": png(4, 5, 8, 2, [chunk(b"IDAT", rows[:9]), chunk(b"IDAT", b""), chunk(b"IDAT", rows[9:])]),
        "rows-missing": png(4, 50, 8, 2, [data]),
        "rows-left": png(4, 2, 8, 2, [data]),
        "alpha": png(3, 5, 8, 6, [data]),
        "alpha16": png(3, 5, 16, 4, [data]),
        "no-palette": png(12, 5, 8, 3, [data]),
        "palette-long": png(12, 5, 2, 3, [chunk(b"PLTE", bytes(range(30))), data]),
        "palette-twice": png(12, 5, 8, 3, [chunk(b"PLTE", bytes(6)), chunk(b"PLTE", bytes(9)), data]),
        "transparent-long": png(12, 5, 8, 3, [chunk(b"PLTE", bytes(6)), chunk(b"tRNS", bytes(9)), data]),
        "wide": png(2**31 - 1, 1, 1, 0, [data]),
        "no-width": png(0, 5, 8, 2, [data]),
        "bomb": png(50_000, 50_000, 8, 2, [data]),
        "tall": png(1, 300, 8, 0, [chunk(b"IDAT", tall)], interlaced=1),
        "exif-empty": png(4, 5, 8, 2, [chunk(b"eXIf", b""), data]),
        "exif-outside": png(4, 5, 8, 2, [chunk(b"eXIf", b"MM\0*\xFF\xFF\xFF\xFE"), data]),
        "exif-many": png(4, 5, 8, 2, [chunk(b"eXIf", b"II*\0\x08\0\0\0\xFF\xFF" + bytes(24)), data]),
        "text": png(4, 5, 8, 2, [chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(5000))), data]),
        "bad-name": png(4, 5, 8, 2, [chunk(b"\0\0\0\0", b""), data]),
        "bad-zlib": png(4, 5, 8, 2, [chunk(b"IDAT", b"\x78\x01" + rows[3:])]),
        "not-png": b"\x89PNG\r\n\x1a\n",
    }
    whole = (IMAGES / "png-color6-depth8-interlaced.png").read_bytes()
    files["cut-pixels"] = whole[: len(whole) // 2]
    files["cut-header"] = whole[:20]
    for name, data in files.items():
        (folder / f"{name}.png").write_bytes(data)


def many_scans(scans):
    """A progressive file of 8 x 8 grey pixels whose every scan after the first says "nothing to add"."""

    def segment(marker, data):
        return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data

    def scan(first, last, data):
        return segment(0xDA, b"\1\1\0" + bytes([first, last, 0])) + data

    # One code of one bit each: a difference of 0, and the end of a block.
    tables = [segment(0xC4, bytes([kind, 1] + [0] * 16)) for kind in (0x00, 0x10)]
    frame = segment(0xC2, struct.pack(">BHHB", 8, 8, 8, 1) + b"\1\x11\0")
    start = b"\xff\xd8" + segment(0xDB, b"\0" + bytes([1] * 64)) + frame + b"".join(tables)
    return start + scan(0, 0, b"\x7f") + scan(1, 63, b"\x7f") * (scans - 1) + b"\xff\xd9"


def make_jpegs(folder):
    def turned(name, *options):
        return subprocess.run(
            ["jpegtran", *options, IMAGES / f"{name}.jpg"], capture_output=True, check=True
        ).stdout

    whole = (IMAGES / "jpeg-420.jpg").read_bytes()
    progressive = (IMAGES / "jpeg-420-progressive.jpg").read_bytes()
    frame = whole.index(b"\xff\xc0")
    files = {
        "arithmetic": turned("jpeg-420", "-arithmetic"),
        "arithmetic-progressive": turned("jpeg-444", "-arithmetic", "-progressive"),
        "restarts": turned("jpeg-444", "-restart", "1B"),
        "cmyk-progressive": turned("jpeg-cmyk", "-progressive"),
        "cut-pixels": whole[: len(whole) * 3 // 4],
        "cut-scans": progressive[: len(progressive) // 2],
        "cut-header": whole[: frame + 6],
        "no-end": whole[:-2],
        "no-width": whole[: frame + 7] + b"\0\0" + whole[frame + 9 :],
        "no-height": whole[: frame + 5] + b"\0\0" + whole[frame + 7 :],
        "large": whole[: frame + 5] + b"\xff\xdc\xff\xdc" + whole[frame + 9 :],
        "depth12": whole[: frame + 4] + b"\x0c" + whole[frame + 5 :],
        "two-components": whole[: frame + 9] + b"\2" + whole[frame + 10 :],
        "lossless": whole[: frame + 1] + b"\xc3" + whole[frame + 2 :],
        "scans": many_scans(100),
        "scans-too-many": many_scans(101),
        "start": b"\xff\xd8\xff",
    }
    for name, data in files.items():
        (folder / f"{name}.jpg").write_bytes(data)


def make_gzips(folder):
    whole = gzip.compress(bytes(range(200)) * 3, mtime=0)
    files = {
        "whole.gz": whole,
        "two.gz": whole + gzip.compress(b"more", mtime=0),
        "stored.gz": gzip.compress(b"stored", 0, mtime=0),
        "cut.gz": whole[:-30],
        "cut-checksum.gz": whole[:-4],
        "bad-checksum.gz": whole[:-8] + bytes(8),
        "trailing.gz": whole + b"\0\0rest",
        "long.gz": gzip.compress(bytes(100_000), mtime=0),
        "plain": b"not compressed",
        "empty": b"",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)


def make_safetensors(folder):
    def file(header, data=b"", length=None):
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        return struct.pack("<Q", len(text) if length is None else length) + text + data

    def entry(dtype="F32", shape=(1,), begin=0, end=4):
        return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}

    floats = struct.pack("<4f", 1, -0.0, float("inf"), float("nan"))
    files = {
        "none": file({}),
        "scalar": file({"s": entry(shape=())}, floats[:4]),
        "empty": file({"e": entry(shape=(0, 7), end=0)}),
        "metadata": file({"__metadata__": {"a \"b\"\n": "é\u0001"}, "x": entry(shape=(2, 2), end=16)}, floats),
        "types": file(
            {
                "half": entry("F16", (2,), 0, 4),
                "brain": entry("BF16", (2,), 4, 8),
                "double": entry("F64", (1,), 8, 16),
                "count": entry("I64", (1,), 16, 24),
            },
            bytes(range(240, 256)) + bytes(8),
        ),
        "overlap": file({"a": entry(), "b": entry(begin=2, end=6)}, floats[:6]),
        "hole": file({"a": entry(), "b": entry(begin=8, end=12)}, floats[:12]),
        "outside": file({"a": entry(begin=0, end=8, shape=(2,))}, floats[:4]),
        "backwards": file({"a": entry(begin=4, end=0)}, floats[:4]),
        "negative": file({"a": entry(shape=(-1,))}, floats[:4]),
        "too-large": file({"a": entry(shape=(2**62, 8, 0))}, b""),
        "nine-axes": file({"a": entry(shape=(1,) * 9)}, floats[:4]),
        "fraction": file(b'{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}', floats[:4]),
        "twice": file(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
                      b'"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', floats[:8]),
        # One letter and two code points, or one code point: equal to Swift, two names to the format.
        "composed": file({"e\u0301": entry(), "\u00e9": entry(begin=4, end=8)}, floats[:8]),
        "deep": file(b'{"a":' + b"[" * 600 + b"]" * 600 + b"}"),
        "padded": file(b"{}" + b" " * 30),
        "long": file({}, length=2**63),
        "short": b"\x08\0\0\0",
    }
    for name, data in files.items():
        (folder / f"{name}.safetensors").write_bytes(data)


def make_pytorch(folder):
    """Pickles, which the fuzz target puts into a good archive; whole files come from Tests/Golden."""

    def text(word):
        return b"X" + struct.pack("<I", len(word)) + word.encode()

    def number(value):
        return b"\x8a\x08" + struct.pack("<q", value)

    def numbers(values):
        return b"(" + b"".join(map(number, values)) + b"t"

    def tensor(sizes=(4, 4), strides=(4, 1), offset=0, key="0", count=16, kind="Float"):
        identity = b"(" + text("storage") + f"ctorch\n{kind}Storage\n".encode() + text(key) + text("cpu") + number(count)
        return (b"ctorch._utils\n_rebuild_tensor_v2\n(" + identity + b"tQ" + number(offset) + numbers(sizes)
                + numbers(strides) + b"\x89}tR")

    def state(*entries):
        return b"}(" + b"".join(text(name) + value for name, value in entries) + b"u"

    def file(value, protocol=2):
        return bytes([0x80, protocol]) + value + b"."

    ordered = b"ccollections\nOrderedDict\n)R"
    arguments = b"cargparse\nNamespace\n)\x81" + state(("lr", b"G" + struct.pack(">d", 0.1))) + b"b"
    short = b"\x8c\x01x"
    files = {
        "least": file(state(("x", tensor()))),
        "types": file(state(*((kind, tensor((4,), (2,), kind=kind, count=8)) for kind in (
            "Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")))),
        "views": file(state(("t", tensor(strides=(1, 4))), ("e", tensor((3, 5), (0, 0))), ("s", tensor((), ())),
                            ("n", tensor((0, 7), (7, 1))), ("o", tensor((2, 3), (8, 2), offset=1, key="1")))),
        "ordered": file(ordered + b"(" + text("x") + tensor() + b"u}" + text("_metadata") + ordered + b"sb"),
        "parts": file(state(("student", state(("module.backbone.x", tensor()))), ("teacher", state(("x", tensor()))),
                            ("args", arguments), ("epoch", b"K\x03"))),
        "parameter": file(state(("x", b"ctorch._utils\n_rebuild_parameter\n(" + tensor() + b"\x88" + ordered + b"tR"))),
        "memo": file(b"}q\0(" + text("x") + b"q\1" + tensor() + b"r\2\0\0\0" + text("y") + b"h\2uh\0"),
        "protocol4": file(b"\x95\x20\0\0\0\0\0\0\0}\x94(" + short + b"\x94" + tensor() + b"\x94u", 4),
        "values": file(b"](NK\1M\1\0J\xff\xff\xff\xff\x8b\1\0\0\0\5\x88\x89U\1aT\1\0\0\0aC\1aB\1\0\0\0a\x8f)\x85e"),
        "system": file(b"cos\nsystem\n(" + text("exit 1") + b"tR"),
        "instance": file(b"(S'exit 1'\nios\nsystem\n"),
        "outside": file(state(("x", tensor(offset=1)))),
        "negative": file(state(("x", tensor(strides=(-4, 1), offset=12)))),
        "large": file(state(("x", tensor((2**62, 8), (0, 0))))),
        "repeated": file(state(("x", tensor((2**30,), (0,))))),
        "no-storage": file(state(("x", tensor(key="2")))),
        "twice": file(state(("module.x", tensor()), ("x", tensor()))),
        "nested": b"]" * 2000 + b"a" * 1999 + b".",
        "doubled": b")" + b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(200)) + b".",
        "cut": file(state(("x", tensor())))[:-20],
    }
    for name, data in files.items():
        (folder / f"{name}.pkl").write_bytes(data)


def make_texts(configurations, recipes):
    nested = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
    settings = {
        "strings": 'method: "a\\x01\\\\\\"b"\ndata:\n  recipe: "-"\n',
        "signs": 'method: "\\x7F\\x85\\u2028\\uFEFF"\n',
        "numbers": "seed: 1_000\noptimizer:\n  weightDecay: 1e-310\n",
        "range": "data:\n  views:\n    globalArea: [0.4, 1]\n    localArea: [1, 0.1]\n",
        "values": "optimizer:\n  name: lars\n  undecayed: [cls_token, \"-\", \"~\", 'a, b']\ntraining:\n  decayEpochs: [1_0, 20]\n",
        "assignment": "data.views.globalArea=[0.4, 1]",
        "merge": "base: &base {seed: 1}\n<<: *base\n",
        "anchor": "seed: &s 7\nlogging:\n  everySteps: *s\n",
        "twice": "seed: 1\nseed: 2\n",
        "empty": "",
        "list": "- seed: 1\n",
        "aliases": nested,
        "deep": "seed: " + "[" * 300 + "]" * 300 + "\n",
        "documents": "seed: 1\n---\nseed: 2\n",
        "unclosed": 'seed: "1',
    }
    view = "views:\n- {count: 2, side: 32, area: [0.4, 1]"
    texts = {
        "least": view + "}\n",
        "augmented": view + ", ratio: [0.5, 2], augmentations: [flip, blur: {probability: 0.5}, jitter: {}]}\n",
        "numbers": view.replace("32", "0x20").replace("0.4", "4e-1") + "}\nmean: [.1, 1_0, -.5]\n",
        "nan": view.replace("0.4", ".nan") + "}\n",
        "infinite": view + ", ratio: [1, .inf]}\n",
        "negative": view.replace("2", "-1") + "}\n",
        "unknown": view + ", augmentations: [Nothing: {}]}\n",
        "aliases": nested,
        "empty": "",
    }
    for folder, files in (configurations, settings), (recipes, texts):
        for name, text in files.items():
            (folder / f"{name}.yaml").write_text(text)


def main():
    makers = {"png": make_pngs, "jpeg": make_jpegs, "gunzip": make_gzips, "safetensors": make_safetensors,
              "pytorch": make_pytorch}
    for name in [*makers, "configuration", "recipe"]:
        (HERE / name).mkdir(parents=True, exist_ok=True)
    for name, make in makers.items():
        make(HERE / name)
    make_texts(HERE / "configuration", HERE / "recipe")


if __name__ == "__main__":
    main()
