"""How networks are run: threads, precision, device. It says so without loading anything that runs them."""

from typing import Literal, TypeAlias

import msgspec

Precision: TypeAlias = Literal["f32", "bf16"]
"""``f32`` gives the same features on every host, up to the last bits; ``bf16`` is faster where the processor has it."""

Device: TypeAlias = Literal["auto", "cpu", "cuda"]
"""``auto`` is CUDA where both torch and a GPU are there, else the CPU."""


class Inference(msgspec.Struct, frozen=True):
    """What is asked of the backend.

    Attributes
    ----------
    threads : int
        Threads one network may use on the CPU.
    precision : "f32" or "bf16"
        In what numbers it computes; where the processor has no bf16 it stays f32, and versions say so.
    device : "auto", "cpu" or "cuda"
        CPU runs on OpenVINO, CUDA on torch.
    """

    threads: int = 1
    precision: Precision = "f32"
    device: Device = "cpu"


def at_precision(version: str, precision: Precision) -> str:
    """Give a model's version for the precision it really ran in: other numbers are another version.

    Parameters
    ----------
    version : str
        The version in float32, which ends in ``f32``.

    >>> at_precision("53aa5117-w1-f32", "bf16"), at_precision("53aa5117-w1-f32", "f32")
    ('53aa5117-w1-bf16', '53aa5117-w1-f32')
    """
    return version.removesuffix("f32") + precision
