#!/usr/bin/env python3
"""Makes distillation.safetensors: losses of distillation and their gradients, from the papers' formulas in PyTorch.

CASE.loss [1] and CASE.gradient by the student's tensor (`hint.mean`, ... where there are several), in float64, kept as
float32. Tensors are filled by name, `student` and `teacher` unless another name stands in `cases`
(../parity/README.md defines the hash); under `measured...` stands how far a float32 run is from the float64 one.
"""
import json
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "parity"))
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

from hash_fill import hash_filled  # noqa: E402
from make_parity import VERSIONS, filled, safetensors, worst  # noqa: E402

HERE = Path(__file__).resolve().parent
LABELS = torch.tensor([3, 0, 9, 5, 5, 1, 7, 2])


def kl(student, teacher, temperature, scaled=True):
    """T^2 KL(teacher || student), mean over rows."""
    log_p, log_q = F.log_softmax(student / temperature, 1), F.log_softmax(teacher / temperature, 1)
    return F.kl_div(log_p, log_q, reduction="batchmean", log_target=True) * (temperature**2 if scaled else 1)


def soft_cross_entropy(student, teacher, temperature):
    return F.cross_entropy(student / temperature, F.softmax(teacher / temperature, 1)) * temperature**2


def standardized(z):
    """Z-scores of rows; the deviation over C as in Sun et al.'s algorithm 1."""
    return (z - z.mean(1, keepdim=True)) / (z.std(1, keepdim=True, correction=0) + 1e-7)


def pearson(a, b):
    return F.cosine_similarity(a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True), dim=1)


def dist(student, teacher, beta, gamma, temperature):
    p, q = F.softmax(student / temperature, 1), F.softmax(teacher / temperature, 1)
    return temperature**2 * (beta * (1 - pearson(p, q)).mean() + gamma * (1 - pearson(p.T, q.T)).mean())


def decoupled(student, teacher, labels, alpha, beta, temperature):
    """Zhao et al.'s eq. 7 with the true class taken out of the tensor."""
    own = F.one_hot(labels, student.shape[1]).bool()

    def parts(z):
        z = z / temperature
        own_z, others = z[own][:, None], z[~own].reshape(len(z), -1)
        return F.log_softmax(torch.cat([own_z, others.logsumexp(1, keepdim=True)], 1), 1), F.log_softmax(others, 1)
    (bs, ps), (bt, pt) = parts(student), parts(teacher)
    target = F.kl_div(bs, bt, reduction="batchmean", log_target=True)
    return temperature**2 * (alpha * target + beta * F.kl_div(ps, pt, reduction="batchmean", log_target=True))


def smoothed_others(logits, labels, epsilon):
    classes = logits.shape[1]
    target = torch.full_like(logits, epsilon / (classes - 1)).scatter(1, labels[:, None], 1 - epsilon)
    return F.cross_entropy(logits, target)


def attention(f, window):
    q = f.square().sum(3)
    if window != (1, 1):
        q = F.avg_pool2d(q[:, None], window)[:, 0]
    return F.normalize(q.flatten(1), dim=1)


def attention_transfer(student, teacher, ours=(1, 1), theirs=(1, 1)):
    return (attention(student, ours) - attention(teacher, theirs)).norm(dim=1).mean()


def variational(mean, alpha, teacher):
    variance = F.softplus(alpha) + 1e-5
    return 0.5 * ((teacher - mean) ** 2 / variance + variance.log()).mean()


def apart(n):
    return ~torch.eye(n, dtype=torch.bool)


def relational_distance(student, teacher):
    def units(x):
        i, j = apart(len(x)).nonzero(as_tuple=True)
        d = (x[i] - x[j]).norm(dim=1)
        return d / d.mean()
    return F.smooth_l1_loss(units(student), units(teacher))


def relational_angle(student, teacher):
    def cosines(x):
        n = len(x)
        e = [[F.normalize(x[i] - x[j], dim=0) for j in range(n)] for i in range(n)]
        return torch.stack([e[i][j] @ e[k][j] for i in range(n) for j in range(n) for k in range(n) if len({i, j, k}) == 3])
    return F.smooth_l1_loss(cosines(student), cosines(teacher))


def similarity(student, teacher):
    gram = [F.normalize(x @ x.T, dim=1) for x in (student, teacher)]
    return (gram[0] - gram[1]).square().sum() / len(student) ** 2


def probabilistic(student, teacher):
    def conditional(x):
        x = F.normalize(x, dim=1)
        k = (0.5 * (x @ x.T + 1) + 1e-7)[apart(len(x))].reshape(len(x), -1)
        return k / k.sum(1, keepdim=True)
    p, q = conditional(student), conditional(teacher)
    return (q * (q / p).log()).sum(1).mean()


def congruence(student, teacher, gamma=0.4, order=2):
    def kernel(x):
        x = F.normalize(x, dim=1)
        return math.exp(-2 * gamma) * sum((2 * gamma) ** p / math.factorial(p) * (x @ x.T) ** p for p in range(order + 1))
    return (kernel(student) - kernel(teacher)).square().sum() / len(student) ** 2


def contrastive(student, teacher, banks, negatives, temperature):
    """Images 0, 1, 2 of class 0 against image 3 of class 1, `negatives` times; Z from this batch."""
    total = 0
    for embedding, bank in ((student, banks[1]), (teacher, banks[0])):
        scores = F.normalize(embedding, dim=1) @ F.normalize(bank, dim=1).T / temperature
        x = torch.cat([scores[:, :3].diagonal()[:, None], scores[:, 3:].expand(-1, negatives)], 1).exp()
        z = 4 * x.detach().mean()
        p, c = x / z, negatives / 4
        total = total - (p[:, 0] / (p[:, 0] + c)).log().mean() - (c / (p[:, 1:] + c)).log().sum(1).mean()
    return total


