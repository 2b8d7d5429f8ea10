"""Golden values for RandAugment, random erasing, Mixup and CutMix, from torchvision.

Run with Pillow, numpy, torch and torchvision installed; `versions` in supervised.json says which made the files here.
The inputs are those of make_augmentations.py, which runs first; the results of an operation stand below each other in
the PNG file of its name.
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

import PIL  # noqa: E402
import torchvision  # noqa: E402
from PIL import Image  # noqa: E402
from torchvision import transforms as T  # noqa: E402
from torchvision.transforms import autoaugment, v2  # noqa: E402
from torchvision.transforms import functional as F  # noqa: E402

here = Path(__file__).parent
names = {"identity": "Identity", "shearX": "ShearX", "shearY": "ShearY", "translateX": "TranslateX",
         "translateY": "TranslateY", "rotate": "Rotate", "brightness": "Brightness", "color": "Color",
         "contrast": "Contrast", "sharpness": "Sharpness", "posterize": "Posterize", "solarize": "Solarize",
         "autocontrast": "AutoContrast", "equalize": "Equalize"}

# The values of magnitudes
magnitudes = []
for bins, width, height in [(31, 224, 224), (31, 61, 47), (11, 96, 33), (10, 7, 500), (2, 32, 32)]:
    space = autoaugment.RandAugment()._augmentation_space(bins, (height, width))
    assert list(space) == list(names.values())
    for own, theirs in names.items():
        values, signed = space[theirs]
        values = [float(v) for v in values] if values.ndim else [0.0] * bins
        magnitudes.append({"operation": own, "bins": bins, "width": width, "height": height, "isSigned": signed,
                           "values": values})

# The operations
sheets, cases = {}, []
for source in ("input-0.png", "input-1.png", "input-2.png", "input-3.png", "colours.png"):
    image = Image.open(here / source).convert("RGB")
    for own, theirs in names.items():
        values = {"shearX": (0.09, -0.3, 0.0), "shearY": (0.09, -0.3), "translateX": (30.4, -7.6), "translateY": (11.9, -3.0),
                  "rotate": (9.0, -9.0, 30.0, 0.0, -17.3), "brightness": (0.27, -0.9), "color": (0.27, -0.9),
                  "contrast": (0.27, -0.9, 0.9), "sharpness": (0.27, -0.27, -0.9, 0.9, -1.0), "posterize": (7, 4, 8),
                  "solarize": (178.5, 0.0, 255.0)}.get(own, (0.0,))
        for value in values:
            result = autoaugment._apply_op(image, theirs, float(value), T.InterpolationMode.NEAREST, None)
            sheet = sheets.setdefault("randaugment-" + own, [])
            cases.append({"operation": own, "input": source, "value": float(value), "y": sum(r.height for r in sheet),
                          "width": result.width, "height": result.height})
            sheet.append(result)
    # Rotations by other angles, and the vertical flip
    for operation, value, result in [("turn", 90.0, F.rotate(image, 90)), ("turn", 143.2, F.rotate(image, 143.2)),
                                     ("turn", -200.0, F.rotate(image, -200)), ("verticalFlip", 0.0, F.vflip(image))]:
        if operation == "turn" and value == 90 and image.width != image.height:
            continue
        sheet = sheets.setdefault("randaugment-" + operation, [])
        cases.append({"operation": operation, "input": source, "value": value, "y": sum(r.height for r in sheet),
                      "width": result.width, "height": result.height})
        sheet.append(result)
for name, results in sheets.items():
    save(results, here / f"{name}.png")

# The size of an erased rectangle, where share and ratio leave nothing to chance
erased = []
for width, height in [(224, 224), (61, 47), (32, 32), (96, 33)]:
    for share in (0.02, 0.1, 0.25, 0.33, 0.6, 0.95):
        for ratio in (0.3, 0.75, 1.0, 1.7, 3.3):
            _, _, h, w, _ = T.RandomErasing.get_params(
                torch.zeros(3, height, width), (share, share), (ratio, ratio), [0.0])
            erased.append({"width": width, "height": height, "share": share, "ratio": ratio, "w": w, "h": h})

# Mixed batches of three images of 8 x 8 pixels, five classes
images = (torch.arange(3 * 3 * 8 * 8) * 37 % 101).float().div(50).sub(1).reshape(3, 3, 8, 8)
labels = torch.tensor([4, 0, 2])
mixed = []
for share in (0.0, 0.25, 0.7, 1.0):
    mix = v2.MixUp(num_classes=5)
    mix.make_params = lambda inputs, share=share: {"lam": share}
    result, targets = mix(images, labels)
    mixed.append({"share": share, "images": result.flatten().tolist(), "targets": targets.flatten().tolist()})
for share, x, y in [(0.7, 1, 6), (0.2, 3, 3), (0.5, 7, 0), (0.9, 4, 4), (0.0, 2, 5)]:
    mix = v2.CutMix(num_classes=5)
    mix._dist.sample = lambda shape, share=share: torch.tensor([share], dtype=torch.float64)
    drawn = iter([torch.tensor([x]), torch.tensor([y])])
    randint, torch.randint = torch.randint, lambda *args, **keys: next(drawn)
    parameters = mix.make_params([images])
    torch.randint = randint
    mix.make_params = lambda inputs, parameters=parameters: parameters
    result, targets = mix(images, labels)
    x1, y1, x2, y2 = parameters["box"]
    mixed.append({"share": share, "centre": [x, y], "box": [x1, y1, x2 - x1, y2 - y1],
                  "images": result.flatten().tolist(), "targets": targets.flatten().tolist()})

versions = {"Pillow": PIL.__version__, "torchvision": torchvision.__version__, "torch": torch.__version__}


def lines(rows):
    def rounded(value):
        if isinstance(value, list):
            return [rounded(v) for v in value]
        return float(f"{value:.9g}") if isinstance(value, float) else value
    return "[\n" + ",\n".join("    " + json.dumps({k: rounded(v) for k, v in row.items()}) for row in rows) + "\n  ]"


(here / "supervised.json").write_text(
    "{\n" + f'  "versions": {json.dumps(versions)},\n  "magnitudes": {lines(magnitudes)},\n  "cases": {lines(cases)},\n'
    + f'  "erased": {lines(erased)},\n  "mixed": {lines(mixed)}\n}}\n')
