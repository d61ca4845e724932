"""A release of anything learned: the estimator, the sizes of its errors, and its probabilities (format 2)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.calibration import Calibrator, restored_calibrator
from models.comparables import Comparables, restored_comparables, to_arrays
from models.conformal import GRID, ErrorDistribution
from models.estimators.difficulty import Difficulty
from models.estimators.examples import Fitted, Parameter, Stored
from models.estimators.learned import Learned
from models.estimators.restore import restored
from models.layout import Layout
from models.release_checks import check_fitted
from models.release_files import Arrays
from models.release_manifest import LearnedManifest, Shelved
from models.taught_on import TaughtOn
from schemas.errors import ReleaseInvalid
from schemas.releases import ReleaseId
from schemas.targets import TargetDefined

Floats = NDArray[np.float64]

_FITTED, _DIFFICULTY, _CALIBRATOR = "fitted/", "difficulty/", "calibrator/"
_COMPARABLES = "comparables/"
_ERRORS, _REFERENCE = "errors", "reference"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the learning itself does not know, and every release has to say.

    Attributes
    ----------
    target : TargetDefined
        Its definition; name, version, kind and words for success come from here.
    measure : str
        Name of the measure that taught.
    unit : str
        Of the values.
    layout : Layout
        Of the examples that were learned from.
    threshold, limits
        As in the `Task`.
    trained_at_s : float
        Seconds since the epoch, UTC.
    rows, groups : int
        How many examples, of how many channels (speakers, authors).
    window_s : tuple of float or None
        When the earliest and latest examples were published.
    training : dict
        Further facts in words: where the rows come from, how they were split.
    stages : dict
        Versions of the stages that the features came from.
    taught_on : mapping
        Versions of the models that made the examples, see `models.taught_on`.
    caveats : tuple of str
        What everyone who reads a prediction should know.
    reference : array or None, shape (any,)
        Raw values that a percentile is a percentile of.
    comparables : Comparables or None
        Past videos for suggestions, see `models.estimators.unexplained.comparables_for`.
    bars : mapping
        Of a probability, see `models.target_values.bars`.
    """

    target: TargetDefined
    release_id: ReleaseId
    measure: str
    unit: str
    layout: Layout
    threshold: float
    trained_at_s: float
    rows: int
    groups: int
    limits: tuple[float, float] | None = None
    window_s: tuple[float, float] | None = None
    training: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, str] = field(default_factory=dict)
    taught_on: TaughtOn = field(default_factory=dict)
    caveats: tuple[str, ...] = ()
    reference: Floats | None = None
    comparables: Comparables | None = None
    bars: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class LearnedRelease:
    """What was learned, in memory and ready to predict.

    Attributes
    ----------
    reference : array, shape (GRID,), or None
        Quantiles of the raw values that a percentile is a percentile of, ascending.
    comparables : Comparables or None
        Past videos that a low score is compared with.
    """

    manifest: LearnedManifest
    fitted: Fitted
    errors: ErrorDistribution
    difficulty: Difficulty
    calibrator: Calibrator
    reference: Floats | None = None
    comparables: Comparables | None = None
    card: str = ""


def release_of(learned: Learned, facts: Facts) -> LearnedRelease:
    """Put together what was learned and what is known about it; give it a card with `with_card`.

    Raises
    ------
    ReleaseInvalid
        The target is of a kind that has other releases: multilabel.
    """
    errors = _honest(learned.errors, facts)
    return LearnedRelease(
        manifest=_manifest(learned, facts, errors),
        fitted=learned.fitted,
        errors=errors,
        difficulty=learned.difficulty,
        calibrator=learned.calibrator,
        reference=None if facts.reference is None else _quantiles(facts.reference),
        comparables=facts.comparables,
    )


def with_card(release: LearnedRelease, card: str) -> LearnedRelease:
    """Add the card, which is written from the manifest."""
    fields = {name: getattr(release, name) for name in LearnedRelease.__dataclass_fields__}
    return LearnedRelease(**fields | {"card": card})


def _honest(errors: ErrorDistribution, facts: Facts) -> ErrorDistribution:
    """Where too few groups were seen and the scale has no ends: from the smallest error seen to the largest.

    The next group's error is the smallest or largest of all with a chance of 2 in (groups + 1).

    Source: Vovk, Gammerman and Shafer, Algorithmic learning in a random world, 2005.
    """
    if facts.limits is not None or (np.isfinite(errors.low) and np.isfinite(errors.high)):
        return errors
    level = max(facts.groups - 1, 0) / (facts.groups + 1)
    return ErrorDistribution(errors.quantiles, float(errors.quantiles[0]), float(errors.quantiles[-1]), level)


