#!/usr/bin/env python3
"""DINO or BYOL on a small ConvNet in plain PyTorch, from the same configuration file as `emanate pretrain`.

Trains on a folder of images, then prints the top-1 accuracy under k-NN of both networks as one JSON object, so that
what two implementations learn in the same steps can be compared. It understands the settings that
Benchmarks/learning-configs use, and refuses others."""
import argparse
import copy
import json
import math
import time
from pathlib import Path

import torchvision_cpu  # noqa: F401
import torch
import torch.nn.functional as F
import yaml
from torch import nn
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.models.resnet import BasicBlock
from torchvision.transforms import InterpolationMode

ROOT = Path(__file__).resolve().parents[2]


# --- Networks ---------------------------------------------------------------------------------------------------------

class ResNet(nn.Module):
    """ResNet-18 of any width with the stem for small images (He et al. 2015): [B, 3, S, S] -> [B, 8 C]."""

    def __init__(self, channels):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU())
        blocks, width = [], channels
        for stage in range(4):
            out, stride = channels << stage, 1 if stage == 0 else 2
            shortcut = None
            if stage > 0:
                shortcut = nn.Sequential(nn.Conv2d(width, out, 1, stride, bias=False), nn.BatchNorm2d(out))
            blocks += [BasicBlock(width, out, stride, shortcut), BasicBlock(out, out)]
            width = out
        self.blocks, self.width = nn.Sequential(*blocks), width
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        return self.blocks(self.stem(x)).mean(dim=(2, 3))


class DINOHead(nn.Module):
    """[N, D] -> [N, K], cosines with the prototypes (Caron et al. 2021)."""

    def __init__(self, width, hidden, bottleneck, prototypes, batch_norm):
        super().__init__()
        layers = []
        for inputs in (width, hidden):
            layers += [nn.Linear(inputs, hidden), *([nn.BatchNorm1d(hidden)] if batch_norm else []), nn.GELU()]
        self.mlp = nn.Sequential(*layers, nn.Linear(hidden, bottleneck))
        for m in self.mlp:
            if isinstance(m, nn.Linear):
                nn.init.trunc_normal_(m.weight, std=0.02)
                nn.init.zeros_(m.bias)
        self.last_layer = nn.utils.parametrizations.weight_norm(nn.Linear(bottleneck, prototypes, bias=False))
        self.last_layer.parametrizations.weight.original0.data.fill_(1)
        self.last_layer.parametrizations.weight.original0.requires_grad = False

    def forward(self, x):
        return self.last_layer(F.normalize(self.mlp(x), dim=-1))


def mlp(inputs, hidden, output):
    """BYOL's projector and predictor (Grill et al. 2020)."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.BatchNorm1d(hidden), nn.ReLU(),
                         nn.Linear(hidden, output, bias=False))


# --- Methods ----------------------------------------------------------------------------------------------------------

def sinkhorn(logits, temperature, iterations=3):
    """[N, K] -> [N, K]: targets that use every prototype alike (Caron et al. 2020, SwAV; DINOv2's)."""
    q = (logits / temperature).exp().T
    q /= q.sum()
    for _ in range(iterations):
        q /= q.sum(dim=1, keepdim=True) * q.shape[0]
        q /= q.sum(dim=0, keepdim=True) * q.shape[1]
    return (q * q.shape[1]).T


class DINO(nn.Module):
    def __init__(self, config):
        super().__init__()
        backbone, head, self.options = ResNet(config["network"]["channels"]), config["head"], config["dino"]
        sizes = (head[key] for key in ("hidden", "bottleneck", "prototypes", "batchNorm"))
        self.student = nn.ModuleDict({"backbone": backbone, "head": DINOHead(backbone.width, *sizes)})
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.register_buffer("center", torch.zeros(1, head["prototypes"]))

    def loss(self, groups, now):
        """groups: lists of views of one side, each [B, 3, S, S]; the first holds the global ones."""
        with torch.no_grad():
            outputs = self.teacher.head(self.teacher.backbone(torch.cat(groups[0])))
            if self.options["centering"] == "sinkhorn":
                targets = sinkhorn(outputs, now["temperature"])
            else:
                targets = F.softmax((outputs - self.center) / now["temperature"], dim=-1)
            targets = targets.chunk(len(groups[0]))
        features = torch.cat([self.student.backbone(torch.cat(group)) for group in groups])
        guesses = F.log_softmax(self.student.head(features) / 0.1, dim=-1).chunk(sum(map(len, groups)))
        pairs = [-(t * s).sum(-1).mean() for i, t in enumerate(targets) for j, s in enumerate(guesses) if i != j]
        self.center = self.center * 0.9 + outputs.mean(0, keepdim=True) * 0.1
        return sum(pairs) / len(pairs)

    def before_step(self, now):
        if now["epoch"] < self.options["freezeLastLayerEpochs"]:
            for p in self.student.head.last_layer.parameters():
                p.grad = None


class BYOL(nn.Module):
    def __init__(self, config):
        super().__init__()
        backbone, head = ResNet(config["network"]["channels"]), config["projector"]
        self.student = nn.ModuleDict({
            "backbone": backbone, "projector": mlp(backbone.width, head["hidden"], head["output"]),
            "predictor": mlp(head["output"], head["predictorHidden"], head["output"])})
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)

    def loss(self, groups, now):
        """groups: one list of two views, each [B, 3, S, S] and a batch of its own for the normalisation."""
        views = groups[0]
        with torch.no_grad():
            targets = [self.teacher.projector(self.teacher.backbone(view)) for view in views]
        guesses = [self.student.predictor(self.student.projector(self.student.backbone(view))) for view in views]
        pairs = ((guesses[0], targets[1]), (guesses[1], targets[0]))
        return sum((2 - 2 * F.cosine_similarity(guess, target, dim=-1)).mean() for guess, target in pairs)

    def before_step(self, now):
        pass


