"""Fitted estimators back from plain arrays and JSON; nothing is ever unpickled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from models.estimators.constant import FittedConstant
from models.estimators.early import FittedProcess
from models.estimators.examples import Fitted, Stored
from models.estimators.kernel import FittedKernel
from models.estimators.linear import FittedRidge
from models.estimators.phrasing import FittedPhrasing
from models.estimators.stack import FittedStack, part_of
from models.estimators.trees import FittedTrees
from schemas.errors import ReleaseInvalid

KINDS: Mapping[str, Callable[[Stored], Fitted]] = {
    "constant": FittedConstant.from_arrays,
    "ridge": FittedRidge.from_arrays,
    "kernel": FittedKernel.from_arrays,
    "phrasing": FittedPhrasing.from_arrays,
    "trees": FittedTrees.from_arrays,
    "process": FittedProcess.from_arrays,
}


def restored(stored: Stored) -> Fitted:
    """Make the estimator that gave `stored`; it predicts the same bytes.

    Raises
    ------
    ReleaseInvalid
        A kind that this version does not know, or something is missing.
    """
    try:
        if stored.kind == "stack":
            return _stack(stored)
        return KINDS[stored.kind](stored)
    except (KeyError, ValueError, TypeError) as error:
        raise ReleaseInvalid(
            f"an estimator of kind {stored.kind!r} lacks {error}, or this version does not know it; train again"
        ) from error


def _stack(stored: Stored) -> FittedStack:
    weights: list[float] = stored.parameters["weights"]  # type: ignore[assignment]  # what to_arrays wrote
    members: list[Fitted] = []
    for place in range(len(weights)):
        members.append(_beside(members, restored(part_of(stored, place))))
    return FittedStack(tuple(members), tuple(weights), float(stored.parameters["mean"]))  # type: ignore[arg-type]  # ours


def _beside(members: Sequence[Fitted], one: Fitted) -> Fitted:
    """Let trees that were taught on the same rows look at new ones together: half the work."""
    if not isinstance(one, FittedTrees):
        return one
    others = (member.projection for member in members if isinstance(member, FittedTrees))
    return replace(one, projection=one.projection.shared(others))