def cases(dtype):
    def of(name, *shape, scale=1.0):
        return filled(name, *shape, dtype=dtype, scale=scale)

    result = {}

    def add(name, loss, *tensors, by=("gradient",)):
        tensors = [t.clone().requires_grad_() for t in tensors]
        value = loss(*tensors)
        value.backward()
        result[f"{name}.loss"] = value.detach().reshape(1)
        result.update({f"{name}.{word}": t.grad for word, t in zip(by, tensors)})

    z, t = of("student", 8, 10, scale=3), of("teacher", 8, 10, scale=3)
    for temperature in (1.0, 4.0, 20.0):
        add(f"distillation.{temperature:g}", lambda s: kl(s, t, temperature), z)
    add("distillation.unscaled", lambda s: kl(s, t, 4, False), z)
    add("distillation.crossEntropy", lambda s: soft_cross_entropy(s, t, 4), z)
    add("standardized", lambda s: 4 * F.kl_div(F.log_softmax(standardized(s) / 2, 1), F.log_softmax(standardized(t) / 2, 1),
                                               reduction="batchmean", log_target=True), z)
    add("dist.1", lambda s: dist(s, t, 1, 1, 1), z)
    add("dist.4", lambda s: dist(s, t, 1, 2, 4), z)
    add("decoupled.4", lambda s: decoupled(s, t, LABELS, 1, 8, 4), z)
    add("decoupled.1", lambda s: decoupled(s, t, LABELS, 1, 0.5, 1), z)
    add("smoothed.others", lambda s: smoothed_others(s, LABELS, 0.1), z)
    add("smoothed.all", lambda s: F.cross_entropy(s, LABELS, label_smoothing=0.1), z)
    image, other = of("student", 2, 5, 3, 2, scale=3), of("teacher", 2, 5, 3, 2, scale=3)
    mask = (torch.arange(12).reshape(2, 3, 2) * 5 + 1) % 4 != 0

    def rows(x):
        return x.permute(0, 2, 3, 1)[mask]
    add("positions", lambda s: kl(rows(s), rows(other), 4), image)

    add("hint", lambda s: F.mse_loss(s, of("teacher", 3, 4, 4, 3)), of("student", 3, 4, 4, 3))
    small, large = of("student", 3, 2, 2, 5), of("student", 2, 4, 6, 3)
    add("attention.same", lambda s: attention_transfer(s, of("teacher", 3, 2, 2, 7)), small)
    add("attention.smaller", lambda s: attention_transfer(s, of("teacher", 3, 4, 6, 4), theirs=(2, 3)), small)
    add("attention.larger", lambda s: attention_transfer(s, of("teacher", 2, 2, 3, 4), ours=(2, 2)), large)
    ours, theirs = (torch.from_numpy(hash_filled(name, (4, 9), 1, 1)).to(dtype) for name in ("student", "teacher"))
    add("attention.patches", lambda s: (F.normalize(s, dim=1) - F.normalize(theirs, dim=1)).norm(dim=1).mean(), ours)
    add("variational", lambda m, a: variational(m, a, of("teacher", 3, 2, 2, 6)), of("student", 3, 2, 2, 6), of("alpha", 6, scale=3),
        by=("mean", "alpha"))
    for name, ours, theirs in (("wide", 12, 16), ("flat", 2, 3)):
        s, t = of("student", 8, ours), of("teacher", 8, theirs)
        for word, loss in (("distance", relational_distance), ("angle", relational_angle), ("similarity", similarity),
                           ("probabilistic", probabilistic), ("congruence", congruence)):
            add(f"{word}.{name}", lambda x: loss(x, t), s)
    banks = of("bank.student", 4, 12), of("bank.teacher", 4, 12)
    add("contrastive", lambda s, t: contrastive(s, t, banks, 5, 0.07), of("student", 3, 12), of("teacher", 3, 12),
        by=("student", "teacher"))

    teachers = [of(f"teacher.{k}", 8, 10, scale=3) for k in range(3)]
    costs = torch.stack([F.cross_entropy(x, LABELS, reduction="none") for x in teachers])
    weights = (1 - costs.exp() / costs.exp().sum(0)) / 2
    soft = torch.stack([F.softmax(x / 4, 1) for x in teachers])
    result |= {"mixture.weights": weights, "mixture.confidence": (weights[:, :, None] * soft).sum(0), "mixture.mean": soft.mean(0),
               "mixture.given": 0.5 * soft[0] + 0.2 * soft[1] + 0.3 * soft[2]}
    return result


def main():
    torch.set_num_threads(1)
    single, double = cases(torch.float32), cases(torch.float64)
    families = sorted({name.split(".")[0] for name in single})
    notes = {f"measured_{family}": json.dumps(worst(single, double, family + ".")) for family in families}
    metadata = {**VERSIONS, "script": "Tests/Golden/distillation/make_distillation.py", **notes}
    path = HERE / "distillation.safetensors"
    path.write_bytes(safetensors({key: t.to(torch.float32).contiguous().numpy() for key, t in double.items()}, metadata))
    print(f"distillation: {len(double)} tensors, {path.stat().st_size} bytes; " + "; ".join(f"{k} {n}" for k, n in notes.items()))


if __name__ == "__main__":
    main()
