"""What all networks that are built or read here have in common: their ends have names, their files hold float32."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import WeightsMissing

if TYPE_CHECKING:
    import openvino as ov


def network_of(name: str, *, inputs: Mapping[str, "ov.Node"], outputs: Mapping[str, "ov.Node"]) -> "ov.Model":
    """Close a graph: its parameters and what it gives, each by the name that `Network.infer` goes by, in this order."""
    import openvino as ov
    from openvino import opset15 as op

    for end, node in (*inputs.items(), *outputs.items()):
        node.output(0).set_names({end})
    return ov.Model([op.result(node) for node in outputs.values()], list(inputs.values()), name)


def save(model: "ov.Model", path: Path) -> None:
    """Write a network as OpenVINO IR, an ``.xml`` with a ``.bin`` beside it, with its numbers as they are."""
    import openvino as ov

    ov.save_model(model, path, compress_to_fp16=False)


@contextmanager
def published(file_name: str, network: str) -> Iterator[None]:
    """Read a published file inside; what OpenVINO cannot make of it becomes one error that says what to do.

    Parameters
    ----------
    network : str
        As ``groundswell weights fetch`` knows it.

    Raises
    ------
    WeightsMissing
        It is another file than the published one.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise WeightsMissing(
            f"{file_name} is not the published network: {error}; fetch it again: groundswell weights fetch {network}"
        ) from error
