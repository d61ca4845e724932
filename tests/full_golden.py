"""Writes ``tests/golden/full.json``: what the original frameworks answer for the networks of `tiny_networks`.

Not a test, and run by hand only, in an environment with torch, torchvision and timm, which Groundswell itself does
not need: ``python tests/full_golden.py``.
"""

import json
from pathlib import Path

import numpy as np
import timm
import tiny_networks
import torch
import torchvision
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.models.video.mvit import MSBlockConfig, MViT

GOLDEN = Path(__file__).parent / "golden/full.json"
DIGITS = 6


def main() -> None:
    made_with = {package.__name__: package.__version__.partition("+")[0] for package in (torch, torchvision, timm)}
    with torch.inference_mode():
        known = {"made_with": made_with, "resnet50": resnet50(), "dinov2": dinov2(), "mvit": mvit()}
    GOLDEN.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def resnet50() -> dict[str, list[float]]:
    net = ResNet(Bottleneck, [1, 1, 1, 1])
    net.conv1 = torch.nn.Conv2d(3, tiny_networks.RESNET_STEM, 7, 2, 3, bias=False)
    net.bn1 = torch.nn.BatchNorm2d(tiny_networks.RESNET_STEM)
    net.inplanes = tiny_networks.RESNET_STEM
    for stage, (inner, blocks) in enumerate(zip(tiny_networks.RESNET_INNER, tiny_networks.RESNET_BLOCKS, strict=True)):
        setattr(net, f"layer{stage + 1}", net._make_layer(Bottleneck, inner, blocks, stride=2 if stage else 1))
    net.fc = torch.nn.Linear(4 * tiny_networks.RESNET_INNER[-1], 1000)
    logits = filled(net, tiny_networks.resnet50())(pixels())
    net.fc = torch.nn.Identity()
    return {"embedding": numbers(net(pixels())), "logits_first_8": numbers(logits[:, :8])}


def dinov2() -> dict[str, list[float]]:
    net = timm.models.vision_transformer.VisionTransformer(
        img_size=224,
        patch_size=14,
        embed_dim=tiny_networks.DINO_DIM,
        depth=tiny_networks.DINO_BLOCKS,
        num_heads=tiny_networks.DINO_DIM // 64,
        mlp_ratio=tiny_networks.DINO_INNER / tiny_networks.DINO_DIM,
        init_values=1e-5,
        num_classes=0,
    )
    arrays = tiny_networks.dinov2()
    arrays["pos_embed"] = resized(arrays["pos_embed"]).numpy()
    del arrays["mask_token"]
    return {"embedding": numbers(filled(net, arrays)(pixels())), "positions": numbers(resized(positions()))}


def mvit() -> dict[str, list[float]]:
    """torchvision's own classes, with the strides of ``mvit_v2_s`` for blocks 0 to 3."""
    dim = tiny_networks.MVIT_HEAD_DIM
    blocks = [
        MSBlockConfig(after, dim * before, dim * after, [3, 3, 3], [3, 3, 3], [1, q, q], [1, kv, kv])
        for (before, after), q, kv in zip(tiny_networks.MVIT_HEADS, (1, 2, 1, 2), (8, 4, 4, 2), strict=True)
    ]
    net = MViT((224, 224), 16, blocks, True, False, True, True)
    levels = torch.from_numpy(tiny_networks.clip(20)).permute(3, 0, 1, 2)[None] / 255
    film = (levels - 0.45) / 0.225
    logits = filled(net, tiny_networks.mvit())(film)
    net.head = torch.nn.Identity()
    return {"embedding": numbers(net(film)), "logits_first_8": numbers(logits[:, :8])}


def positions() -> np.ndarray:
    return tiny_networks.filled({"pos": (1, 1 + 37 * 37, 1)}, seed=52)["pos"]


def resized(known: np.ndarray) -> torch.Tensor:
    """As DINOv2's released code does it, which timm does otherwise."""
    tensor = torch.from_numpy(known)
    patches = tensor[:, 1:].reshape(1, 37, 37, -1).permute(0, 3, 1, 2)
    scale = ((16 + 0.1) / 37, (16 + 0.1) / 37)
    patches = torch.nn.functional.interpolate(patches, mode="bicubic", antialias=False, scale_factor=scale)
    return torch.cat([tensor[:, :1], patches.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)


def filled(net: torch.nn.Module, arrays: dict[str, np.ndarray]) -> torch.nn.Module:
    net.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return net.eval()


def pixels() -> torch.Tensor:
    """As torchvision's and DINOv2's own preparation does after cropping."""
    levels = torch.from_numpy(tiny_networks.picture(1)).permute(2, 0, 1)[None] / 255
    mean, deviation = (torch.tensor(v).reshape(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return (levels - mean) / deviation


def numbers(tensor: torch.Tensor) -> list[float]:
    return [round(float(number), DIGITS) for number in tensor.flatten()]


if __name__ == "__main__":
    main()
