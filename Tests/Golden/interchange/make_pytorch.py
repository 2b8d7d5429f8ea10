"""Writes PyTorch checkpoints and their numbers as float32.

Made with Python 3.11, PyTorch 2.13.0, timm 1.0.31, NumPy 2.4.6 and safetensors 0.8.0.

Run: python make_pytorch.py
"""

import argparse
import collections
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "parity"))
from networks import VisionTransformer, hash_filled_parameter, torch  # noqa: E402
import numpy as np  # noqa: E402
from hash_fill import hash_filled  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

here = pathlib.Path(__file__).parent / "pytorch"
here.mkdir(exist_ok=True)
ramp = (torch.arange(12, dtype=torch.float32).reshape(3, 4) - 5) / 3
numbers = torch.tensor([0.0, -0.0, 1.0, -2.5, 1 / 3, 65504.0, 6e-8, 3e-5, float("inf"), float("-inf")])
expected = {}


def save(name, checkpoint, tensors, **options):
    torch.save(checkpoint, here / f"{name}.pth", **options)
    for key, tensor in tensors.items():
        expected[f"{name}/{key}"] = tensor.detach().float().contiguous().clone()


# A state dict as a module gives it: an OrderedDict with `_metadata`, and a count among the numbers.
norm = torch.nn.BatchNorm1d(3)
norm.weight.data = ramp[0, :3].clone()
norm.num_batches_tracked += 7
save("module", norm.state_dict(), norm.state_dict())

types = {
    "f64": numbers.double() / 3, "f32": numbers, "f16": numbers.half(), "bf16": numbers.bfloat16(),
    "i64": torch.tensor([-(2**40) - 1, 2**24 + 1, 3]), "i32": torch.tensor([-5, 2**31 - 1], dtype=torch.int32),
    "i16": torch.tensor([-5, 300], dtype=torch.int16), "i8": torch.tensor([-5, 100], dtype=torch.int8),
    "u8": torch.tensor([5, 200], dtype=torch.uint8), "bool": torch.tensor([True, False]),
    "scalar": torch.tensor(0.1), "empty": torch.zeros(0, 7),
}
save("types", types, types)

cube = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
views = {
    "whole": cube, "part": cube[1, 1:], "transposed": cube.permute(2, 0, 1), "steps": cube[:, ::2, 1::2],
    "row": cube[0, 0], "column": cube[:, 0, 3], "expanded": cube[:1, 0, :1].expand(3, 5), "half": cube.half().mT,
}
save("views", views, views)

# What a training script keeps; the student's names as DINO wraps them.
student = {"module.backbone.cls_token": ramp, "module.head.mlp.0.weight": ramp + 1}
teacher = {"backbone.cls_token": torch.nn.Parameter(ramp + 2), "head.mlp.0.weight": ramp + 3}
training = {
    "student": student, "teacher": collections.OrderedDict(teacher),
    "optimizer": torch.optim.AdamW(norm.parameters()).state_dict(),
    "epoch": 3, "args": argparse.Namespace(lr=0.1, name="x", scale=(0.4, 1.0), big=2**70, output=None, seen={1}),
    "fp16_scaler": None, "best": np.float64(0.5), "device": torch.device("cpu"), "size": torch.Size([1, 2]),
    "dtype": torch.float16, "dino_loss": {"center": ramp[:1]},
}
for part in ["student", "teacher", "dino_loss"]:
    save("training", training, {f"{part}/{name}": tensor for name, tensor in training[part].items()})

save("nested", {"state_dict": types, "args": argparse.Namespace(lr=0.1), "best": torch.tensor(0.5)},
     {"f16": types["f16"]})
for protocol in [3, 4, 5]:
    save(f"protocol{protocol}", {"a": ramp, "b": [b"bytes", "é", -3, 2**40, 1.5]}, {"a": ramp},
         pickle_protocol=protocol)

# A small vision transformer in a DINO run's checkpoint: weights from their names, a student that is all zero, and what
# timm makes of three images.
network = VisionTransformer(
    img_size=8, patch_size=4, embed_dim=64, depth=1, num_heads=1, mlp_ratio=0.25, num_classes=0).eval()
for name, parameter in network.named_parameters():
    parameter.data = torch.from_numpy(hash_filled_parameter(name, tuple(parameter.shape)))
weights = network.state_dict()
teacher = {f"backbone.{name}": tensor for name, tensor in weights.items()} | {"head.mlp.0.weight": ramp}
student = {f"module.backbone.{name}": torch.zeros(1).expand(tensor.shape) for name, tensor in weights.items()}
with torch.no_grad():
    features = network(torch.from_numpy(hash_filled("input", (3, 3, 8, 8))))
save("dino", {"student": student, "teacher": teacher, "epoch": 3}, {"features": features})

# The format before PyTorch 1.6 calls storages by their addresses, and writes them in that order: they get their
# numbers in it, and then names.
storages = sorted((torch.UntypedStorage(n) for n in (16, 16)), key=lambda storage: str(storage._cdata))
wide, narrow = torch.tensor([]).set_(storages[0]), torch.tensor([], dtype=torch.int64).set_(storages[1])
wide.copy_(ramp[0])
narrow.copy_(torch.tensor([7, -8]))
legacy = {"a": wide, "swapped": wide.reshape(2, 2).T, "count": narrow, "again": torch.nn.Parameter(wide[1:3])}
save("legacy", legacy, legacy, _use_new_zipfile_serialization=False)
path = here / "legacy.pth"
keys = [str(storage._cdata).encode() for storage in storages]
data = path.read_bytes()
for index, key in enumerate(keys):
    data = re.sub(b"X." + b"\0\0\0" + key, b"X\4\0\0\0key%d" % index, data, flags=re.DOTALL)
path.write_bytes(data)
for name, tensor in torch.load(path).items():
    assert torch.equal(tensor, legacy[name]), name

save_file(expected, here / "expected.safetensors")