def _manifest(learned: Learned, facts: Facts, errors: ErrorDistribution) -> LearnedManifest:
    target = facts.target
    if target.kind == "multilabel":
        raise ReleaseInvalid(f"{target.name} has several classes; expected a regression or a probability")
    fitted, difficulty = learned.fitted.to_arrays(), learned.difficulty.fitted.to_arrays()
    return LearnedManifest(
        format=2,
        target=target.name,
        target_version=target.version,
        release_id=facts.release_id,
        kind=target.kind,
        measure=facts.measure,
        estimator=learned.choice.name,
        unit=facts.unit,
        layout=facts.layout,
        constant=learned.mean,
        level=errors.level,
        interval_low=_finite(errors.low),
        interval_high=_finite(errors.high),
        trained_at_s=facts.trained_at_s,
        rows=facts.rows,
        groups=facts.groups,
        beats_constant=learned.beats_constant,
        files=(),
        fitted=_shelved(fitted),
        difficulty=_shelved(difficulty),
        difficulty_mean=learned.difficulty.mean,
        limits=facts.limits,
        threshold=facts.threshold,
        probability_of=target.success,
        window_s=facts.window_s,
        training=dict(facts.training),
        metrics={name: float(value) for name, value in learned.metrics.items() if math.isfinite(value)},
        candidates={one.name: one.mse for one in learned.choice.candidates},
        stages=dict(facts.stages),
        caveats=facts.caveats,
        compared=facts.comparables.facts if facts.comparables else None,
        bars=dict(facts.bars),
        taught_on=facts.taught_on,
    )


def learned_arrays(release: LearnedRelease) -> Arrays:
    """Give everything of a release that is no word, by name."""
    arrays = {_FITTED + name: array for name, array in release.fitted.to_arrays().arrays.items()}
    sizes = release.difficulty.fitted.to_arrays().arrays
    arrays |= {_DIFFICULTY + name: array for name, array in sizes.items()}
    arrays |= {_CALIBRATOR + name: array for name, array in release.calibrator.to_arrays().items()}
    carried = {} if release.comparables is None else to_arrays(release.comparables)
    arrays |= {_COMPARABLES + name: array for name, array in carried.items()}
    arrays[_ERRORS] = release.errors.quantiles
    return arrays if release.reference is None else {**arrays, _REFERENCE: release.reference}


def learned_from(manifest: LearnedManifest, arrays: Arrays, card: str) -> LearnedRelease:
    """Make the release that was written.

    Raises
    ------
    ReleaseInvalid
        An array is missing or of the wrong shape; the estimator is not known, or gives no predictions.
    """
    low = -math.inf if manifest.interval_low is None else manifest.interval_low
    high = math.inf if manifest.interval_high is None else manifest.interval_high
    errors = ErrorDistribution(_curve(arrays, _ERRORS), low, high, manifest.level)
    sizes = _estimator(manifest.difficulty, arrays_under(arrays, _DIFFICULTY), manifest.layout)
    return LearnedRelease(
        manifest=manifest,
        fitted=_estimator(manifest.fitted, arrays_under(arrays, _FITTED), manifest.layout),
        errors=errors,
        difficulty=Difficulty(sizes, manifest.difficulty_mean),
        calibrator=calibrator_of(arrays_under(arrays, _CALIBRATOR)),
        reference=reference_among(arrays),
        comparables=restored_comparables(manifest.compared, arrays_under(arrays, _COMPARABLES))
        if manifest.compared
        else None,
        card=card,
    )


def reference_among(arrays: Arrays) -> Floats | None:
    """Find what percentiles are percentiles of; raises `ReleaseInvalid` where it cannot be that."""
    return _curve(arrays, _REFERENCE) if _REFERENCE in arrays else None


def _shelved(stored: Stored) -> Shelved:
    return msgspec.convert({"kind": stored.kind, "parameters": dict(stored.parameters)}, Shelved)


def _estimator(shelved: Shelved, arrays: Arrays, layout: Layout) -> Fitted:
    parameters: dict[str, Parameter] = shelved.parameters  # type: ignore[assignment]  # lists of one kind, as written
    try:
        fitted = restored(Stored(shelved.kind, parameters, arrays))
    except ReleaseInvalid:
        raise
    except Exception as error:  # parameters and arrays may be anything at all
        raise ReleaseInvalid(f"the estimator of the release cannot be read: {error}; train again") from error
    check_fitted(fitted, layout)
    return fitted


def calibrator_of(arrays: Arrays) -> Calibrator:
    """Make a calibrator of what lies in a release: two numbers, or two columns of which the first never falls.

    Raises
    ------
    ReleaseInvalid
        The arrays are neither.
    """
    floats = {name: array.astype(np.float64) for name, array in arrays.items()}
    sizes = {array.shape for array in floats.values()}
    falls = "isotonic_at" in floats and bool((np.diff(floats["isotonic_at"]) < 0).any())
    expected = {"sigmoid": sizes == {(2,)}, "isotonic_at": len(sizes) == 1 and (0,) not in sizes and len(floats) == 2}
    if falls or not any(name in floats and fits for name, fits in expected.items()):
        raise ReleaseInvalid(f"expected a sigmoid or isotonic calibrator, got arrays of shape {sizes}; train again")
    return restored_calibrator(floats)


def arrays_under(arrays: Arrays, start: str) -> dict[str, NDArray[np.generic]]:
    """The arrays whose names begin so, without that beginning."""
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def _curve(arrays: Arrays, name: str) -> Floats:
    """Quantiles, ascending."""
    array = arrays.get(name, np.zeros(0))
    if array.dtype != np.float64 or array.shape != (GRID,) or (np.diff(array) < 0).any():
        raise ReleaseInvalid(f"array {name!r}: expected {GRID} rising float64, got {array.shape} {array.dtype}")
    return array.astype(np.float64, copy=False)


def _quantiles(values: Floats) -> Floats:
    known = values[np.isfinite(values)]
    return np.asarray(np.quantile(known, (np.arange(GRID) + 0.5) / GRID), np.float64)


def _finite(offset: float) -> float | None:
    return offset if math.isfinite(offset) else None
