#!/usr/bin/env python3
"""Makes the parity fixtures beside this file; README.md describes them."""
import json
import platform
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from networks import interpolated, masked_backbone, small_backbone, tiny_backbone, torch  # noqa: E402
import numpy as np  # noqa: E402
import timm  # noqa: E402
from timm.layers import resample_abs_pos_embed  # noqa: E402

from hash_fill import hash_filled, hash_filled_parameter, hashed_places  # noqa: E402
from training import dino_loss, distances, moved_center, ten_steps  # noqa: E402

HERE = Path(__file__).resolve().parent
VERSIONS = {"script": "Tests/Golden/parity/make_parity.py", "python": platform.python_version(),
            "torch": torch.__version__, "timm": timm.__version__, "numpy": np.__version__}


def safetensors(arrays, metadata):
    """The bytes of a safetensors file, the same every time (the library writes metadata in no fixed order)."""
    header, place = {"__metadata__": metadata}, 0
    for key, array in arrays.items():
        header[key] = {"dtype": "F32", "shape": array.shape, "data_offsets": [place, place + array.nbytes]}
        place += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(array.tobytes() for array in arrays.values())


def save(name, tensors, **notes):
    """float32 tensors with where they come from and how far float32 and float64 runs of the same code are apart."""
    metadata = {**VERSIONS, **{key: note if isinstance(note, str) else json.dumps(note) for key, note in notes.items()}}
    path = HERE / f"{name}.safetensors"
    path.write_bytes(safetensors({key: t.detach().to(torch.float32).numpy() for key, t in tensors.items()}, metadata))
    print(f"{name}: {len(tensors)} tensors, {path.stat().st_size} bytes; "
          + "; ".join(f"{key} {note}" for key, note in notes.items() if key.startswith("measured")))


def filled(name, *shape, dtype=torch.float32, scale=1.0):
    return torch.from_numpy(hash_filled(name, shape, scale)).to(dtype)


def worst(found, expected, prefix=""):
    relative = distances(found, {k: v for k, v in expected.items() if k.startswith(prefix)})
    name = max(relative, key=relative.get)
    return {"relative": float(f"{relative[name]:.2g}"), "tensor": name}


def forward_and_gradients(backbone, side, batch, dtype):
    """output.S: [B, D], the scalar loss.S = sum(output * weights.S), gradient.S.<parameter>."""
    for p in backbone.parameters():
        p.grad = None
    output = backbone(filled(f"input.{side}", batch, 3, side, side, dtype=dtype))
    loss = (output * filled(f"weights.{side}", *output.shape, dtype=dtype)).sum()
    loss.backward()
    return {f"output.{side}": output.detach(), f"loss.{side}": loss.detach().reshape(1),
            **{f"gradient.{side}.{name}": p.grad.clone() for name, p in backbone.named_parameters()}}


def vit_small_net():
    runs = []
    for dtype in (torch.float32, torch.float64):
        backbone, tensors = small_backbone(dtype), {}
        for side in (16, 24, 8):
            tensors |= forward_and_gradients(backbone, side, 3, dtype)
        runs.append(tensors)
    save("vit_small_net", runs[0], measured_output=worst(*runs, "output"), measured_gradient=worst(*runs, "gradient"),
         network="width 48, depth 2, heads 3, MLP ratio 4, patch 4, native side 16; batch 3")


def digest(name, tensor):
    """norm, sum, and 64 values at the places of the name, in one tensor of 66."""
    flat = tensor.flatten().double()
    return torch.cat([flat.norm()[None], flat.sum()[None], flat[torch.from_numpy(hashed_places(name, flat.numel()))]])


def vit_tiny():
    runs = []
    for dtype in (torch.float32, torch.float64):
        backbone, tensors = tiny_backbone(dtype), {}
        for side in (224, 96):
            for key, tensor in forward_and_gradients(backbone, side, 2, dtype).items():
                name = key.removeprefix(f"gradient.{side}.")
                tensors[key] = digest(name, tensor) if key.startswith("gradient") else tensor
        runs.append(tensors)
    save("vit_tiny", runs[0], measured_output=worst(*runs, "output"), measured_gradient=worst(*runs, "gradient"),
         network="width 192, depth 12, heads 3, MLP ratio 4, patch 16, native side 224; batch 2",
         layout="gradient.*: norm, sum, 64 values at hashed places")


