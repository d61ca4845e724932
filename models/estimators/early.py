"""Two ways to foretell from a video's first days: a regression on its counts, and a Hawkes process on its daily series."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.early_series import PLACE, PROCESS, is_process
from models.estimators.examples import Estimator, Examples, Floats, Groups, Parts, Stored, settled
from models.estimators.linear import FittedRidge, RidgeRegression
from models.layout import Block, Layout, Table
from models.ridge import TERM_STEPS

NOWHERE = -1
LARGEST = 2.0**20


@dataclass(frozen=True)
class FittedProcess:
    """What the process foretells where there is a daily series; elsewhere what the regression says.

    Attributes
    ----------
    block : int
        The one that holds what the process foretells; `NOWHERE` when no example had a series.
    """

    block: int
    otherwise: FittedRidge

    def predict(self, examples: Examples) -> Floats:
        return self.contributions(examples).totals

    def contributions(self, examples: Examples) -> Parts:
        said = self.otherwise.contributions(examples)
        if self.block == NOWHERE:
            return said
        speaks = examples.table.present[:, self.block]
        column = int(np.flatnonzero(examples.layout.owners == self.block)[0])
        foretold = settled(np.clip(examples.table.values[:, column], -LARGEST, LARGEST))
        parts = np.where(speaks[:, None], 0, said.parts)
        parts[speaks, self.block] = np.rint(foretold[speaks] * TERM_STEPS).astype(np.int64) - said.base
        return Parts(said.base, parts)

    def to_arrays(self) -> Stored:
        ridge = self.otherwise.to_arrays()
        return Stored("process", {**ridge.parameters, "block": self.block}, ridge.arrays)

    @staticmethod
    def from_arrays(stored: Stored) -> "FittedProcess":
        return FittedProcess(int(stored.parameters["block"]), FittedRidge.from_arrays(stored))  # type: ignore[arg-type]  # what to_arrays wrote


@dataclass(frozen=True)
class EarlyRegression:
    """Ridge regression on the logarithms of early counts and on metadata.

    Source: Szabo and Huberman, Predicting the popularity of online content, 2010.
    """

    name: str = "regression on early counts"

    def fit(self, examples: Examples, truth: Floats, *, groups: Groups, seed: int) -> FittedRidge:
        return RidgeRegression().fit(_only(examples, _is_plain), truth, groups=groups, seed=seed)


@dataclass(frozen=True)
class HawkesProcess:
    """Each video's own process, fitted to its own days; nothing is learned but what to say of videos without a series.

    Source: Rizoiu et al., Expecting to be HIP, WWW 2017.
    """

    name: str = "Hawkes intensity process"

    def fit(self, examples: Examples, truth: Floats, *, groups: Groups, seed: int) -> FittedProcess:
        otherwise = EarlyRegression().fit(examples, truth, groups=groups, seed=seed)
        return FittedProcess(_foretelling(examples.layout), otherwise)


def early_members(layout: Layout) -> tuple[Estimator, ...]:
    """Who else competes where early counts may be seen; nobody where there are none."""
    if not any(block.place == PLACE for block in layout.blocks):
        return ()
    alone = (EarlyRegression(),)
    return alone if _foretelling(layout) == NOWHERE else (*alone, HawkesProcess())


def _foretelling(layout: Layout) -> int:
    names = [block.name.rpartition("/")[2] if is_process(block.name) else "" for block in layout.blocks]
    return names.index(f"{PROCESS}views_log") if f"{PROCESS}views_log" in names else NOWHERE


def _is_plain(block: Block) -> bool:
    return block.size == 1 and block.place in ("metadata", "category", PLACE) and not is_process(block.name)


def _only(examples: Examples, is_read: Callable[[Block], bool]) -> Examples:
    """The same rows as if nothing else were known: columns that nobody has get no weight."""
    kept: NDArray[np.bool_] = np.array([is_read(block) for block in examples.layout.blocks])
    present = examples.table.present & kept
    values = np.where(kept[examples.layout.owners], examples.table.values, 0.0)
    return Examples(Table(values, present), examples.layout, examples.words)
