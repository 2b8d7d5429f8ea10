"""One whole DINO training step in PyTorch on the CPU, as one JSON line: images per second and peak memory.

The same work as `emanate benchmark step`: the teacher sees the global crops, the student all of them; loss over the
pairs of different views, backward, clipping tensor by tensor, AdamW, center, teacher. The crops are random numbers,
so nothing is decoded. Two steps warm up; the median of the others counts."""
import argparse
import json
import statistics
import time

import torchvision_cpu  # noqa: F401
from memory import peak_resident_bytes
import timm
import torch
import torch.nn.functional as F
from torch import nn


class Head(nn.Module):
    def __init__(self, width, prototypes):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(width, 2048), nn.GELU(), nn.Linear(2048, 2048), nn.GELU(),
                                 nn.Linear(2048, 256))
        self.last = nn.utils.parametrizations.weight_norm(nn.Linear(256, prototypes, bias=False))
        gain = self.last.parametrizations.weight.original0
        gain.data.fill_(1)
        gain.requires_grad = False

    def forward(self, x):
        return self.last(F.normalize(self.mlp(x), dim=-1))


class Encoder(nn.Module):
    """One backbone pass for each side, one head pass for all."""

    def __init__(self, options, drop_path):
        super().__init__()
        self.backbone = timm.create_model(
            f"vit_{options.arch}_patch16_224", pretrained=False, num_classes=0, patch_size=options.patch,
            img_size=options.global_side, dynamic_img_size=True, drop_path_rate=drop_path)
        self.head = Head(self.backbone.num_features, options.prototypes)

    def forward(self, groups):
        return self.head(torch.cat([self.backbone(group) for group in groups]))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="tiny")
    parser.add_argument("--patch", type=int, default=16)
    parser.add_argument("--global-side", type=int, default=224)
    parser.add_argument("--local-side", type=int, default=96)
    parser.add_argument("--locals", type=int, default=8)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--prototypes", type=int, default=65536)
    parser.add_argument("--bf16", action="store_true", help="bfloat16 by autocast")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--plain-attention", action="store_true",
                        help="matrix products and softmax in place of the fused kernel; the faster one depends on the "
                             "setting, so compare with the better of both")
    return parser.parse_args()


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    timm.layers.set_fused_attn(not options.plain_attention)
    torch.manual_seed(0)
    student, teacher = Encoder(options, 0.1), Encoder(options, 0.0)
    teacher.load_state_dict(student.state_dict())
    teacher.requires_grad_(False)
    trained = [p for p in student.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW([{"params": [p for p in trained if p.ndim > 1]},
                                   {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0}], fused=True)
    center = torch.zeros(1, options.prototypes)
    views = 2 + options.locals
    groups = [torch.randn(2 * options.batch, 3, options.global_side, options.global_side),
              torch.randn(options.locals * options.batch, 3, options.local_side, options.local_side)]

    def step():
        nonlocal center
        with torch.autocast("cpu", torch.bfloat16, enabled=options.bf16):
            with torch.no_grad():
                teacher_logits = teacher(groups[:1])
            student_logits = student(groups)
        teacher_logits, student_logits = teacher_logits.float(), student_logits.float()
        targets = F.softmax((teacher_logits - center) / 0.04, dim=-1).chunk(2)
        guesses = [F.log_softmax(guess / 0.1, dim=-1) for guess in student_logits.chunk(views)]
        terms = [-(target * guess).sum(dim=-1).mean()
                 for g, target in enumerate(targets) for v, guess in enumerate(guesses) if g != v]
        loss = sum(terms) / len(terms)
        optimizer.zero_grad()
        loss.backward()
        for p in trained:
            coefficient = 3.0 / (p.grad.norm() + 1e-6)
            if coefficient < 1:
                p.grad.mul_(coefficient)
        optimizer.step()
        center = 0.9 * center + 0.1 * teacher_logits.mean(dim=0, keepdim=True)
        with torch.no_grad():
            torch._foreach_lerp_(list(teacher.parameters()), list(student.parameters()), 1 - 0.996)
        return loss.item()

    seconds = []
    for _ in range(max(options.steps, 3)):
        start = time.perf_counter()
        loss = step()
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds[2:])
    print(json.dumps({"peer": f"torch {torch.__version__}", **vars(options),
                      "images_per_second": options.batch / median, "step_seconds": median, "loss": loss,
                      "parameters": sum(p.numel() for p in student.parameters()),
                      "peak_resident_bytes": peak_resident_bytes()}))


main()
