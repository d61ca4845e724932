"""Kernel ridge regression on vectors of meaning: what videos that are like this one did."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.estimators.exact import stepped, weights_for
from models.estimators.examples import Examples, Floats, Groups, Parts, Stored, parts_of, settled
from models.estimators.folds import Fold, group_folds

GAMMAS = (1.0, 4.0)
"""Of vectors of length 1: two that have nothing in common are alike by exp(-2), or only by exp(-8), so that close
neighbours count for more."""

PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0)

LANDMARKS = 2500
"""With so many rows or fewer the fit is that of all rows; beyond, on a sample of so many (Nystroem)."""

CHOICE_LANDMARKS = 800
"""The penalty is chosen on fewer: which is best hardly depends on their number, the time on its square."""

MOST_CELLS = 50_000_000
"""Rows times landmarks held at once: 400 MB, so that a hundred thousand videos fit into memory, on fewer landmarks."""

SQUARE_BITS = 20
"""Squares in steps of 2**-40 add up exactly for vectors up to 90 long."""

JITTER = 1e-6
INNER_FOLDS = 4


@dataclass(frozen=True)
class Hills:
    """One block's part: the sum of `heights` of bells around `centres`.

    Attributes
    ----------
    gamma : float
        How fast the bells fall.
    centres : array, shape (landmarks, size), rows of length 1
    heights : array, shape (landmarks,), in the target's unit
    """

    block: int
    gamma: float
    centres: Floats
    heights: Floats

    def at(self, examples: Examples) -> Floats:
        """The part of each row, shape (n,); a row without the block gets none."""
        rows, present = unit_rows(examples, self.block)
        alike = stepped(alikeness(rows, self.centres, gamma=self.gamma))
        return np.where(present, alike @ self.heights, 0.0)


@dataclass(frozen=True)
class FittedKernel:
    """The mean, and for each vector block a landscape over its space."""

    intercept: float
    hills: tuple[Hills, ...]

    def predict(self, examples: Examples) -> Floats:
        return self._totals(self._by_block(examples))

    def contributions(self, examples: Examples) -> Parts:
        by_block = self._by_block(examples)
        return parts_of(by_block, base=self.intercept, totals=self._totals(by_block))

    def _totals(self, by_block: Floats) -> Floats:
        return settled(self.intercept + by_block.sum(axis=1))

    def _by_block(self, examples: Examples) -> Floats:
        parts = np.zeros((len(examples), len(examples.part_names)))
        for hills in self.hills:
            parts[:, hills.block] = hills.at(examples)
        return parts

    def to_arrays(self) -> Stored:
        arrays: dict[str, NDArray[np.generic]] = {}
        for hills in self.hills:
            arrays[f"centres_{hills.block}"] = hills.centres.astype(np.float32)
            arrays[f"heights_{hills.block}"] = hills.heights
        return Stored(
            "kernel",
            {"intercept": self.intercept, "blocks": [h.block for h in self.hills], "gamma": self._gamma},
            arrays,
        )

    @property
    def _gamma(self) -> float:
        return self.hills[0].gamma if self.hills else GAMMAS[0]

    @staticmethod
    def from_arrays(stored: Stored) -> "FittedKernel":
        blocks: list[int] = stored.parameters["blocks"]  # type: ignore[assignment]  # what to_arrays wrote
        hills = tuple(
            Hills(
                block,
                float(stored.parameters["gamma"]),  # type: ignore[arg-type]  # see above
                np.asarray(stored.arrays[f"centres_{block}"], np.float64),
                np.asarray(stored.arrays[f"heights_{block}"], np.float64),
            )
            for block in blocks
        )
        return FittedKernel(float(stored.parameters["intercept"]), hills)  # type: ignore[arg-type]  # see above


@dataclass(frozen=True)
class KernelRidge:
    """Learns one bell for each landmark and vector block.

    Source: Saunders, Gammerman and Vovk, Ridge regression learning algorithm in dual variables, 1998;
    Williams and Seeger, Using the Nystroem method to speed up kernel machines, 2001.
    """

    name: str = "kernel ridge"
    landmarks: int = LANDMARKS

    def fit(self, examples: Examples, truth: Floats, *, groups: Groups, seed: int) -> FittedKernel:
        blocks, mean = _vector_blocks(examples), float(truth.mean())
        if not blocks:
            return FittedKernel(mean, ())
        places = self._places(len(truth), seed)
        gamma, penalty = _best_shape(examples, truth, _thinned(places), group_folds(groups, INNER_FOLDS))
        spread = _Spread.over(examples, blocks, places=places, gamma=gamma)
        heights = spread.solve(np.arange(len(truth)), truth - mean, (penalty,))[:, 0]
        return FittedKernel(mean, spread.hills(heights))

    def _places(self, count: int, seed: int) -> NDArray[np.int64]:
        most = min(self.landmarks, max(MOST_CELLS // count, 1))
        if count <= most:
            return np.arange(count)
        return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


@dataclass(frozen=True)
class _Spread:
    """How alike rows and landmarks are, averaged over blocks."""

    blocks: tuple[int, ...]
    gamma: float
    centres: tuple[Floats, ...]
    alike: Floats
    among: Floats

    @staticmethod
    def over(examples: Examples, blocks: list[int], *, places: NDArray[np.int64], gamma: float) -> "_Spread":
        centres, alike = [], np.zeros((len(examples), len(places)))
        for block in blocks:
            rows, present = unit_rows(examples, block)
            centres.append(rows[places])
            near = alikeness(rows, centres[-1], gamma=gamma)
            near *= (present / len(blocks))[:, None]
            near *= present[places]
            alike += near
        return _Spread(tuple(blocks), gamma, tuple(centres), alike, alike[places])

    def solve(self, taught: NDArray[np.int64], centred: Floats, penalties: tuple[float, ...]) -> Floats:
        """Heights for each penalty: shape (landmarks, penalties)."""
        from scipy.linalg import solve

        known = self.alike[taught]
        square, right = known.T @ known, known.T @ centred
        steady = np.eye(len(square)) * JITTER * len(taught)
        answers = [solve(square + penalty * self.among + steady, right, assume_a="pos") for penalty in penalties]
        return np.stack(answers, axis=1)

    def hills(self, heights: Floats) -> tuple[Hills, ...]:
        shared = weights_for(heights / len(self.blocks), largest=1.0)
        return tuple(
            Hills(block, self.gamma, centres, shared) for block, centres in zip(self.blocks, self.centres, strict=True)
        )


def _best_shape(
    examples: Examples, truth: Floats, places: NDArray[np.int64], folds: tuple[Fold, ...]
) -> tuple[float, float]:
    """The gamma and the penalty with the least error on held-out groups."""
    blocks = _vector_blocks(examples)
    errors = np.array(
        [_errors(_Spread.over(examples, blocks, places=places, gamma=gamma), truth, folds) for gamma in GAMMAS]
    )
    gamma, penalty = np.unravel_index(int(errors.argmin()), errors.shape)
    return GAMMAS[int(gamma)], PENALTIES[int(penalty)]


def _errors(spread: _Spread, truth: Floats, folds: tuple[Fold, ...]) -> Floats:
    """Squared errors for each penalty."""
    errors = np.zeros(len(PENALTIES))
    for fold in folds:
        mean = truth[fold.taught].mean()
        heights = spread.solve(fold.taught, truth[fold.taught] - mean, PENALTIES)
        misses = truth[fold.held, None] - mean - spread.alike[fold.held] @ heights
        errors += (misses**2).sum(axis=0)
    return errors


def _thinned(places: NDArray[np.int64]) -> NDArray[np.int64]:
    kept = np.unique(np.linspace(0, len(places) - 1, CHOICE_LANDMARKS).astype(np.int64))
    return places[kept]


def _vector_blocks(examples: Examples) -> list[int]:
    return [number for number, block in enumerate(examples.layout.blocks) if block.size > 1]


def unit_rows(examples: Examples, block: int) -> tuple[Floats, NDArray[np.bool_]]:
    """A block's rows at length 1, in exact steps, and which rows have it."""
    columns = stepped(np.ascontiguousarray(examples.table.values[:, examples.layout.owners == block]), SQUARE_BITS)
    lengths = np.sqrt((columns * columns).sum(axis=1))
    present = examples.table.present[:, block] & (lengths > 0)
    return stepped(columns / np.where(present, lengths, 1.0)[:, None]), present


def alikeness(rows: Floats, centres: Floats, *, gamma: float) -> Floats:
    """Gaussian kernel between rows of length 1: shape (n, landmarks)."""
    near: Floats = np.exp(2 * gamma * (rows @ centres.T - 1.0))
    return near
