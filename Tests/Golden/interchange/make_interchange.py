"""Writes the files that the interchange tests read: made with safetensors 0.8.0 and NumPy 2.4.6.

Run: python make_interchange.py
"""

import json
import pathlib

import numpy as np
import torch
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent
ramp = (torch.arange(12, dtype=torch.float32).reshape(3, 4) - 5) / 3

# float32 only: our writer must give these very bytes.
save_file(
    {"blocks.0.attn.qkv.weight": ramp, "b": torch.tensor([1.5, -2.0]), "scalar": torch.tensor(0.1),
     "empty": torch.zeros(0, 7)},
    here / "float32.safetensors", metadata={"made \"by\"": "a\nscript é"})

# Each type that is converted, and one that is not.
numbers = torch.tensor([0.0, -0.0, 1.0, -2.5, 1 / 3, 65504.0, 6e-8, 3e-5, float("inf"), float("-inf")])
save_file(
    {"f16": numbers.to(torch.float16), "bf16": numbers.to(torch.bfloat16), "f64": numbers.to(torch.float64) / 3,
     "count": torch.tensor(7, dtype=torch.int64)},
    here / "types.safetensors")
expected = {
    "f16": numbers.to(torch.float16).float(), "bf16": numbers.to(torch.bfloat16).float(),
    "f64": (numbers.to(torch.float64) / 3).float()}
bits = {name: value.numpy().view(np.uint32).tolist() for name, value in expected.items()}
(here / "types.json").write_text(json.dumps(bits) + "\n")

np.save(here / "float32.npy", ramp.numpy())
np.save(here / "float64.npy", ramp.numpy().astype(np.float64)[0])
