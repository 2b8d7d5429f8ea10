"""The reference networks: timm's vision transformer with DINO's rule for position embeddings, and DINO's head."""
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "Benchmarks" / "peers"))
import torchvision_cpu  # noqa: E402,F401
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from timm.models.vision_transformer import VisionTransformer  # noqa: E402
from torch import nn  # noqa: E402

from hash_fill import hash_filled_parameter  # noqa: E402


def interpolated(table, rows, columns):
    """DINO's rule (facebookresearch/dino vision_transformer.py): [1, 1 + n*n, D] -> [1, 1 + rows*columns, D].

    The scale factor carries the 0.1, and so do the places the interpolation reads."""
    count = table.shape[1] - 1
    side = math.isqrt(count)
    if rows * columns == count and rows == columns:
        return table
    grid = table[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, scale_factor=((rows + 0.1) / math.sqrt(count), (columns + 0.1) / math.sqrt(count)),
                         mode="bicubic")
    assert grid.shape[-2:] == (rows, columns)
    return torch.cat([table[:, :1], grid.permute(0, 2, 3, 1).reshape(1, rows * columns, -1)], dim=1)


class Backbone(VisionTransformer):
    """x: [B, 3, S, S] -> [B, D], the class token after the last LayerNorm."""

    def __init__(self, width, depth, heads, patch, side):
        super().__init__(img_size=side, patch_size=patch, embed_dim=width, depth=depth, num_heads=heads,
                         num_classes=0, dynamic_img_size=True)

    def _pos_embed(self, x):                                     # x: [B, rows, columns, D]
        B, rows, columns, D = x.shape
        tokens = torch.cat([self.cls_token.expand(B, -1, -1), x.reshape(B, rows * columns, D)], dim=1)
        return tokens + interpolated(self.pos_embed, rows, columns)


class MaskedBackbone(Backbone):
    """With registers behind the class token, without positions, LayerScale, and a token for masked patches (DINOv2's
    prepare_tokens_with_masks). x: [B, 3, S, S], masks: [B, P] -> all tokens after the last LayerNorm, [B, 1 + R + P, D]."""

    def __init__(self, width, depth, heads, patch, side, registers):
        VisionTransformer.__init__(self, img_size=side, patch_size=patch, embed_dim=width, depth=depth, num_heads=heads,
                                   num_classes=0, dynamic_img_size=True, init_values=1.0)
        self.reg_token = nn.Parameter(torch.zeros(1, registers, width))
        self.mask_token = nn.Parameter(torch.zeros(1, width))

    def forward(self, x, masks):
        x = self.patch_embed(x).flatten(1, 2)
        x = torch.where(masks[..., None], self.mask_token[None], x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1) + self.pos_embed
        x = torch.cat([x[:, :1], self.reg_token.expand(len(x), -1, -1), x[:, 1:]], dim=1)
        return self.norm(self.blocks(x))


class LastLayer(nn.Module):
    """Rows of unit length times their gains: [B, bottleneck] -> [B, K]."""

    def __init__(self, bottleneck, prototypes):
        super().__init__()
        self.weight_g = nn.Parameter(torch.ones(prototypes, 1), requires_grad=False)
        self.weight_v = nn.Parameter(torch.zeros(prototypes, bottleneck))

    def forward(self, x):
        return F.linear(x, torch._weight_norm(self.weight_v, self.weight_g, 0))


class Head(nn.Module):
    def __init__(self, width, hidden, bottleneck, prototypes):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(),
                                 nn.Linear(hidden, bottleneck))
        self.last_layer = LastLayer(bottleneck, prototypes)

    def forward(self, x):
        return self.last_layer(F.normalize(self.mlp(x), dim=-1, p=2))


class Encoder(nn.Module):
    """Backbone and head; one backbone pass for each side, one head pass: groups of [V*B, 3, S, S] -> [sum V*B, K]."""

    def __init__(self, backbone, head):
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, groups):
        return self.head(torch.cat([self.backbone(group) for group in groups]))

    def parameters_by_name(self):
        return {name.removeprefix("backbone."): p for name, p in self.named_parameters()}


def filled(module, dtype):
    """The module with every parameter filled from its name."""
    with torch.no_grad():
        for name, p in module.named_parameters():
            p.copy_(torch.from_numpy(hash_filled_parameter(name.removeprefix("backbone."), tuple(p.shape))))
    return module.to(dtype)


def small_backbone(dtype=torch.float32):
    return filled(Backbone(width=48, depth=2, heads=3, patch=4, side=16), dtype)


def tiny_backbone(dtype=torch.float32):
    return filled(Backbone(width=192, depth=12, heads=3, patch=16, side=224), dtype)


def masked_backbone(dtype=torch.float32):
    return filled(MaskedBackbone(width=24, depth=2, heads=3, patch=4, side=16, registers=2), dtype)


def small_encoder(dtype=torch.float32):
    backbone = Backbone(width=48, depth=2, heads=3, patch=4, side=16)
    return filled(Encoder(backbone, Head(width=48, hidden=64, bottleneck=32, prototypes=128)), dtype)
