"""The one feature layout: named blocks of columns, the same for training, live scoring and replay."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.early_series import PLACE, Window, early_numbers, is_process, windows_in
from models.feature_list import NUMBERS, VECTOR_SIZES, Topic, metadata_names, topic_named
from models.metadata_features import metadata_numbers
from models.pooling import STEPS, sums
from schemas.errors import ReleaseInvalid
from schemas.summaries import PooledVector, Summarised


class Block(msgspec.Struct, frozen=True):
    """Columns that are present or missing together.

    Attributes
    ----------
    name : str
        ``video/M`` or ``segments/M`` for a pooled vector, ``metadata/N``, ``category/C`` or ``numbers/N`` for one number.
    size : int
        Columns.
    """

    name: str
    size: int = 1

    @property
    def place(self) -> str:
        return self.name.partition("/")[0]

    @property
    def label(self) -> str:
        return self.name.partition("/")[2]


class Layout(msgspec.Struct, frozen=True):
    """Which columns a release reads, in order, by name."""

    blocks: tuple[Block, ...]

    @property
    def columns(self) -> int:
        return sum(block.size for block in self.blocks)

    @property
    def owners(self) -> NDArray[np.int64]:
        """For each column, the number of its block: shape (columns,)."""
        return np.repeat(np.arange(len(self.blocks)), [block.size for block in self.blocks])


@dataclass(frozen=True)
class Table:
    """Rows of numbers: `values` of shape (n, columns), `present` of shape (n, blocks); absent values are 0."""

    values: NDArray[np.float64]
    present: NDArray[np.bool_]


PLACES = ("video", "segments", "metadata", "category", "numbers", PLACE)

METADATA = "metadata"
"""The modality of everything that comes with a video: what its source says, its length, how many words."""

EARLY_COUNTS, SERIES = "early/counts", "early/series"
"""What is known of a video's first days: how often somebody saw it, and (by the Hawkes process) how day followed day."""


def topic_of(block: Block) -> Topic:
    """Name a block as a marketer would.

    Raises
    ------
    ReleaseInvalid
        No such block is known to this version.
    """
    topic = topic_named(block.name)
    if topic is None:
        raise ReleaseInvalid(
            f"the layout has a block {block.name!r} that this version does not know; update Groundswell"
        )
    return topic


def modality_of(block: Block) -> str:
    """Say which modality fills a block, as a summary's `missing` names it.

    >>> modality_of(Block("numbers/visual/cuts_per_minute"))
    'segments/visual'
    >>> modality_of(Block("numbers/video/identity/people"))
    'video/identity'
    """
    if block.place in ("video", "segments"):
        return block.name
    if block.place == PLACE:
        return SERIES if is_process(block.name) else EARLY_COUNTS
    modality, _, number = block.label.rpartition("/")
    if block.place != "numbers" or not number or not modality:
        return METADATA
    return modality if modality.startswith("video/") else f"segments/{modality}"


def full_layout(
    categories: Iterable[str] = (), *, sizes: Mapping[str, int] = VECTOR_SIZES, early: Iterable[str] = ()
) -> Layout:
    """Lay out every modality there is, in the one order: vectors by name, then single numbers by name.

    A release reads a selection of these blocks, in this order. A block that a video lacks is masked:
    `Table.present` is False, and an estimator must then take the block's training mean, so that what
    is missing neither raises nor lowers a prediction and is no reason for it.

    Parameters
    ----------
    categories : iterable of str
        The table's; each is a column of its own.
    sizes : mapping
        Columns of each vector, by block name, where another network than ours made them.
    early : iterable of str
        Names of numbers about the first days, see `models.early_series`.
    """
    singles = [*(f"category/{name}" for name in categories), *metadata_names(), *NUMBERS, *early]
    vectors = (Block(name, sizes[name]) for name in sorted(VECTOR_SIZES) if name in sizes)
    return Layout((*vectors, *map(Block, sorted(singles))))


def vectorise(summaries: Sequence[Summarised], layout: Layout) -> Table:
    """Lay summaries out as rows of numbers; each row depends on its own summary only.

    Raises
    ------
    ReleaseInvalid
        A pooled vector has another size than the layout says: it comes from another model.
    Unreadable
        A pooled vector's bytes are not what it promises.
    """
    windows = windows_in(block.name for block in layout.blocks)
    numbers = [named_numbers(summary) | _of_first_days(summary, windows) for summary in summaries]
    values = np.zeros((len(summaries), layout.columns))
    present = np.zeros((len(summaries), len(layout.blocks)), bool)
    for number, (block, first) in enumerate(_places(layout)):
        columns = slice(first, first + block.size)
        if block.place in ("video", "segments"):
            _fill_vectors(summaries, block, into=(values[:, columns], present[:, number]))
        else:
            _fill_numbers(numbers, block, into=(values[:, first], present[:, number]))
    return Table(values, present)


def named_numbers(summary: Summarised) -> dict[str, float]:
    """Everything about a summary that is one number, by block name."""
    metadata = metadata_numbers(summary.metadata, summary.numbers.get("duration_s"))
    numbers = {f"metadata/{name}": value for name, value in metadata.items()}
    numbers |= {f"numbers/{name}": value for name, value in summary.numbers.items()}
    if summary.metadata.category:
        numbers["category/"] = 0.0
        numbers[f"category/{summary.metadata.category}"] = 1.0
    return numbers


def _of_first_days(summary: Summarised, windows: Iterable[Window]) -> dict[str, float]:
    found = (early_numbers(window, summary.outcomes) for window in windows)
    return {name: value for numbers in found for name, value in numbers.items()}


def _places(layout: Layout) -> Iterator[tuple[Block, int]]:
    first = 0
    for block in layout.blocks:
        yield block, first
        first += block.size


_Columns = tuple[NDArray[np.float64], NDArray[np.bool_]]


def _fill_numbers(numbers: list[dict[str, float]], block: Block, *, into: _Columns) -> None:
    values, present = into
    otherwise = "category/" if block.place == "category" else ""
    found = [row.get(block.name, row.get(otherwise)) for row in numbers]
    present[:] = [value is not None for value in found]
    values[:] = [value or 0.0 for value in found]


def _fill_vectors(summaries: Sequence[Summarised], block: Block, *, into: _Columns) -> None:
    values, present = into
    for row, summary in enumerate(summaries):
        pooled = summary.pooled.get(block.name)
        if pooled is not None:
            values[row] = _numbers_of(pooled, block)
            values[row] /= pooled.count * float(STEPS)
            present[row] = True


def _numbers_of(pooled: PooledVector, block: Block) -> NDArray[np.int64]:
    if pooled.dim != block.size:
        raise ReleaseInvalid(
            f"{block.name} has {pooled.dim} numbers, the release was taught on {block.size}: another model; train again"
        )
    return sums(pooled)
