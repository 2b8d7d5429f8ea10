"""Fills tensors from their names, so that fixtures need not hold weights; `Tests/Support/HashFill.swift` is the twin.

    h    = FNV-1a, 64 bits, of the name's UTF-8 bytes
    z_i  = mix(h + (i + 1) * 0x9E3779B97F4A7C15)           i = 0, 1, ... in row-major order; mix is splitmix64's
    s_i  = (2 * (z_i >> 40) - 2^24) * 2^-24                in [-1, 1), exact in float32
    x_i  = s_i * scale + offset                            two float32 operations, each rounded
"""
import numpy as np

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def fnv1a(name):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h


def mixed(name, count):
    """The first `count` 64-bit numbers of a name."""
    z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN) + np.uint64(fnv1a(name))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def hash_filled(name, shape, scale=1.0, offset=0.0):
    """float32 numbers in [offset - scale, offset + scale)."""
    count = int(np.prod(shape))
    signed = (mixed(name, count) >> np.uint64(40)).astype(np.int64) * 2 - (1 << 24)
    unit = signed.astype(np.float32) * np.float32(2.0**-24)
    return (unit * np.float32(scale) + np.float32(offset)).reshape(shape)


def hash_filled_gate(name, shape):
    """Gains and biases of a normalization whose results, of deviation 0.4, stay a few deviations from zero: a channel is
    wholly on or off after ReLU. Where thousands of channels have few places each, a single sign that rounding turns round
    would show in the second digit of a gradient."""
    if name.endswith("weight"):
        return hash_filled(name, shape, 0.1, 0.4)
    bias = hash_filled(name, shape, 0.5)
    return bias + np.where(bias < 0, np.float32(-1.5), np.float32(1.5))


def hash_filled_parameter(name, shape):
    """The scale and offset by name and shape; the first rule that fits counts.

    The gains are our choice: attention, head and images all have a say in the output, biases are large enough that
    decay on them shows, and the key biases, whose gradient is zero but for rounding, stay where they are under
    Adam (their rounding noise is well below its epsilon)."""
    parts = name.split(".")
    if parts[-1] == "weight_g":                        # gain of the weight norm: one
        return hash_filled(name, shape, 0, 1)
    if parts[-1] in ("cls_token", "pos_embed"):
        return hash_filled(name, shape, 0.5)
    if len(shape) > 1:                                 # a matrix or a convolution: [out, in, ...]
        gain = 2.0 if "patch_embed" in parts else 0.5 if "head" in parts or parts[-3:-1] == ["attn", "proj"] else 1.0
        return hash_filled(name, shape, gain / np.sqrt(np.prod(shape[1:], dtype=np.float64)))
    if parts[-1] == "running_var":                     # a variance: positive
        return hash_filled(name, shape, 0.5, 1)
    if parts[-1] == "weight":                          # of a normalization
        return hash_filled(name, shape, 0.1, 1)
    return hash_filled(name, shape, 0.5)               # a bias


def hashed_places(name, count, places=64):
    """Which elements of a large tensor a fixture keeps: the name's `places.` numbers modulo the tensor's size."""
    return (mixed("places." + name, places) % np.uint64(count)).astype(np.int64)
