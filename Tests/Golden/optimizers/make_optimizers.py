"""Writes optimizers.json: the weights after two and after five steps of SGD, LARS and AdamW, with the rules by which
parameters differ.

Run with PyTorch and timm (made with torch 2.13, timm 1.0.31): python make_optimizers.py
SGD, AdamW and clipping are PyTorch's own. LARS is written out from its definitions: `update` is BYOL's
(deepmind-research, byol/utils/optimizers.py) and DINO's (utils.py), `sum` Lightning Bolts' and solo-learn's
(utils/lars.py). timm's Lars must agree with `sum` wherever no length is zero.
Weights and gradients are numbers made from names (../parity/hash_fill.py), the same in the tests.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "parity"))
sys.path.insert(0, str(HERE.parents[2] / "Benchmarks" / "peers"))
import torchvision_cpu  # noqa: E402,F401
import torch  # noqa: E402
from timm.optim import Lars  # noqa: E402

from hash_fill import hash_filled  # noqa: E402

SHAPES = {
    "cls_token": (1, 1, 6), "patch_embed.proj.weight": (4, 3, 2, 2), "blocks.0.fc.weight": (5, 7),
    "blocks.0.fc.bias": (5,), "blocks.1.fc.weight": (3, 5), "norm.weight": (6,), "zero.weight": (2, 3),
    "still.weight": (2, 3), "predictor.0.weight": (3, 4), "head.last_layer.weight_v": (4, 3),
}
# The first step of a warm-up has the rate 0.
RATES = [0.0, 0.1, 0.3, 0.2, 0.05]
DECAYS = [0.02, 0.04, 0.06, 0.08, 0.1]
PEAK = 0.3


def weights(dtype):
    """`zero.weight` starts at zero."""
    return {name: torch.nn.Parameter(torch.from_numpy(
        hash_filled(name, shape, 0.0 if name == "zero.weight" else 1.0)).to(dtype)) for name, shape in SHAPES.items()}


def give_gradients(parameters, step):
    """`still.weight` has a gradient of zero."""
    for name, p in parameters.items():
        scale = 0.0 if name == "still.weight" else 1.0
        p.grad = torch.from_numpy(hash_filled(f"{name}.{step}", SHAPES[name], scale)).to(p.dtype)


def is_spared(name):
    return name.endswith(".bias") or len(SHAPES[name]) == 1


def multiplier(name):
    """DINOv2's, of two blocks: 0.9^(depth + 1 - layer), the patch embedding's times 0.2; our last layer's times 0.5."""
    layer = 0 if name.split(".")[0] in ("cls_token", "patch_embed") else 3
    if name.startswith("blocks."):
        layer = int(name.split(".")[1]) + 1
    rate = 0.9 ** (2 + 1 - layer)
    return rate * (0.2 if "patch_embed" in name else 1) * (0.5 if "last_layer" in name else 1)


class WrittenLARS:
    """LARS from its definitions, one rule for each of the public codes."""

    def __init__(self, parameters, ratio, eta, clips, nesterov, momentum=0.9):
        self.parameters, self.ratio, self.eta, self.clips = parameters, ratio, eta, clips
        self.nesterov, self.momentum = nesterov, momentum
        self.direction = {name: torch.zeros_like(p) for name, p in parameters.items()}

    @torch.no_grad()
    def step(self, rate, decay):
        for name, p in self.parameters.items():
            g = p.grad
            if not is_spared(name):
                w, plain = p.norm(), g.norm()
                if self.ratio == "update":
                    g = g + decay * p
                    u = g.norm()
                    trust = self.eta * w / u if w > 0 and u > 0 else torch.ones(())
                    g = g * trust
                elif w != 0 and plain != 0:
                    trust = self.eta * w / (plain + decay * w + 1e-8)
                    if self.clips:
                        trust = trust.clamp(max=rate) / rate if rate > 0 else torch.ones(())
                    g = (g + decay * p) * trust
            b = self.direction[name]
            b.mul_(self.momentum).add_(g)
            p.sub_(rate * (g + self.momentum * b if self.nesterov else b))


def torch_optimizer(kind, parameters, rules, **options):
    """PyTorch's optimizer with a group a parameter; groups remember what their rules are."""
    groups = [dict(params=[p], name=name) for name, p in parameters.items()]
    optimizer = kind(groups, lr=0.0, weight_decay=0.0, **options)

    def step(rate, decay):
        for group in optimizer.param_groups:
            name = group["name"]
            base = PEAK if rules and name.startswith("predictor.") else rate
            group["lr"] = base * (multiplier(name) if rules else 1)
            group["weight_decay"] = 0.0 if is_spared(name) or rules and name == "cls_token" else decay
        optimizer.step()
    return step


