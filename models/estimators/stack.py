"""Several estimators together: their weighted sum, the weights learned from predictions out of fold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.estimators.examples import Examples, Fitted, Floats, Parameter, Parts, Stored, parts_of, settled
from models.ridge import TERM_STEPS

WEIGHT_STEPS = 2.0**16


@dataclass(frozen=True)
class FittedStack:
    """The training mean, and of what each member adds to it so many parts.

    Attributes
    ----------
    weights : tuple of float
        None below zero; what they lack to one falls to the mean.
    """

    members: tuple[Fitted, ...]
    weights: tuple[float, ...]
    mean: float

    def predict(self, examples: Examples) -> Floats:
        return self._sum([member.predict(examples) for member in self.members])

    def _sum(self, predictions: Sequence[Floats]) -> Floats:
        return mixed(predictions, self.weights, mean=self.mean)

    def contributions(self, examples: Examples) -> Parts:
        each = [member.contributions(examples) for member in self.members]
        parts = np.zeros((len(examples), len(examples.part_names)))
        base = self.mean * (1 - sum(self.weights))
        for weight, member in zip(self.weights, each, strict=True):
            parts += weight * (member.parts / TERM_STEPS)
            base += weight * member.base / TERM_STEPS
        return parts_of(parts, base=base, totals=self._sum([member.totals for member in each]))

    def to_arrays(self) -> Stored:
        stored = [member.to_arrays() for member in self.members]
        arrays: dict[str, NDArray[np.generic]] = {}
        parameters = {
            f"{place}/{name}": value for place, s in enumerate(stored) for name, value in s.parameters.items()
        }
        for place, member in enumerate(stored):
            arrays |= {f"{place}/{name}": array for name, array in member.arrays.items()}
        own: dict[str, Parameter] = {
            "mean": self.mean,
            "weights": list(self.weights),
            "kinds": [member.kind for member in stored],
        }
        return Stored("stack", {**own, **parameters}, arrays)


def part_of(stored: Stored, place: int) -> Stored:
    """One member of a stored stack."""
    start = f"{place}/"
    kinds: list[str] = stored.parameters["kinds"]  # type: ignore[assignment]  # what to_arrays wrote
    parameters = {k.removeprefix(start): v for k, v in stored.parameters.items() if k.startswith(start)}
    arrays = {k.removeprefix(start): v for k, v in stored.arrays.items() if k.startswith(start)}
    return Stored(kinds[place], parameters, arrays)


def mixed(predictions: Sequence[Floats], weights: Sequence[float], *, mean: float) -> Floats:
    """Add up members, one after the other so that the sum has one order."""
    total = np.full(len(predictions[0]), mean * (1 - sum(weights)))
    for weight, values in zip(weights, predictions, strict=True):
        total = total + weight * values
    return settled(total)


def average_weights(count: int) -> tuple[float, ...]:
    """Every member alike."""
    return (_stepped(1 / count),) * count


def learned_weights(predictions: Floats, truth: Floats, *, mean: Floats | float) -> tuple[float, ...]:
    """Weights of least squares, none below zero.

    Parameters
    ----------
    predictions : array, shape (n, members)
        Each by a fit that saw nothing of the row's group.
    mean : float or array of shape (n,)
        What the constant said of the row.

    Source: Breiman, Stacked regressions, 1996; Lawson and Hanson, Solving least squares problems, 1974.
    """
    from scipy.optimize import nnls

    beyond = predictions - np.reshape(mean, (-1, 1))
    weights, _ = nnls(beyond, truth - mean)
    return tuple(_stepped(weight) for weight in weights)


def _stepped(weight: float) -> float:
    return float(round(weight * WEIGHT_STEPS) / WEIGHT_STEPS)
