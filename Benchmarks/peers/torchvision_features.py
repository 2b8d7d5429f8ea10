#!/usr/bin/env python3
"""Whether weights that torchvision saved give its own features through `emanate features`, on real images.

Makes a torchvision network (seeded weights, then a few steps of training on some of the images, so that running statistics
are no longer 0 and 1), saves it as safetensors and by torch.save, and runs the program on some images of a folder. Prints the largest
differences as one JSON object, and `spread`, how far images are from their mean; exits with 1 where a difference is above
the tolerance."""
import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torchvision_cpu  # noqa: F401
import numpy as np
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from torchvision import transforms
from torchvision.transforms import InterpolationMode

ROOT = Path(__file__).resolve().parents[2]
PIXELS = 100_000_000  # larger images are refused by the program
NETWORKS = ("resnet18", "resnet34", "resnet50", "mobilenet_v2")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("/usr/share/openclipart/png"),
                        help="a folder of PNG and JPEG files, nested or not (default: Debian package openclipart-png)")
    parser.add_argument("--images", type=int, default=64, help="how many of them at most, spread evenly (default 64)")
    parser.add_argument("--network", choices=NETWORKS, default="resnet18")
    parser.add_argument("--side", type=int, default=224, help="pixels of the prepared images' side (default 224)")
    parser.add_argument("--seed", type=int, default=0, help="of the first weights (default 0)")
    parser.add_argument("--steps", type=int, default=6, help="of training (default 6)")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    parser.add_argument("--emanate", type=Path, default=ROOT / ".build/release/emanate")
    return parser.parse_args()


def prepared(paths, side):
    """[N, 3, side, side], as DINO's evaluation prepares images."""
    prepare = transforms.Compose([
        transforms.Resize(side * 256 // 224, interpolation=InterpolationMode.BICUBIC), transforms.CenterCrop(side),
        transforms.ToTensor(), transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
    return torch.stack([prepare(Image.open(path).convert("RGB")) for path in paths])


def trained(name, seed, steps, images):
    torch.manual_seed(seed)
    network = torchvision.models.get_model(name, num_classes=10)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.5  # a few steps must do
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(images), torch.randint(10, (len(images),))).backward()
        optimizer.step()
    with torch.no_grad():
        for _ in range(steps):  # statistics of weights that no longer move: else the signal of a deep network fades
            network(images)
    return network.eval()


def chosen(folder, count):
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg"))
    if not paths:
        sys.exit(f"{folder}: no images")
    paths = paths[:: max(1, len(paths) // count)][:count]
    return [path for path in paths if math.prod(Image.open(path).size) <= PIXELS]


def features(network, paths, side):
    """Rows before the classifier."""
    last = "classifier" if hasattr(network, "classifier") else "fc"
    setattr(network, last, torch.nn.Identity())
    with torch.no_grad():
        return np.concatenate([network(prepared([path], side)).numpy() for path in paths])


def emanated(program, weights, images, side, out):
    command = [program, "features", "--weights", weights, "--data", images, "--out", out, "--side", side, "--json"]
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, check=True)
    summary = json.loads(done.stdout)
    if summary["skipped"]:
        sys.exit(f"{summary['skipped']} images were left out: {summary['skipped_files']}")
    return np.load(out)


def main():
    options = arguments()
    Image.MAX_IMAGE_PIXELS = None
    paths = chosen(options.data, options.images)
    network = trained(options.network, options.seed, options.steps, prepared(paths[:32], 96))
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        (scratch / "images").mkdir()
        for number, path in enumerate(paths):
            shutil.copy(path, scratch / "images" / f"{number:06d}{path.suffix.lower()}")
        files = [scratch / f"{options.network}.safetensors", scratch / f"{options.network}.pth"]
        save_file(network.state_dict(), files[0])
        torch.save(network.state_dict(), files[1])
        expected, result = features(network, paths, options.side), {}
        lengths = np.linalg.norm(expected, axis=1)
        spread = np.median(np.linalg.norm(expected - expected.mean(0), axis=1) / lengths)
        for file in files:
            found = emanated(options.emanate, file, scratch / "images", options.side, scratch / "features.npy")
            difference = found.astype(np.float64) - expected
            relative = np.linalg.norm(difference, axis=1) / lengths
            result[file.name] = {"relative": float(relative.max()), "relative_median": float(np.median(relative)),
                                 "absolute": float(np.abs(difference).max()), "image": str(paths[relative.argmax()])}
    is_near = all(max(r["relative"], r["absolute"]) <= options.tolerance for r in result.values())
    print(json.dumps({"network": options.network, "images": len(paths), "dimension": expected.shape[1],
                      "spread": float(spread), "torch": torch.__version__, "torchvision": torchvision.__version__,
                      "tolerance": options.tolerance, "is_near": is_near, "files": result}, indent=1))
    return 0 if is_near else 1


if __name__ == "__main__":
    sys.exit(main())