METHODS = {"dino": DINO, "byol": BYOL}


# --- Data -------------------------------------------------------------------------------------------------------------

class MultiCrop:
    """The recipe's views of a picture, as lists of tensors by side."""

    def __init__(self, recipe):
        normalize = transforms.Normalize(recipe["mean"], recipe["std"])
        modes = {"bicubic": InterpolationMode.BICUBIC, "bilinear": InterpolationMode.BILINEAR}
        self.views = []
        for view in recipe["views"]:
            steps = [transforms.RandomResizedCrop(view["side"], view["area"], view.get("ratio", (3 / 4, 4 / 3)),
                                                  interpolation=modes[recipe["interpolation"]])]
            steps += [self.augmentation(*item) for described in view["augmentations"] for item in described.items()]
            steps += [transforms.ToTensor(), normalize]
            self.views.append((view["count"], view["side"], transforms.Compose(steps)))

    @staticmethod
    def augmentation(name, options):
        if name == "flip":
            return transforms.RandomHorizontalFlip(options["probability"])
        if name == "solarize":
            return transforms.RandomSolarize(options["threshold"], options["probability"])
        if name == "jitter":
            jitter = transforms.ColorJitter(*(options[k] for k in ("brightness", "contrast", "saturation", "hue")))
            return transforms.RandomApply([jitter], options["probability"])
        raise SystemExit(f"the augmentation {name} is not written here")

    def __call__(self, picture):
        groups = {}
        for count, side, transform in self.views:
            groups.setdefault(side, []).extend(transform(picture) for _ in range(count))
        return list(groups.values())


class Pictures(torch.utils.data.Dataset):
    """A folder's pictures, decoded once."""

    def __init__(self, folder, transform):
        self.items, self.transform = [(picture.copy(), label) for picture, label in ImageFolder(folder)], transform

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        picture, label = self.items[i]
        return self.transform(picture), label


@torch.no_grad()
def features(backbone, folder, recipe, side):
    """[N, D] of unit length and [N]; in evaluation mode, the pictures whole."""
    short = int(side / recipe.get("evaluationCrop", 0.875))
    transform = transforms.Compose([
        transforms.Resize(short, interpolation=InterpolationMode.BICUBIC), transforms.CenterCrop(side),
        transforms.ToTensor(), transforms.Normalize(recipe["mean"], recipe["std"])])
    backbone.eval()
    batches = torch.utils.data.DataLoader(Pictures(folder, transform), 256)
    found = [(F.normalize(backbone(images), dim=-1), labels) for images, labels in batches]
    return torch.cat([f for f, _ in found]), torch.cat([labels for _, labels in found])


def knn(train, test, k, temperature=0.07):
    """Top-1 in percent; weights exp(cosine / temperature) (Wu et al. 2018, and DINO's eval_knn.py)."""
    (bank, labels), (queries, truth) = train, test
    similarities, nearest = (queries @ bank.T).topk(k)
    votes = torch.zeros(len(queries), int(labels.max()) + 1)
    votes.scatter_add_(1, labels[nearest], (similarities / temperature).exp())
    return 100 * (votes.argmax(1) == truth).float().mean().item()


# --- Training ---------------------------------------------------------------------------------------------------------

def cosine(first, last, i, n):
    return last + (first - last) * (1 + math.cos(math.pi * i / n)) / 2