def clip(parameters, clipping):
    if clipping == "global":
        torch.nn.utils.clip_grad_norm_(parameters.values(), 1.5)
    if clipping == "parameter":
        for p in parameters.values():
            torch.nn.utils.clip_grad_norm_([p], 0.5)


def case(dtype, optimizer, rules=False, clipping="off", **options):
    parameters = weights(dtype)
    if optimizer == "lars":
        step = WrittenLARS(parameters, **options).step
    else:
        step = torch_optimizer(torch.optim.SGD if optimizer == "sgd" else torch.optim.AdamW, parameters, rules, **options)
    steps = []
    for number, (rate, decay) in enumerate(zip(RATES, DECAYS)):
        give_gradients(parameters, number)
        clip(parameters, clipping)
        step(rate, decay)
        steps.append({name: p.detach().clone() for name, p in parameters.items()})
    return steps


def distance(a, b):
    return max(float((x[name].double() - y[name].double()).abs().max()) for x, y in zip(a, b) for name in SHAPES)


def check_beside_timm(eta, clips, nesterov):
    """timm divides by the rate, so its clipped form begins after the step with rate 0."""
    mine, other = weights(torch.float64), weights(torch.float64)
    written = WrittenLARS(mine, "sum", eta, clips, nesterov)
    spared = [p for name, p in other.items() if is_spared(name)]
    whole = [p for name, p in other.items() if not is_spared(name)]
    reference = Lars([dict(params=whole), dict(params=spared)], lr=1.0, momentum=0.9, nesterov=nesterov,
                     trust_coeff=eta, eps=1e-8, trust_clip=clips, weight_decay=0.0)
    for number in range(1, 5):
        for parameters in (mine, other):
            give_gradients(parameters, number)
        written.step(RATES[number], DECAYS[number])
        for group, decay in zip(reference.param_groups, (DECAYS[number], 0.0)):
            group["lr"], group["weight_decay"] = RATES[number], decay
        reference.step()
    for name in SHAPES:
        if name not in ("zero.weight", "still.weight"):
            assert torch.allclose(mine[name], other[name], rtol=1e-10, atol=1e-12), (name, mine[name] - other[name])


LARS_FORMS = {
    "lars": dict(ratio="update", eta=0.001, clips=False, nesterov=False),
    "lars nesterov": dict(ratio="update", eta=0.02, clips=False, nesterov=True),
    "lars sum": dict(ratio="sum", eta=0.02, clips=False, nesterov=False),
    "lars clip": dict(ratio="sum", eta=0.02, clips=True, nesterov=False),
    "lars clip at the rate": dict(ratio="sum", eta=0.2, clips=True, nesterov=False),
    "lars clip nesterov": dict(ratio="sum", eta=0.02, clips=True, nesterov=True),
}
CASES = {
    "sgd without momentum": dict(optimizer="sgd", momentum=0.0),
    "sgd": dict(optimizer="sgd", momentum=0.9),
    "sgd nesterov": dict(optimizer="sgd", momentum=0.9, nesterov=True),
    "sgd rules": dict(optimizer="sgd", momentum=0.9, rules=True),
    "sgd clipped": dict(optimizer="sgd", momentum=0.9, clipping="parameter"),
    "sgd clipped globally": dict(optimizer="sgd", momentum=0.9, clipping="global"),
    "adamw": dict(optimizer="adamw"),
    "adamw rules": dict(optimizer="adamw", rules=True),
    **{name: dict(optimizer="lars", **form) for name, form in LARS_FORMS.items()},
    "lars clipped": dict(optimizer="lars", clipping="parameter", **LARS_FORMS["lars"]),
}

for form in LARS_FORMS.values():
    if form["ratio"] == "sum":
        check_beside_timm(form["eta"], form["clips"], form["nesterov"])
written, apart = {}, {}
for name, options in CASES.items():
    exact = case(torch.float64, **options)
    apart[name] = distance(exact, case(torch.float32, **options))
    written[name] = [{key: [float(f"{v:.9g}") for v in p.flatten().tolist()] for key, p in step.items()} for step in (exact[1], exact[4])]
    print(f"{name}: float32 and float64 are {apart[name]:.2g} apart")
notes = dict(torch=torch.__version__, rates=RATES, decays=DECAYS, peak=PEAK, shapes=SHAPES,
             measured={name: float(f"{value:.2g}") for name, value in apart.items()})
(HERE / "optimizers.json").write_text(json.dumps(dict(**notes, cases=written), separators=(",", ":")) + "\n")
