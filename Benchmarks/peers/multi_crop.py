"""DINO's multi-crop pipeline in torchvision on a folder of images, as one JSON line: images per second.

Decoding, two global views of 224 and eight local ones of 96 with DINO's published parameters, normalization,
batching. With `--workers 0` all work is in this process, on one core; the first pass over the images warms up."""
import argparse
import json
import random
import time
from pathlib import Path

import torchvision_cpu  # noqa: F401
from memory import peak_resident_bytes
import torch
import torchvision
from PIL import Image, ImageFilter
from torchvision import transforms as T


class Blur:
    def __init__(self, probability):
        self.probability = probability

    def __call__(self, image):
        if random.random() > self.probability:
            return image
        return image.filter(ImageFilter.GaussianBlur(radius=random.uniform(0.1, 2)))


def view(side, area, blur, solarize=0.0):
    steps = [T.RandomResizedCrop(side, scale=area, interpolation=T.InterpolationMode.BICUBIC),
             T.RandomHorizontalFlip(), T.RandomApply([T.ColorJitter(0.4, 0.4, 0.2, 0.1)], p=0.8),
             T.RandomGrayscale(0.2), Blur(blur)]
    if solarize > 0:
        steps.append(T.RandomSolarize(128, p=solarize))
    return T.Compose([*steps, T.ToTensor(), T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])


class Folder(torch.utils.data.Dataset):
    def __init__(self, root, limit):
        files = (f for f in Path(root).rglob("*") if f.suffix.lower() in (".jpg", ".jpeg", ".png"))
        self.files = sorted(files)[:limit]
        self.views = [view(224, (0.4, 1), 1.0), view(224, (0.4, 1), 0.1, solarize=0.2),
                      *[view(96, (0.05, 0.4), 0.5)] * 8]

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        image = Image.open(self.files[index]).convert("RGB")
        return [view(image) for view in self.views]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    options = parser.parse_args()
    torch.set_num_threads(1)
    loader = torch.utils.data.DataLoader(
        Folder(options.data, options.images), batch_size=options.batch, shuffle=True, num_workers=options.workers,
        persistent_workers=options.workers > 0)
    for _ in loader:
        pass
    start = time.perf_counter()
    seen = sum(batch[0].shape[0] for batch in loader)
    seconds = time.perf_counter() - start
    print(json.dumps({"peer": f"torchvision {torchvision.__version__}", **vars(options),
                      "images_per_second": seen / seconds,
                      "peak_resident_bytes": peak_resident_bytes()}))


main()
