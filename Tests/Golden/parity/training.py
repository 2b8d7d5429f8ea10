"""DINO's loss and ten whole training steps in the order of facebookresearch/dino's main_dino.py."""
import torch
import torch.nn.functional as F

from hash_fill import hash_filled
from networks import small_encoder

STEPS, BATCH, GLOBALS, LOCALS, GLOBAL_SIDE, LOCAL_SIDE = 10, 4, 2, 4, 16, 8
LEARNING_RATE, WEIGHT_DECAY, TEACHER_MOMENTUM, CENTER_MOMENTUM = 1e-3, 0.1, 0.9, 0.9
STUDENT_TEMPERATURE, TEACHER_TEMPERATURE, CLIP = 0.1, 0.04, 3.0


def dino_loss(student, teacher, center, views, teacher_temperature):
    """student: [V*B, K], teacher: [G*B, K], view-major; center: [1, K] -> mean over pairs of different views."""
    guesses = (student / STUDENT_TEMPERATURE).chunk(views)
    targets = F.softmax((teacher - center) / teacher_temperature, dim=-1).detach().chunk(GLOBALS)
    total, terms = 0, 0
    for g, target in enumerate(targets):
        for v, guess in enumerate(guesses):
            if v != g:
                total += torch.sum(-target * F.log_softmax(guess, dim=-1), dim=-1).mean()
                terms += 1
    return total / terms


def moved_center(center, teacher):
    return center * CENTER_MOMENTUM + teacher.mean(dim=0, keepdim=True) * (1 - CENTER_MOMENTUM)


def views_of_step(step, dtype):
    sides = {"global": (GLOBALS, GLOBAL_SIDE), "local": (LOCALS, LOCAL_SIDE)}
    return [torch.from_numpy(hash_filled(f"step.{step}.{kind}", (V * BATCH, 3, S, S))).to(dtype)
            for kind, (V, S) in sides.items()]


class AdamW:
    """torch.optim.AdamW's arithmetic, written out so that a mutation can leave out the bias correction."""

    def __init__(self, parameters, decay_of, bias_correction):
        self.parameters, self.decay_of, self.bias_correction = parameters, decay_of, bias_correction
        self.first = {name: torch.zeros_like(p) for name, p in parameters.items()}
        self.second = {name: torch.zeros_like(p) for name, p in parameters.items()}
        self.count = 0

    def step(self):
        self.count += 1
        correct = (1 - 0.9**self.count, 1 - 0.999**self.count) if self.bias_correction else (1, 1)
        for name, p in self.parameters.items():
            m, v = self.first[name], self.second[name]
            p.mul_(1 - LEARNING_RATE * self.decay_of(name, p))
            m.lerp_(p.grad, 0.1)
            v.mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
            p.addcdiv_(m, (v.sqrt() / correct[1]**0.5).add_(1e-8), value=-LEARNING_RATE / correct[0])


def ten_steps(dtype=torch.float32, mutation=None):
    """Losses, the changes w - w0 of student and teacher, both Adam moments and the center after ten steps.

    `mutation` is None (torch.optim.AdamW itself), "own-optimizer" (the one above), or what a test should notice:
    "no-bias-correction", "early-center", "decay-on-biases", "no-clipping"."""
    student, teacher = small_encoder(dtype), small_encoder(dtype)
    start = {name: p.detach().clone() for name, p in student.parameters_by_name().items()}
    for p in teacher.parameters():
        p.requires_grad = False
    trained = {name: p for name, p in student.parameters_by_name().items() if p.requires_grad}
    plain = {name for name, p in trained.items() if name.endswith(".bias") or p.ndim == 1}
    if mutation is None:
        optimizer = torch.optim.AdamW([
            {"params": [p for name, p in trained.items() if name not in plain], "weight_decay": WEIGHT_DECAY},
            {"params": [p for name, p in trained.items() if name in plain], "weight_decay": 0.0},
        ], lr=LEARNING_RATE, betas=(0.9, 0.999), eps=1e-8, foreach=False)
    else:
        spared = {name for name in plain if not (mutation == "decay-on-biases" and name.endswith(".bias"))}
        optimizer = AdamW(trained, lambda name, p: 0.0 if name in spared else WEIGHT_DECAY,
                          bias_correction=mutation != "no-bias-correction")
    center = torch.zeros(1, student.head.last_layer.weight_g.shape[0], dtype=dtype)
    losses = []
    for step in range(STEPS):
        views = views_of_step(step, dtype)
        teacher_logits = teacher(views[:1])
        student_logits = student(views)
        if mutation == "early-center":
            center = moved_center(center, teacher_logits)
        loss = dino_loss(student_logits, teacher_logits, center, GLOBALS + LOCALS, TEACHER_TEMPERATURE)
        if mutation != "early-center":
            center = moved_center(center, teacher_logits)
        for p in trained.values():
            p.grad = None
        loss.backward()
        for p in trained.values():
            coefficient = CLIP / (p.grad.norm() + 1e-6)
            if coefficient < 1 and mutation != "no-clipping":
                p.grad.mul_(coefficient)
        with torch.no_grad():
            optimizer.step()
            for old, new in zip(teacher.parameters(), student.parameters()):
                old.mul_(TEACHER_MOMENTUM).add_((1 - TEACHER_MOMENTUM) * new)
        losses.append(loss.item())
    if mutation is None:
        moments = {name: optimizer.state[p] for name, p in trained.items()}
        first = {name: state["exp_avg"] for name, state in moments.items()}
        second = {name: state["exp_avg_sq"] for name, state in moments.items()}
    else:
        first, second = optimizer.first, optimizer.second
    result = {"losses": torch.tensor(losses, dtype=torch.float64), "center": center[0]}
    for name, p in student.parameters_by_name().items():
        result[f"student.{name}"] = p.detach() - start[name]
        result[f"teacher.{name}"] = teacher.parameters_by_name()[name].detach() - start[name]
    for name in trained:
        result[f"first.{name}"] = first[name]
        result[f"second.{name}"] = second[name]
    return result


def distances(found, expected):
    """||found - expected|| / ||expected|| of every tensor that is not zero, in float64."""
    return {name: ((found[name].double() - e.double()).norm() / e.double().norm()).item()
            for name, e in expected.items() if e.norm() > 0}
