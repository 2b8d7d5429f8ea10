#!/usr/bin/env python3
"""Makes byol_steps.safetensors: five whole steps of BYOL, the float64 runs; README.md describes them."""
import json

from byol import FULL, MUTATIONS, THIN, five_steps, torch
from make_parity import digest, save, worst
import torchvision

WHOLE = 600  # the thin run's tensors up to so many numbers are kept whole


def kept(name, tensor, whole):
    return tensor if tensor.numel() <= whole else digest(name, tensor)


def something(run):
    """Without the tensors of which rounding is all there is: a bias before a normalization has no gradient."""
    return {key: tensor for key, tensor in run.items() if tensor.norm() > 1e-9}


if __name__ == "__main__":
    torch.set_num_threads(1)
    tensors, notes = {}, {}
    for prefix, run, whole in (("thin.", THIN, WHOLE), ("full.", FULL, 66)):
        single, double = five_steps(run, torch.float32), five_steps(run, torch.float64)
        for kind in ("losses", "online", "target"):
            notes[f"measured_{prefix}{kind}"] = worst(single, something(double), kind)
        nothing = max(single[key].norm().item() for key in double if key not in something(double))
        notes[f"measured_{prefix}rounding"] = float(f"{nothing:.2g}")
        if prefix == "thin.":
            mutated = {m: worst(five_steps(run, torch.float64, m), something(double)) for m in MUTATIONS}
            assert all(m["relative"] > 0.03 for m in mutated.values())
            notes |= {f"measured_mutation_{m}": json.dumps(distance) for m, distance in mutated.items()}
        tensors |= {prefix + key: kept(key.partition(".")[2], tensor, whole) for key, tensor in double.items()}
    save("byol_steps", tensors, script="Tests/Golden/parity/make_byol.py", torchvision=torchvision.__version__,
         layout="w - w0 of parameters, buffers themselves; of large tensors norm, sum and 64 values at hashed places", **notes)
