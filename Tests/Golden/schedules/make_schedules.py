"""Writes schedules.json: the schedules of DINO's training script and the arithmetic of its moving average.

Run with numpy (made with 2.4): python make_schedules.py
`cosine_scheduler` and the teacher's temperatures are the formulas of facebookresearch/dino (Apache-2.0),
utils.py and main_dino.py.
"""

import json
import pathlib

import numpy as np


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

path = pathlib.Path(__file__).with_name("schedules.json")
path.write_text(json.dumps(dict(cosines=cosines, stairs=stairs, ema=ema), indent=1) + "\n")
