"""Writes schedules.json: the schedules of DINO's training script and the arithmetic of its moving average.

Run with numpy (made with 2.4) and PyTorch (2.13): python make_schedules.py
`cosine_scheduler` and the teacher's temperatures are the formulas of facebookresearch/dino (Apache-2.0),
utils.py and main_dino.py. `forms` are the schedules of other authors, written from their definitions: BYOL
(deepmind-research, byol/utils/schedules.py), solo-learn (solo/utils/lr_scheduler.py), lightly
(lightly/utils/scheduler.py), DINOv2 (dinov2/utils/utils.py, train/train.py) and Mean Teacher (pytorch/main.py,
ramps.py); `drops` is PyTorch's MultiStepLR itself.
"""

import json
import pathlib

import numpy as np
import torch


def cosine_scheduler(base, final, epochs, steps_per_epoch, warmup_epochs=0, start=0.0):
    warmup_steps = warmup_epochs * steps_per_epoch
    warmup = np.linspace(start, base, warmup_steps) if warmup_epochs > 0 else np.array([])
    steps = np.arange(epochs * steps_per_epoch - warmup_steps)
    rest = final + 0.5 * (base - final) * (1 + np.cos(np.pi * steps / len(steps)))
    return np.concatenate((warmup, rest))


def teacher_temperatures(start, final, warmup_epochs, epochs):
    return np.concatenate((np.linspace(start, final, warmup_epochs), np.ones(epochs - warmup_epochs) * final))


cosines = []
for base, final, epochs, per_epoch, warmup, start in [
    (5e-4 * 64 / 256, 1e-6, 10, 7, 1, 0.0),
    (5e-4 * 1024 / 256, 1e-5, 30, 5, 3, 0.0),
    (2e-3, 1e-6, 6, 1, 1, 0.0),
    (0.04, 0.4, 10, 7, 0, 0.0),
    (0.996, 1.0, 10, 7, 0, 0.0),
    (1.0, 0.0, 1, 1, 0, 0.0),
    (0.3, 0.0048, 4, 9, 2, 0.1),
]:
    values = cosine_scheduler(base, final, epochs, per_epoch, warmup, start)
    cosines.append(dict(
        start=start, peak=base, final=final, warmup=warmup * per_epoch, steps=epochs * per_epoch,
        values=values.tolist()))

stairs = []
for start, final, warmup, epochs, per_epoch in [
    (0.04, 0.07, 30, 50, 3), (0.04, 0.04, 0, 5, 4), (0.02, 0.04, 1, 3, 2), (0.02, 0.04, 2, 3, 2)
]:
    per_step = np.repeat(teacher_temperatures(start, final, warmup, epochs), per_epoch)
    stairs.append(dict(
        start=start, final=final, epochs=warmup, stepsPerEpoch=per_epoch, values=per_step.tolist()))

# A teacher that is one weight per past student: the definition itself, run forward.
momenta = cosine_scheduler(0.996, 1.0, 40, 50)
shares = np.zeros(len(momenta) + 1)
shares[0] = 1.0  # the initial weights
for step, momentum in enumerate(momenta):
    shares *= momentum
    shares[step + 1] += 1 - momentum
last = len(momenta) - 1
ema = dict(
    momentum=0.996, finalMomentum=1.0, steps=len(momenta),
    ages=[0, 1, 10, 100, 1000], weights=[shares[last + 1 - age] for age in [0, 1, 10, 100, 1000]],
    initial=shares[0],
    halfLives=[dict(momentum=m, steps=float(np.log(0.5) / np.log(m))) for m in [0.5, 0.9, 0.99, 0.996, 0.9995]])

def byol_learning_rate(peak, warmup, steps):
    """Peak times k / warm-up, then half a cosine wave over what is left."""
    step = np.arange(steps)
    wave = 0.5 * peak * (1 + np.cos(np.pi * np.minimum(step - warmup, steps - warmup) / (steps - warmup)))
    return np.where(step < warmup, step / max(warmup, 1) * peak, wave)


def byol_momentum(first, steps):
    return 1 - (1 - first) * (np.cos(np.pi * np.arange(steps) / steps) + 1) / 2


def solo_learning_rate(start, peak, warmup, steps):
    """start + k (peak - start) / (warm-up - 1), then the same wave."""
    step = np.arange(steps)
    wave = 0.5 * peak * (1 + np.cos(np.pi * (step - warmup) / (steps - warmup)))
    return np.where(step < warmup, start + step * (peak - start) / (warmup - 1), wave)


def lightly_cosine(step, steps, first, final):
    if steps <= 1 or step >= steps - 1:
        return final
    return final - (final - first) * (np.cos(np.pi * step / (steps - 1)) + 1) / 2


def lightly_learning_rate(peak, final, warmup, steps):
    return [peak * (k + 1) / warmup if k < warmup else lightly_cosine(k - warmup, steps - warmup, peak, final)
            for k in range(steps)]


def dinov2_temperature(start, final, warmup, steps):
    return np.concatenate((np.linspace(start, final, warmup), np.full(steps - warmup, final)))


def multi_step(rate, drops, factor, steps):
    """PyTorch's, in steps."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, drops, factor)
    values = []
    for _ in range(steps):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return values


def mean_teacher_momentum(limit, steps):
    """The authors count a step before they move the teacher."""
    return [min(1 - 1 / (k + 1), limit) for k in range(1, steps + 1)]


def ramp_up(weight, length, steps):
    return [weight * np.exp(-5.0 * (1 - min(k, length) / length) ** 2) for k in range(steps)]


forms = dict(
    byol_learning_rate=byol_learning_rate(3.2, 10, 60), byol_at_once=byol_learning_rate(0.45, 0, 30),
    byol_momentum=byol_momentum(0.97, 60), solo_learning_rate=solo_learning_rate(3e-5, 1.0, 10, 60),
    lightly_learning_rate=lightly_learning_rate(0.9, 0.0009, 10, 60),
    lightly_momentum=[lightly_cosine(k, 60, 0.99, 1.0) for k in range(60)],
    dinov2_temperature=dinov2_temperature(0.04, 0.07, 30, 60), drops=multi_step(0.3, [20, 27], 0.1, 40),
    mean_teacher_momentum=mean_teacher_momentum(0.9, 40), ramp_up=ramp_up(12.5, 25, 40))
forms = {name: [float(v) for v in values] for name, values in forms.items()}

path = pathlib.Path(__file__).with_name("schedules.json")
path.write_text(json.dumps(dict(cosines=cosines, stairs=stairs, ema=ema, forms=forms), indent=1) + "\n")
