"""Which columns a release reads: of all there could be, those that enough of its examples have."""

from collections import Counter
from collections.abc import Mapping, Sequence

from models.early_series import PLACE
from models.layout import Layout, full_layout, named_numbers
from schemas.errors import TrainingImpossible
from schemas.summaries import Summarised

MIN_SHARE = 0.05
"""A block that fewer rows have teaches nothing that lasts."""


def layout_for(summaries: Sequence[Summarised]) -> Layout:
    """Choose the blocks that enough of the rows have, in a fixed order.

    Raises
    ------
    TrainingImpossible
        Not one block is there often enough.
    """
    names = Counter((name, pooled.dim) for summary in summaries for name, pooled in summary.pooled.items())
    names.update((name, 1) for summary in summaries for name in named_numbers(summary))
    return layout_of(names, rows=len(summaries))


def layout_of(names: Mapping[tuple[str, int], int], *, rows: int) -> Layout:
    """Choose the blocks that enough rows have; of a vector that two networks made, the more frequent size.

    Parameters
    ----------
    names : mapping
        Name and size of a block -> how many rows have it.

    Raises
    ------
    TrainingImpossible
        Not one block is there often enough.
    """
    most: dict[str, tuple[int, int]] = {}
    for (name, size), count in sorted(names.items()):
        most[name] = max(most.get(name, (0, 0)), (count, size))
    sizes = {name: size for name, (_, size) in most.items()}
    early = (name for name in most if name.startswith(f"{PLACE}/"))
    everything = full_layout((name for name in sorted(map(_category, most)) if name), sizes=sizes, early=early)
    enough = max(MIN_SHARE * rows, 2)
    blocks = tuple(block for block in everything.blocks if most.get(block.name, (0, 0))[0] >= enough)
    if not blocks:
        raise TrainingImpossible(f"none of the {rows} rows has words or metadata to learn from")
    return Layout(blocks)


def _category(name: str) -> str:
    place, _, category = name.partition("/")
    return category if place == "category" else ""
