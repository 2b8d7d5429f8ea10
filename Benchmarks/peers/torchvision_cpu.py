"""Imported before torchvision or timm.

torchvision's wheel brings operators that do not load beside a CPU build of torch, and then its import fails. Their
schemas are declared here, so that transforms and models work; the detection operators themselves do not."""
import torch

_library = torch.library.Library("torchvision", "DEF")
for _name in ("nms", "qnms"):
    _library.define(_name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import torchvision  # noqa: E402,F401
