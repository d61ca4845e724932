"""Forests and boosted trees: LightGBM teaches them, and is not needed to predict."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.estimators.examples import Examples, Floats, Groups, Parameter, Parts, Stored, parts_of, settled
from models.estimators.folds import group_folds
from models.estimators.projection import Projection, learn_projection
from models.estimators.tree_arrays import TreeArrays, read_trees
from models.estimators.tree_shares import Shares, shares_of
from schemas.errors import LibraryMissing

if TYPE_CHECKING:
    from lightgbm import Booster

FIXED: dict[str, Parameter] = {
    "objective": "regression",
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "verbosity": -1,
    "max_bin": 63,
    "zero_as_missing": False,
}
"""One thread and one layout, so that sums of floats have one order."""

INNER_FOLDS = 3
STEP_TREES = 25
"""The number of boosted trees is chosen in such steps."""


@dataclass(frozen=True)
class FittedTrees:
    """Trees as LightGBM's own text, and what they read.

    Attributes
    ----------
    model : bytes
    """

    model: bytes
    projection: Projection

    @cached_property
    def _trees(self) -> TreeArrays:
        return read_trees(self.model)

    @cached_property
    def _shares(self) -> dict[bytes, Shares]:
        """Filled when somebody asks for reasons, by what the layout makes the owners of features."""
        return {}

    def predict(self, examples: Examples) -> Floats:
        return settled(self._trees.predict(self.projection.once_of(examples)))

    def contributions(self, examples: Examples) -> Parts:
        """Say what each block adds: TreeSHAP values, see `tree_shares`."""
        shares, trees = self._shares_for(self.projection.owners(examples)), self._trees
        parts, totals = np.zeros((len(examples), len(examples.part_names))), np.zeros(len(examples))
        for some, missed in trees.walks(self.projection.once_of(examples)):
            shares.add_to(parts[some], missed)
            totals[some] = trees.ends(missed)
        return parts_of(parts, base=trees.base, totals=settled(totals))

    def _shares_for(self, owners: NDArray[np.int64]) -> Shares:
        key = owners.tobytes()
        if key not in self._shares:
            self._shares[key] = shares_of(self._trees, owners)
        return self._shares[key]

    def to_arrays(self) -> Stored:
        model: NDArray[np.generic] = np.frombuffer(self.model, np.uint8)
        return Stored("trees", {}, {"model": model, **self.projection.to_arrays()})

    @staticmethod
    def from_arrays(stored: Stored) -> "FittedTrees":
        model = np.asarray(stored.arrays["model"], np.uint8).tobytes()
        return FittedTrees(model, Projection.from_arrays(stored.arrays))


@dataclass(frozen=True)
class Trees:
    """Learns an ensemble of trees.

    Attributes
    ----------
    count : int
        How many trees; the most there may be where `is_stopped`.
    is_stopped : bool
        Whether fewer trees are taken where held-out groups are predicted better with fewer: those of noisy tables.

    Source: Ke et al., LightGBM, 2017; Breiman, Random forests, 2001; Friedman, Stochastic gradient boosting, 2002;
    Geurts, Ernst and Wehenkel, Extremely randomized trees, 2006.
    """

    name: str
    settings: tuple[tuple[str, Parameter], ...]
    count: int
    is_stopped: bool = False

    def fit(self, examples: Examples, truth: Floats, *, groups: Groups, seed: int) -> FittedTrees:
        projection = learn_projection(examples, seed=seed)
        features = projection.of(examples)  # directions are found without the truth, so inner folds may share them
        count = self._best_count(features, truth, groups=groups, seed=seed) if self.is_stopped else self.count
        booster = self._grown(features, truth, count=count, seed=seed)
        return FittedTrees(booster.model_to_string().encode(), projection)

    def _best_count(self, features: Floats, truth: Floats, *, groups: Groups, seed: int) -> int:
        errors = np.zeros(len(self._counts))
        for fold in group_folds(groups, INNER_FOLDS):
            booster = self._grown(features[fold.taught], truth[fold.taught], count=self.count, seed=seed)
            errors += [((values - truth[fold.held]) ** 2).sum() for values in self._path(booster, features[fold.held])]
        best = self._counts[int(errors.argmin())]
        return min(round(best * INNER_FOLDS / (INNER_FOLDS - 1)), self.count)  # so many more rows bear more trees

    @property
    def _counts(self) -> range:
        return range(min(STEP_TREES, self.count), self.count + 1, STEP_TREES)

    def _path(self, booster: "Booster", features: Floats) -> Iterator[Floats]:
        """Predictions by ever more trees."""
        values, start = np.zeros(len(features)), 0
        for count in self._counts:
            values = values + booster.predict(features, start_iteration=start, num_iteration=count - start)
            start = count
            yield values

    def _grown(self, features: Floats, truth: Floats, *, count: int, seed: int) -> "Booster":
        lightgbm = _lightgbm()
        settings = {**FIXED, **dict(self.settings), "seed": seed}
        table = lightgbm.Dataset(features, truth, params={**FIXED, "min_data_in_bin": 3})
        booster: Booster = lightgbm.train(settings, table, num_boost_round=count)
        return booster


def _lightgbm() -> ModuleType:
    try:
        import lightgbm
    except OSError as error:
        raise LibraryMissing(
            f"LightGBM cannot be loaded ({error}); it needs the system's OpenMP library: "
            "apt install libgomp1, or on macOS: brew install libomp"
        ) from error
    return lightgbm


def random_forest() -> Trees:
    """Trees on a fifth of the features at each cut, at least five videos a leaf.

    200 trees of 64 leaves gained about .01 of R2 on US engagement, lost as much on ViraNova, and took four times as
    long to explain a prediction (``benchmarks/quality.py``).
    """
    settings: tuple[tuple[str, Parameter], ...] = (
        ("boosting", "rf"),
        ("bagging_fraction", 0.632),
        ("bagging_freq", 1),
        ("feature_fraction_bynode", 0.2),
        ("min_data_in_leaf", 5),
        ("num_leaves", 32),
    )
    return Trees("random forest", settings, 100)


def gradient_boosting() -> Trees:
    """Many small trees that each learn a little, at cuts drawn at random, strongly held back; how many, held-out groups say.

    With one number for all tables ViraNova wants 75 and loses with 250 (R2 .071 and .041 by blocks of rows), and TED's
    talks want 400. Cuts at random gained .004 there, .01 on TED, and nothing on TikTok (``benchmarks/quality.py``).
    """
    settings: tuple[tuple[str, Parameter], ...] = (
        ("learning_rate", 0.06),
        ("num_leaves", 12),
        ("min_data_in_leaf", 10),
        ("lambda_l2", 20.0),
        ("feature_fraction", 0.3),
        ("bagging_fraction", 0.7),
        ("bagging_freq", 1),
        ("extra_trees", True),
    )
    return Trees("gradient boosting", settings, 400, is_stopped=True)
