"""Golden images for the augmentation tests, from Pillow and torchvision.

Run with Pillow, numpy, torch and torchvision installed; `versions` in cases.json says which made the files here.
Inputs are PNG files; the results of an operation stand below each other in the PNG file of its name, and cases.json
lists them. Pictures are synthetic: smooth colours,
edges, noise, saturated levels, and every hue.
"""
import json
from pathlib import Path

import torch

from sheets import save

# The torchvision wheel's operators do not load beside a CPU build of torch; its transforms need only their
# schemas.
library = torch.library.Library("torchvision", "DEF")
for operator in ("nms", "qnms"):
    library.define(operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import numpy as np  # noqa: E402
import PIL  # noqa: E402
import torchvision  # noqa: E402
from PIL import Image, ImageFilter, ImageOps  # noqa: E402
from torchvision import transforms as T  # noqa: E402
from torchvision.transforms import functional as F  # noqa: E402

here = Path(__file__).parent
random = np.random.default_rng(0)
cases = []
sheets = {}


def picture(width, height):
    """Smooth waves, a hard edge, a patch of noise and one of pure colours."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    phases = random.uniform(0, 6, (3, 2))
    waves = random.uniform(0.02, 0.2, (3, 2))
    channels = [127.5 + 127.5 * np.sin(x * waves[c, 0] + y * waves[c, 1] + phases[c, 0]) for c in range(3)]
    image = np.stack(channels, -1)
    image[height // 3:height // 2, width // 4:width // 2] = (255, 0, 10)
    noise = random.integers(0, 256, (max(height // 4, 1), max(width // 4, 1), 3))
    image[-noise.shape[0]:, -noise.shape[1]:] = noise
    return Image.fromarray(image.round().astype(np.uint8))


def colours():
    """Levels on a grid of 20 a channel, as 100 x 80 pixels."""
    levels = np.linspace(0, 255, 20).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(80, 100, 3)
    return Image.fromarray(grid)


def case(operation, source, result, **parameters):
    """Adds the result to the operation's sheet, below the earlier ones."""
    sheet = sheets.setdefault(operation, [])
    cases.append({"operation": operation, "input": source, "y": sum(r.height for r in sheet),
                  "width": result.width, "height": result.height, "parameters": parameters})
    sheet.append(result)


pictures = {}
for index, size in enumerate([(61, 47), (40, 90), (7, 5), (1, 1), (130, 33)]):
    name = f"input-{index}.png"
    pictures[name] = picture(*size)
    pictures[name].save(here / name, optimize=True)
grid = colours()
grid.save(here / "colours.png", optimize=True)

# Resizing: up, down, both, to one pixel, from one pixel
for name, image in pictures.items():
    for width, height in [(24, 24), (96, 33), (1, 1), (33, 17), (70, 64)]:
        for filter in ("bicubic", "bilinear"):
            if filter == "bilinear" and (width, height) not in ((24, 24), (70, 64)):
                continue
            resample = Image.Resampling.BICUBIC if filter == "bicubic" else Image.Resampling.BILINEAR
            case("resize", name, image.resize((width, height), resample), filter=filter)
image = pictures["input-0.png"]
for box in [(0, 0, 61, 47), (3.25, 4.5, 40.75, 44.125), (10, 20, 12, 21), (0.1, 0, 60.9, 46), (20, 5, 61, 30)]:
    for side in (20, 64):
        case("resize", "input-0.png", image.resize((side, side), Image.Resampling.BICUBIC, box=box),
             filter="bicubic", box=box)
for name in ("input-0.png", "input-1.png"):
    image = pictures[name]
    for _ in range(6):
        w, h = int(random.integers(2, image.width + 1)), int(random.integers(2, image.height + 1))
        x, y = int(random.integers(0, image.width - w + 1)), int(random.integers(0, image.height - h + 1))
        side = int(random.choice([12, 32, 56]))
        result = F.resized_crop(image, y, x, h, w, [side, side], T.InterpolationMode.BICUBIC)
        case("resized_crop", name, result, x=x, y=y, w=w, h=h)

# Colours
for name, image in [("colours.png", grid), ("input-0.png", pictures["input-0.png"])]:
    for factor in (0.0, 0.6, 0.777, 1.0, 1.123, 1.4):
        case("brightness", name, F.adjust_brightness(image, factor), factor=factor)
        case("contrast", name, F.adjust_contrast(image, factor), factor=factor)
        case("saturation", name, F.adjust_saturation(image, factor), factor=factor)
    for turns in (-0.5, -0.1, -0.0123, 0.0, 0.043, 0.1, 0.5):
        case("hue", name, F.adjust_hue(image, turns), turns=turns)
    case("grayscale", name, F.rgb_to_grayscale(image, 3))
    case("solarize", name, ImageOps.solarize(image, 128), threshold=128)
    case("flip", name, F.hflip(image))

# Blur: radii below and above those of the recipe, images smaller than the box
for name, radii in [("input-0.png", (0.1, 0.4, 0.7, 1.0, 1.414, 1.7, 2.0, 3.3)), ("input-1.png", (0.9, 1.9)),
                    ("input-2.png", (0.5, 2.0, 6.0)), ("input-3.png", (2.0,)), ("colours.png", (0.3, 1.2, 2.0))]:
    image = grid if name == "colours.png" else pictures[name]
    for radius in radii:
        case("blur", name, image.filter(ImageFilter.GaussianBlur(radius)), radius=radius)

# Evaluation: odd sides, so that both roundings of the crop occur
for name in ("input-0.png", "input-1.png", "input-2.png", "input-4.png"):
    for side in (28, 33, 48):
        transform = T.Compose([T.Resize(side * 256 // 224, T.InterpolationMode.BICUBIC), T.CenterCrop(side)])
        case("evaluation", name, transform(pictures[name]), side=side)

# What normalisation gives for every level of each channel
levels = torch.arange(256, dtype=torch.float32).div(255).expand(3, 1, 256)
normalized = T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))(levels).reshape(3, 256)

for operation, results in sheets.items():
    save(results, here / f"{operation}.png")

versions = {"Pillow": PIL.__version__, "torchvision": torchvision.__version__, "torch": torch.__version__}
lines = ",\n".join("    " + json.dumps(c) for c in cases)
(here / "cases.json").write_text(
    "{\n" + f'  "versions": {json.dumps(versions)},\n'
    + f'  "normalized": {json.dumps([[float(f"{v:.9g}") for v in row] for row in normalized.tolist()])},\n'
    + f'  "cases": [\n{lines}\n  ]\n}}\n')
