"""Five steps of BYOL as its authors' code takes them (deepmind-research, byol/byol_experiment.py), in PyTorch.

One order in all: target network on both views, online network on both, each view a batch of its own; the loss of both
directions; LARS with its exclusions; then the target network moves toward the new online network.
"""
import math

import torch
from make_convnets import SmallResNet
from make_parity import filled
from torch import nn
from torchvision.models import resnet
from torchvision.models.resnet import BasicBlock

from hash_fill import hash_filled_gate, hash_filled_parameter

STEPS, MOMENTUM, TRUST, WEIGHT_DECAY, LEARNING_RATE, TEACHER_MOMENTUM = 5, 0.9, 1e-3, 0.01, 1.0, 0.9


def thin_backbone():
    """ResNet-18 with four channels in its first stage and CIFAR's stem."""
    return SmallResNet(BasicBlock, 4, True, depth=2), 32


def full_backbone():
    return resnet.resnet18(), 512


def head(inputs, hidden, output):
    return nn.Sequential(nn.Linear(inputs, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, output, bias=False))


class Network(nn.Module):
    """Backbone, projector and predictor."""

    def __init__(self, backbone, hidden, output, dtype, gated, prefix=""):
        super().__init__()
        self.backbone, width = backbone()
        for name in ("fc", "classifier"):
            if hasattr(self.backbone, name):
                setattr(self.backbone, name, nn.Identity())
        self.projector, self.predictor = head(width, hidden, output), head(output, hidden, output)
        with torch.no_grad():
            for name, tensor in self.named().items():
                is_gate = gated and tensor.ndim == 1 and "running" not in name
                fill = hash_filled_gate if is_gate else hash_filled_parameter
                tensor.copy_(torch.from_numpy(fill(prefix + name, tuple(tensor.shape))))
        self.to(dtype)

    def named(self, buffers=True):
        """Parameters, and buffers, by the names they have in a file."""
        tensors = dict(self.named_parameters()) | (dict(self.named_buffers()) if buffers else {})
        return {name.removeprefix("backbone."): t for name, t in tensors.items() if not name.endswith("num_batches_tracked")}


def cosine(step):
    return (math.cos(math.pi * step / STEPS) + 1) / 2


def regression_loss(x, y):
    """deepmind-research's: 2 - 2 cos of every row."""
    x, y = nn.functional.normalize(x, dim=-1, eps=1e-6), nn.functional.normalize(y, dim=-1, eps=1e-6)
    return (x - y).square().sum(-1)


def five_steps(run, dtype, mutation=None):
    """Losses, changes w - w0 and buffers of both networks after five steps.

    `run` is (backbone, side, batch, hidden, output, gated, the target's prefix). `mutation` is None or what a test should
    notice: early-ema, one-direction, shared-statistics, decay-on-biases, running-target, averaged-buffers."""
    backbone, side, batch, hidden, output, gated, prefix = run
    online = Network(backbone, hidden, output, dtype, gated)
    target = Network(backbone, hidden, output, dtype, gated, prefix)
    start = [{name: t.detach().clone() for name, t in network.named().items()} for network in (online, target)]
    direction = {name: torch.zeros_like(p) for name, p in online.named(False).items()}
    target.train(mutation != "running-target")
    losses = []
    for step in range(STEPS):
        views = filled(f"step.{step}", 2 * batch, 3, side, side, dtype=dtype).chunk(2)
        if mutation == "shared-statistics":
            views = [torch.cat(views)]
        with torch.no_grad():
            targets = torch.cat([target.projector(target.backbone(view)) for view in views]).chunk(2)
        projections = [online.projector(online.backbone(view)) for view in views]
        predictions = torch.cat([online.predictor(projection) for projection in projections]).chunk(2)
        loss = (regression_loss(predictions[0], targets[1]) + regression_loss(predictions[1], targets[0])).mean()
        if mutation == "one-direction":
            loss = 2 * regression_loss(predictions[1], targets[0]).mean()
        online.zero_grad()
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            def move_target():
                tau = 1 - (1 - TEACHER_MOMENTUM) * cosine(step)
                pairs = zip(target.named(mutation == "averaged-buffers").values(),
                            online.named(mutation == "averaged-buffers").values())
                for old, new in pairs:
                    old.add_((1 - tau) * (new - old))
            if mutation == "early-ema":
                move_target()
            for name, w in online.named(False).items():
                is_plain = name.endswith(".bias") or w.ndim == 1
                update = w.grad
                if not is_plain or mutation == "decay-on-biases":
                    update = update + WEIGHT_DECAY * w
                if not is_plain:
                    lengths = w.norm(), update.norm()
                    update = update * (TRUST * lengths[0] / lengths[1] if min(lengths) > 0 else 1.0)
                direction[name].mul_(MOMENTUM).add_(update)
                w.sub_(LEARNING_RATE * cosine(step) * direction[name])
            if mutation != "early-ema":
                move_target()
    result = {"losses": torch.tensor(losses, dtype=torch.float64)}
    for kind, network, then in zip(("online", "target"), (online, target), start):
        parameters = network.named(False)
        for name, tensor in network.named().items():
            result[f"{kind}.{name}"] = tensor.detach() - then[name] if name in parameters else tensor
    return result


THIN = (thin_backbone, 16, 8, 24, 12, True, "")
FULL = (full_backbone, 64, 4, 256, 32, True, "other.")
MUTATIONS = ("early-ema", "one-direction", "shared-statistics", "decay-on-biases", "running-target", "averaged-buffers")
