"""Cuts the first images of Fashion-MNIST into small IDX files of the same names.

Run: python make_sample.py FOLDER_WITH_THE_FOUR_IDX_GZ_FILES
https://github.com/zalandoresearch/fashion-mnist (MIT licence, LICENSE beside this file)
"""

import gzip
import pathlib
import struct
import sys

COUNTS = {"train": 4000, "t10k": 1000}
source, here = pathlib.Path(sys.argv[1]), pathlib.Path(__file__).parent

for name, count in COUNTS.items():
    for kind, header, size in [("images-idx3", 16, 28 * 28), ("labels-idx1", 8, 1)]:
        file = f"{name}-{kind}-ubyte.gz"
        whole = gzip.decompress((source / file).read_bytes())
        cut = whole[:4] + struct.pack(">I", count) + whole[8:header + count * size]
        (here / file).write_bytes(gzip.compress(cut, compresslevel=9, mtime=0))
