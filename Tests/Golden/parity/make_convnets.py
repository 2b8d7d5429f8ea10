#!/usr/bin/env python3
"""Makes the fixtures of networks of convolutions beside this file, the float64 runs; README.md describes them."""
from make_parity import digest, filled, save, torch, worst
import torchvision
from torch import nn
from timm.models.convnext import ConvNeXt
from torchvision.models import mobilenet_v2, mobilenet_v3_small, resnet
from torchvision.models.resnet import BasicBlock, Bottleneck

from hash_fill import hash_filled_gate, hash_filled_parameter


class SmallResNet(resnet.ResNet):
    """Few blocks a stage, few channels; `small_images` has CIFAR's stem."""

    def __init__(self, block, channels, small_images, depth=1):
        super().__init__(block, [depth] * 4)
        self.inplanes = channels
        self.conv1 = nn.Conv2d(3, channels, 3 if small_images else 7, 1 if small_images else 2,
                               1 if small_images else 3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        if small_images:
            self.maxpool = nn.Identity()
        for stage in range(4):
            setattr(self, f"layer{stage + 1}", self._make_layer(block, channels << stage, depth, stride=min(stage, 1) + 1))


def hash_filled_network(network, dtype, gated=False):
    for name in ("fc", "classifier"):
        if hasattr(network, name):
            setattr(network, name, nn.Identity())
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                is_gate = gated and tensor.ndim == 1 and "running" not in name
                fill = hash_filled_gate if is_gate else hash_filled_parameter
                tensor.copy_(torch.from_numpy(fill(name, tuple(tensor.shape))))
    return network.to(dtype)


def run(network, dtype, side, batch, prefix="", keep=lambda name, tensor: tensor.clone()):
    """Outputs, losses and gradients in both modes; evaluation comes first, so that its statistics are the hashed ones."""
    images = filled(f"{prefix}input", batch, 3, side, side, dtype=dtype)
    tensors = {}
    for mode in ("evaluation", "training"):
        network.train(mode == "training")
        network.zero_grad()
        output = network(images)
        loss = (output * filled(f"{prefix}weights", *output.shape, dtype=dtype)).sum()
        loss.backward()
        tensors |= {f"{prefix}{mode}.output": output.detach(), f"{prefix}{mode}.loss": loss.detach().reshape(1)}
        for name, p in network.named_parameters():
            tensors[f"{prefix}{mode}.gradient.{name}"] = keep(name, p.grad)
    for name, buffer in network.named_buffers():
        if not name.endswith("num_batches_tracked"):
            tensors[f"{prefix}buffer.{name}"] = keep(name, buffer)
    return tensors


def measured(runs, prefix):
    """How far the runs are apart; a bias that another normalization follows has no gradient but rounding, and is left out."""
    nothing = {key for key, tensor in runs[1].items() if tensor.norm() < 1e-9}
    runs = [{key: tensor for key, tensor in run.items() if key not in nothing} for run in runs]
    return {f"measured_{kind}": worst(*runs, f"{prefix}{kind}") for kind in
            ("training.output", "training.gradient", "evaluation.output", "evaluation.gradient", "buffer")
            if any(key.startswith(f"{prefix}{kind}") for key in runs[1])}


def small():
    runs = []
    for dtype in (torch.float32, torch.float64):
        tensors = {}
        for name, block, small_images, side in (("basic", BasicBlock, True, 16), ("bottleneck", Bottleneck, False, 40)):
            network = hash_filled_network(SmallResNet(block, 2, small_images), dtype)
            tensors |= run(network, dtype, side, 3, f"{name}.")
        runs.append(tensors)
    save("convnets_small", runs[1], torchvision=torchvision.__version__,
         **{f"{key}_{name}": value for name in ("basic", "bottleneck")
            for key, value in measured(runs, f"{name}.").items()})


def full(name, make):
    runs = [run(hash_filled_network(make(), dtype, True), dtype, 64, 4, keep=lambda name, tensor: digest(name, tensor)[:42]) for dtype in (torch.float32, torch.float64)]
    save(name, runs[1], torchvision=torchvision.__version__, **measured(runs, ""),
         layout="gradient.*, buffer.*: norm, sum, 40 values at hashed places; batch 4 of 64 pixels")


def convnext():
    """timm's, thin; layer scales as large as other weights of one axis, or nothing would be seen of the branches."""
    runs = []
    for dtype in (torch.float32, torch.float64):
        network = hash_filled_network(ConvNeXt(depths=(1, 1, 2, 1), dims=(4, 6, 8, 10), num_classes=0), dtype)
        runs.append(run(network, dtype, 64, 2))
    save("convnext_small", runs[1], **measured(runs, ""))


if __name__ == "__main__":
    torch.set_num_threads(1)
    small()
    full("resnet18", resnet.resnet18)
    full("resnet50", resnet.resnet50)
    full("mobilenet_v2", mobilenet_v2)
    full("mobilenet_v3_small", mobilenet_v3_small)
    convnext()
