#!/usr/bin/env python3
"""Makes architectures.json: names and shapes of the parameters and buffers of torchvision's and timm's networks.

Blocks that are alike are written once: `layer3.1...22.` stands for `layer3.1.` to `layer3.22.`."""
import json
import re
from pathlib import Path

from make_parity import VERSIONS, timm
import torchvision

CLASSIFIERS = re.compile(r"(fc|classifier|head)\.(?!norm\.)")
NAMES = ("vit_micro", "vit_tiny", "vit_small", "vit_base", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152",
         "mobilenet_v2", "mobilenet_v3_small", "convnext_tiny")


def network(name):
    if name == "vit_micro":  # ours; timm has no name for it
        return timm.models.VisionTransformer(embed_dim=96, depth=6, num_heads=3)
    if name.startswith("vit"):
        return timm.create_model(f"{name}_patch16_224")
    if name.startswith("convnext"):
        return timm.create_model(name, num_classes=0)
    return getattr(torchvision.models, name)()


def grouped(tensors):
    """{prefix of a numbered block: {rest of the name: shape}}; what is in no block stands under the empty prefix."""
    blocks = {}
    for name, tensor in tensors:
        if not CLASSIFIERS.match(name) and not name.endswith("num_batches_tracked"):
            stem, number, rest = re.fullmatch(r"(?:((?:layer\d|blocks|features)\.)(\d+)\.)?(.*)", name).groups()
            blocks.setdefault((stem or "", int(number or 0)), {})[rest] = list(tensor.shape)
    runs = []
    for (stem, number), block in blocks.items():
        if runs and runs[-1][0] == stem and runs[-1][3] == block and runs[-1][2] + 1 == number:
            runs[-1][2] = number
        else:
            runs.append([stem, number, number, block])
    return {f"{stem}{first}...{last}." if stem else "": block for stem, first, last, block in runs}


def main():
    networks = {}
    for name in NAMES:
        made = network(name)
        networks[name] = {"parameters": grouped(made.named_parameters()), "buffers": grouped(made.named_buffers())}
    versions = VERSIONS | {"script": "Tests/Golden/parity/make_architectures.py", "torchvision": torchvision.__version__}
    text = json.dumps({"metadata": versions, "networks": networks}, separators=(",", ":"))
    path = Path(__file__).resolve().parent / "architectures.json"
    path.write_text(text.replace('},"', '},\n"') + "\n")
    print(f"architectures: {len(networks)} networks, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
