"""The baseline: every video does as well as the average did."""

from dataclasses import dataclass

import numpy as np

from models.estimators.examples import Examples, Floats, Groups, Parts, Stored, parts_of, settled


@dataclass(frozen=True)
class FittedConstant:
    """Says the training mean of everything."""

    mean: float

    def predict(self, examples: Examples) -> Floats:
        return settled(np.full(len(examples), self.mean))

    def contributions(self, examples: Examples) -> Parts:
        nothing = np.zeros((len(examples), len(examples.part_names)))
        return parts_of(nothing, base=self.mean, totals=self.predict(examples))

    def to_arrays(self) -> Stored:
        return Stored("constant", {"mean": self.mean})

    @staticmethod
    def from_arrays(stored: Stored) -> "FittedConstant":
        return FittedConstant(float(stored.parameters["mean"]))  # type: ignore[arg-type]  # what to_arrays wrote


@dataclass(frozen=True)
class Constant:
    """Learns the mean."""

    name: str = "constant"

    def fit(self, examples: Examples, truth: Floats, *, groups: Groups, seed: int) -> FittedConstant:
        del examples, groups, seed  # whatever they are
        return FittedConstant(float(truth.mean()))