def masked_net():
    """Registers, LayerScale and masked patches: class tokens and the masked patches' own, with every gradient."""
    runs = []
    places = [1, 2, 6, 16 + 9, 16 + 15]
    for dtype in (torch.float32, torch.float64):
        backbone = masked_backbone(dtype)
        masks = torch.zeros(3, 16, dtype=torch.bool)
        masks.view(-1)[places] = True
        tokens = backbone(filled("input.16", 3, 3, 16, 16, dtype=dtype), masks)
        output, patches = tokens[:, 0], tokens[:, 3:].reshape(-1, 24)[places]
        loss = (output * filled("weights.16", 3, 24, dtype=dtype)).sum()
        loss = loss + (patches * filled("weights.patches", len(places), 24, dtype=dtype)).sum()
        loss.backward()
        runs.append({"output": output.detach(), "patches": patches.detach(),
                     **{f"gradient.{name}": digest(name, p.grad) for name, p in backbone.named_parameters()}})
    save("vit_masked_net", runs[1], measured_output=worst(*runs, "output"), measured_gradient=worst(*runs, "gradient"),
         network="width 24, depth 2, heads 3, patch 4, side 16, 2 registers, LayerScale; masked places 1 2 6 25 31",
         layout="gradient.*: norm, sum, 64 values at hashed places")


def positions():
    """DINO's rule and timm's (antialiased) from n x n to rows x columns; tables of width 8 with a class token."""
    runs = []
    for dtype in (torch.float32, torch.float64):
        tensors = {}
        for side, rows, columns in [(4, 4, 4), (4, 6, 6), (4, 2, 2), (4, 3, 3), (4, 2, 8), (4, 5, 3), (7, 3, 3), (7, 8, 8),
                                    (14, 6, 6), (14, 16, 16), (14, 14, 9), (14, 1, 1), (28, 12, 12), (56, 24, 24)]:
            table = filled(f"positions.{side}", 1, 1 + side * side, 8, dtype=dtype)
            case = f"{side}.{rows}x{columns}"
            tensors[f"dino.{case}"] = interpolated(table, rows, columns)[0]
            tensors[f"antialiased.{case}"] = resample_abs_pos_embed(table, [rows, columns])[0]
        runs.append(tensors)
    save("positions", runs[0], measured_dino=worst(*runs, "dino"), measured_antialiased=worst(*runs, "antialiased"),
         layout="RULE.NATIVE.ROWSxCOLUMNS: [1 + rows*columns, 8] from the table positions.NATIVE [1, 1 + native^2, 8]")


def loss():
    runs = []
    for dtype in (torch.float32, torch.float64):
        tensors = {}
        student = filled("loss.student", 24, 32, dtype=dtype).requires_grad_()
        teacher, center = filled("loss.teacher", 8, 32, dtype=dtype), filled("loss.center", 1, 32, dtype=dtype, scale=0.1)
        for temperature in ("0.04", "0.07"):
            student.grad = None
            value = dino_loss(student, teacher, center, 6, float(temperature))
            value.backward()
            tensors |= {f"loss.{temperature}": value.detach().reshape(1), f"gradient.{temperature}": student.grad.clone()}
        tensors["center"] = moved_center(center, teacher)[0]
        runs.append(tensors)
    save("dino_loss", runs[0], measured=worst(*runs),
         layout="B 4, K 32, 2 global and 4 local views, view-major; loss.student [24, 32], loss.teacher [8, 32], "
                "loss.center [1, 32] of scale 0.1; student temperature 0.1, center momentum 0.9")


def steps():
    runs = [ten_steps(torch.float32), ten_steps(torch.float64)]
    measured = {f"measured_{kind}": worst(*runs, kind) for kind in ("losses", "center", "student", "teacher", "first", "second")}
    assert worst(ten_steps(mutation="own-optimizer"), runs[0])["relative"] < 1e-4
    mutated = {f"measured_mutation_{m}": worst(ten_steps(mutation=m), runs[0], "student")
               for m in ("no-bias-correction", "early-center", "decay-on-biases")}
    mutated["measured_mutation_no-clipping"] = worst(ten_steps(mutation="no-clipping"), runs[0], "first")
    assert all(m["relative"] > 0.03 for m in mutated.values())
    save("ten_steps", runs[0], **measured, **mutated)


def fill():
    """A few numbers that both sides of the hash agree on."""
    names = ["a", "blocks.0.attn.qkv.weight", "größe"]
    numbers = {name: [float(x) for x in hash_filled(name, (4,))] for name in names}
    parameters = {"norm.weight": (3,), "norm.bias": (3,), "pos_embed": (1, 2, 2), "patch_embed.proj.weight": (2, 3, 1, 1),
                  "blocks.0.attn.proj.weight": (2, 3), "blocks.0.mlp.fc1.weight": (2, 3), "head.mlp.0.weight": (2, 5),
                  "head.last_layer.weight_g": (3, 1)}
    rules = {name: {"shape": list(shape), "values": [float(x) for x in hash_filled_parameter(name, shape).flatten()]}
             for name, shape in parameters.items()}
    places = {"norm.weight": hashed_places("norm.weight", 192, 8).tolist()}
    (HERE / "hash_fill.json").write_text(json.dumps(
        {"metadata": VERSIONS, "filled": numbers, "parameters": rules, "placesOf192": places},
        indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for make in (fill, positions, loss, vit_small_net, masked_net, vit_tiny, steps):
        make()
