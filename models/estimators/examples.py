"""What every estimator reads and gives: examples in, predictions that are sums of named parts out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.estimators.words import Text
from models.layout import Layout, Table
from models.ridge import TERM_STEPS
from models.ridge import rows as table_rows

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]
Parameter = int | float | str | bool | None | list[int] | list[float] | list[str]

WORDS = "words"
"""The part of a prediction that comes from which words are used, whatever they mean."""


@dataclass(frozen=True)
class Examples:
    """Rows to learn from or to predict.

    Attributes
    ----------
    table : Table
        Numbers, shape (n, columns), and which blocks are present, shape (n, blocks).
    words : tuple of Text
        Everything written and said in each row; empty for a layout that reads no words.
    """

    table: Table
    layout: Layout
    words: tuple[Text, ...] = ()

    def __len__(self) -> int:
        return len(self.table.values)

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Examples":
        """The chosen rows, by mask or by place."""
        places = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
        words = tuple(self.words[place] for place in places) if self.words else ()
        mask_or_places: NDArray[np.bool_] = places  # type: ignore[assignment]  # numpy takes either
        return Examples(table_rows(self.table, mask_or_places), self.layout, words)

    @cached_property
    def seen_by(self) -> dict[int, tuple[object, Floats]]:
        """What members of a stack that look at rows alike have made of them already, by whose eyes."""
        return {}

    @property
    def texts(self) -> tuple[Text, ...]:
        """The words of each row, empty texts where there are none at all."""
        return self.words or (Text(""),) * len(self)

    @property
    def part_names(self) -> tuple[str, ...]:
        """What the parts of a prediction are called: the layout's blocks, then the words."""
        return (*(block.name for block in self.layout.blocks), WORDS)


@dataclass(frozen=True)
class Parts:
    """Predictions as sums, in steps of 2**-32 of the target's unit.

    Attributes
    ----------
    base : int
        What is said of every row alike.
    parts : array of int64, shape (n, blocks + 1)
        By block, in the layout's order; last the words.
    """

    base: int
    parts: NDArray[np.int64]

    @property
    def totals(self) -> Floats:
        """The predictions, shape (n,)."""
        totals: Floats = (self.parts.sum(axis=1) + self.base) / TERM_STEPS
        return totals


@dataclass(frozen=True)
class Stored:
    """A fitted estimator as it lies in a release: JSON-able parameters and plain arrays, never pickle."""

    kind: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)


class Fitted(Protocol):
    """What has been learned. A row's prediction has the same bytes whatever else is asked for."""

    def predict(self, examples: Examples) -> Floats:
        """Predict, shape (n,): exactly the totals of `contributions`."""

    def contributions(self, examples: Examples) -> Parts:
        """Say what each block adds to the prediction; the parts add up to it exactly."""

    def to_arrays(self) -> Stored:
        """Give everything that `restored` needs to make the same again."""


class Estimator(Protocol):
    """A way to learn. The same rows and seed give the same bytes."""

    @property
    def name(self) -> str:
        """What reports call it."""

    def fit(self, examples: Examples, truth: Floats, *, groups: Groups, seed: int) -> Fitted:
        """Learn from rows.

        Parameters
        ----------
        truth : array, shape (n,)
        groups : array, shape (n,)
            Who made the row, as a number: what is chosen inside is chosen on groups that were held out.
        """


def settled(values: Floats) -> Floats:
    """Round predictions to the steps in which parts are counted."""
    rounded: Floats = np.rint(values * TERM_STEPS) / TERM_STEPS
    return rounded


def parts_of(floats: Floats, *, base: float, totals: Floats) -> Parts:
    """Round parts so that they add up to already settled totals; the largest part takes what rounding leaves.

    Parameters
    ----------
    floats : array, shape (n, blocks + 1)
    totals : array, shape (n,)
    """
    parts = np.rint(floats * TERM_STEPS).astype(np.int64)
    start = round(base * TERM_STEPS)
    left = np.rint(totals * TERM_STEPS).astype(np.int64) - start - parts.sum(axis=1)
    parts[np.arange(len(parts)), np.abs(parts).argmax(axis=1)] += left
    return Parts(start, parts)
