#!/usr/bin/env python3
"""Makes objectives.safetensors: losses and their gradients as PyTorch gives them; README.md describes the cases."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

from make_parity import VERSIONS, filled, safetensors, worst  # noqa: E402
from training import moved_center  # noqa: E402

HERE = Path(__file__).resolve().parent
FLOAT32 = torch.float32


def byol(predictions, targets, views, target_views):
    """deepmind-research's regression loss between different views, twice the mean over pairs; for two views, the sum."""
    def normalized(x):
        return x * torch.rsqrt(x.square().sum(-1, keepdim=True).clamp(min=1e-12))
    p, z = normalized(predictions).chunk(views), normalized(targets).chunk(target_views)
    terms = [(p[v] - z[g]).square().sum(-1).mean() for g in range(target_views) for v in range(views) if v != g]
    return 2 * sum(terms) / len(terms)


def simsiam(predictions, projections):
    """Algorithm 1 of the paper with PyTorch's cosine similarity, two views."""
    (p1, p2), (z1, z2) = predictions.chunk(2), projections.chunk(2)
    cosine = torch.nn.CosineSimilarity(dim=1)
    return -(cosine(p1, z2).mean() + cosine(p2, z1).mean()) / 2


def sinkhorn(logits, temperature, iterations=3):
    """[N, K] -> [N, K] as SwAV's algorithm 1 has it, with the greatest logit subtracted before the exponential."""
    q = ((logits - logits.max()) / temperature).exp().T
    q = q / q.sum()
    for _ in range(iterations):
        q = q / q.sum(1, keepdim=True) / q.shape[0]
        q = q / q.sum(0, keepdim=True) / q.shape[1]
    return (q * q.shape[1]).T


def dino_sinkhorn(student, teacher, views, target_views, temperature):
    """DINO's loss with targets from all teacher rows at once."""
    guesses, targets = F.log_softmax(student / 0.1, dim=-1).chunk(views), sinkhorn(teacher, temperature).chunk(target_views)
    terms = [-(targets[g] * guesses[v]).sum(-1).mean() for g in range(target_views) for v in range(views) if v != g]
    return sum(terms) / len(terms)


def koleo(features, crops):
    """-mean ln(distance to the nearest neighbour + 1e-8) of each crop's normalised rows, summed over crops."""
    total = 0
    for crop in features.chunk(crops):
        x = F.normalize(crop, eps=1e-8, dim=-1)
        with torch.no_grad():
            products = x @ x.T
            products.fill_diagonal_(-1)
            nearest = products.argmax(1)
        total = total - torch.log(torch.nn.PairwiseDistance(2, eps=1e-8)(x, x[nearest]) + 1e-8).mean()
    return total


def ibot(student, targets, masks):
    """student, targets: [M, K] of the masked patches; masks: [crops, P], the mean over each crop's patches, then over crops."""
    weights = (1 / masks.sum(1).clamp(min=1).to(student.dtype))[:, None].expand(masks.shape)[masks]
    return (-(targets * F.log_softmax(student / 0.1, dim=-1)).sum(-1) * weights).sum() / masks.shape[0]


def masks_of_six():
    """Six crops of 16 patches with 3, 0, 8, 1, 0 and 5 masked ones."""
    masks = torch.zeros(6, 16, dtype=torch.bool)
    for crop, count in enumerate([3, 0, 8, 1, 0, 5]):
        masks[crop, :count] = True
    return masks


def consistency(student, teacher):
    return F.mse_loss(F.softmax(student, 1), F.softmax(teacher, 1), reduction="sum") / student.shape[1] / len(student)


LABELS = [3, -1, 0, 9, -1, -1, 7, 1]


def cases(dtype):
    def of(name, *shape, scale=1.0):
        return filled(name, *shape, dtype=dtype, scale=scale)

    def with_gradient(name, tensor, loss):
        tensor.requires_grad_()
        value = loss(tensor)
        value.backward()
        return {f"{name}.loss": value.detach().reshape(1), f"{name}.gradient": tensor.grad}

    result = {}
    for views in (2, 5):  # the targets' views are the first two
        result |= with_gradient(f"byol.{views}", of("byol.predictions", views * 6, 40),
                                lambda p: byol(p, of("byol.targets", 12, 40), views, 2))
    result |= with_gradient("simsiam", of("simsiam.predictions", 12, 40), lambda p: simsiam(p, of("simsiam.projections", 12, 40)))

    for name, rows, prototypes in (("few", 12, 48), ("many", 24, 300)):
        for temperature in ("0.04", "0.07"):
            result[f"sinkhorn.{name}.{temperature}"] = sinkhorn(of("sinkhorn.logits", rows, prototypes), float(temperature))
    result |= with_gradient("dino.sinkhorn", of("loss.student", 24, 32),
                            lambda s: dino_sinkhorn(s, of("loss.teacher", 8, 32), 6, 2, 0.07))

    result |= with_gradient("koleo", of("koleo.features", 24, 40), lambda x: koleo(x, 2))
    twins = of("koleo.features", 24, 40)
    twins[3] = twins[9]
    result |= with_gradient("koleo.twins", twins, lambda x: koleo(x, 2))

    masks, teacher, center = masks_of_six(), of("ibot.teacher", 17, 48), of("ibot.center", 1, 48, scale=0.1)
    result |= with_gradient("ibot.ema", of("ibot.student", 17, 48),
                            lambda s: ibot(s, F.softmax((teacher - center) / 0.07, dim=-1), masks))
    result["ibot.ema.center"] = moved_center(center, teacher)[0]
    result |= with_gradient("ibot.sinkhorn", of("ibot.student", 17, 48), lambda s: ibot(s, sinkhorn(teacher, 0.07), masks))

    result |= with_gradient("consistency", of("consistency.student", 8, 10, scale=3),
                            lambda s: consistency(s, of("consistency.teacher", 8, 10, scale=3)))
    result |= with_gradient("labelled", of("labelled.logits", 8, 10, scale=3),
                            lambda s: F.cross_entropy(s, torch.tensor(LABELS), ignore_index=-1, reduction="sum") / len(s))
    for temperature in (1.0, 4.0):
        result |= with_gradient(f"soft.{temperature:g}", of("soft.logits", 8, 10, scale=3),
                                lambda s: F.cross_entropy(s / temperature, F.softmax(of("soft.target", 8, 10, scale=3), 1)))
    result["ramp"] = torch.exp(-5 * (1 - torch.tensor([0, 0.25, 0.5, 0.75, 1], dtype=dtype)) ** 2)
    return result


def main():
    torch.set_num_threads(1)
    single, double = cases(torch.float32), cases(torch.float64)
    families = sorted({name.split(".")[0] for name in single})
    notes = {f"measured_{family}": json.dumps(worst(single, double, family)) for family in families}
    metadata = {**VERSIONS, "script": "Tests/Golden/parity/make_objectives.py", **notes}
    path = HERE / "objectives.safetensors"
    path.write_bytes(safetensors({key: t.detach().to(FLOAT32).contiguous().numpy() for key, t in single.items()}, metadata))
    print(f"objectives: {len(single)} tensors, {path.stat().st_size} bytes; " + "; ".join(f"{k} {n}" for k, n in notes.items()))


if __name__ == "__main__":
    main()