def schedules(config, steps, steps_per_epoch):
    """What a step needs to know, step by step; warm-ups are cut as `emanate pretrain` cuts them."""
    training, ema, decay, dino = (config[part] for part in ("training", "ema", "optimizer", "dino"))
    peak = training["learningRate"] * training["batchSize"] / training["scalingBatch"]
    warmup = min(training["warmupEpochs"] * steps_per_epoch, steps // 10)
    stairs = min(dino["warmupTeacherTemperatureEpochs"], 3 * steps // (10 * steps_per_epoch))
    for i in range(steps):
        epoch = i // steps_per_epoch
        if i < warmup:
            rate = training["warmupLearningRate"] + (peak - training["warmupLearningRate"]) * i / max(1, warmup - 1)
        else:
            rate = cosine(peak, training["finalLearningRate"], i - warmup, steps - warmup)
        temperature = dino["teacherTemperature"]
        if epoch < stairs:
            first = dino["warmupTeacherTemperature"]
            temperature = first + (temperature - first) * epoch / max(1, stairs - 1)
        yield {"epoch": epoch, "rate": rate, "temperature": temperature,
               "momentum": cosine(ema["momentum"], ema["finalMomentum"], i, steps),
               "decay": cosine(decay["weightDecay"], decay["finalWeightDecay"], i, steps)}


def optimizer_of(network, options):
    trained = [p for p in network.parameters() if p.requires_grad]
    groups = [{"params": [p for p in trained if p.ndim > 1]},
              {"params": [p for p in trained if p.ndim == 1], "weight_decay": 0}]
    if options["name"] == "sgd":
        return torch.optim.SGD(groups, lr=0, momentum=options["momentum"])
    if options["name"] == "adamw":
        return torch.optim.AdamW(groups, lr=0, betas=(options["beta1"], options["beta2"]), eps=options["epsilon"])
    raise SystemExit(f"the optimizer {options['name']} is not written here")


def train(config, recipe, folder, seed, workers):
    torch.manual_seed(seed)
    training, clip = config["training"], config["optimizer"]["clip"]
    loader = torch.utils.data.DataLoader(Pictures(folder, MultiCrop(recipe)), training["batchSize"], shuffle=True,
                                         drop_last=True, num_workers=workers, persistent_workers=workers > 0)
    method = METHODS[config["method"]](config).to(memory_format=torch.channels_last).train()
    optimizer = optimizer_of(method.student, config["optimizer"])
    steps = training["steps"] or training["epochs"] * len(loader)  # YAML 1.1 reads `off` as False
    moments = list(schedules(config, steps, len(loader)))
    start, step = time.monotonic(), 0
    while step < steps:
        for groups, _ in loader:
            if step == steps:
                break
            now = moments[step]
            for group, decays in zip(optimizer.param_groups, (True, False)):
                group["lr"] = now["rate"]
                if decays:
                    group["weight_decay"] = now["decay"]
            groups = [[view.contiguous(memory_format=torch.channels_last) for view in group] for group in groups]
            loss = method.loss(groups, now)
            optimizer.zero_grad()
            loss.backward()
            if clip:
                for p in method.student.parameters():
                    if p.grad is not None:
                        p.grad.mul_(min(1.0, clip / (p.grad.norm().item() + 1e-6)))
            method.before_step(now)
            optimizer.step()
            with torch.no_grad():
                for old, new in zip(method.teacher.parameters(), method.student.parameters()):
                    old.mul_(now["momentum"]).add_(new, alpha=1 - now["momentum"])
            step += 1
    return method, steps * training["batchSize"] / (time.monotonic() - start)


def merged(base, above):
    """Two nested dictionaries; the second one's values count, and its keys must be in the first."""
    result = dict(base)
    for key, value in above.items():
        if key not in base:
            raise SystemExit(f"{key} is no setting")
        result[key] = merged(base[key], value) if isinstance(value, dict) and isinstance(base[key], dict) else value
    return result


def parsed(text):
    """YAML, with 1e-08 as a number too, which YAML 1.1 wants as 1.0e-08."""
    def number(value):
        if isinstance(value, dict):
            return {key: number(item) for key, item in value.items()}
        try:
            return float(value) if isinstance(value, str) else value
        except ValueError:
            return value
    return number(yaml.safe_load(text))


def settings(path, assignments):
    """The configuration over configs/defaults.yaml, and its recipe."""
    config = merged(parsed((ROOT / "configs/defaults.yaml").read_text()), parsed(path.read_text()))
    for assignment in assignments:
        keys, text = assignment.split("=", 1)
        value = parsed(text)
        for key in reversed(keys.split(".")):
            value = {key: value}
        config = merged(config, value)
    supported = {"network.architecture": "resnet18", "network.stem": "cifar", "dino.studentTemperature": 0.1,
                 "dino.centerMomentum": 0.9, "projector.independentTarget": False,
                 "optimizer.clipping": "parameter", "training.scaling": "linear", "training.schedule": "cosine",
                 "dino.warmupTeacherTemperatureBy": "epoch", "ema.schedule": "cosine", "optimizer.nesterov": False}
    for keys, value in supported.items():
        part, key = keys.split(".")
        if config[part][key] != value and not (part == "projector" and config["method"] != "byol"):
            raise SystemExit(f"{keys}: this script has only {value}, not {config[part][key]}")
    recipe = Path(config["data"]["recipe"])
    recipe = recipe if recipe.suffix else ROOT / "augmentations/recipes" / f"{recipe}.yaml"
    return config, yaml.safe_load(recipe.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting over the file's")
    parser.add_argument("--train", type=Path, required=True, help="folder with a folder of images per class")
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2, help="processes that make views")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    config, recipe = settings(given.config, given.set)
    method, rate = train(config, recipe, given.train, given.seed, given.workers)
    result = {"method": config["method"], "seed": given.seed, "imagesPerSecond": round(rate, 1)}
    for name, network in (("teacher", method.teacher), ("student", method.student)):
        banks = [features(network.backbone, folder, recipe, config["network"]["side"])
                 for folder in (given.train, given.test)]
        result[name] = round(knn(*banks, given.k), 2)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
