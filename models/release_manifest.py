"""What ``release.json`` says: format 1 is one ridge, format 2 is whatever was learned."""

from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from models.comparables import ComparableFacts
from models.early_series import windows_in
from models.layout import PLACES, Layout, topic_of
from models.release_files import MANIFEST, read_file
from models.taught_on import TaughtOn
from schemas.errors import ReleaseInvalid
from schemas.releases import ReleaseFile, ReleaseId, TargetName
from schemas.targets import TargetScope

MAX_COLUMNS = 100_000
MAX_CLASSES = 500
LARGEST = 2.0**30


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ``release.json`` says of a ridge (format 1).

    Attributes
    ----------
    kind, estimator : str
        What is predicted, and how; others than these are refused.
    limits : tuple of float or None
        Smallest and largest possible value of the target.
    constant : float
        What the baseline says for every video: the training mean.
    threshold, probability_of
        A probability is that of a value above `threshold`; empty `probability_of` means none.
    training : dict
        Facts about the table: rows, groups, source, window.
    metrics : dict
        Cross-validated on unseen groups, the constant's beside each error.
    stages : dict
        Versions of the stages the features came from.
    taught_on : dict
        By place and modality which versions of models made the examples, and how many of them; see `models.taught_on`.
    caveats : tuple of str
        What everyone who reads a prediction should know.
    files : tuple
        All other files of the folder, pinned by content.
    """

    format: Literal[1]
    target: TargetName
    release_id: ReleaseId
    kind: Literal["regression"]
    estimator: Literal["ridge"]
    unit: str
    layout: Layout
    intercept: float
    constant: float
    level: float
    interval_low: float
    interval_high: float
    trained_at_s: float
    rows: int
    beats_constant: bool
    files: tuple[ReleaseFile, ...]
    penalty: float = 0.0
    limits: tuple[float, float] | None = None
    threshold: float = 0.0
    probability_of: str = ""
    training: dict[str, str] = msgspec.field(default_factory=dict)
    metrics: dict[str, float] = msgspec.field(default_factory=dict)
    stages: dict[str, str] = msgspec.field(default_factory=dict)
    caveats: tuple[str, ...] = ()
    taught_on: TaughtOn = msgspec.field(default_factory=dict)


class Shelved(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted estimator without its arrays, which lie beside: what `models.estimators.examples.Stored` holds."""

    kind: str
    parameters: dict[str, int | float | str | bool | list[int | float | str] | None]


class LearnedManifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ``release.json`` says of anything learned (format 2); what is also in `Manifest` means the same.

    Attributes
    ----------
    target_version : int
        Of the definition; 0 for a target that has none.
    measure : str
        Which of the target's measures it was taught by.
    estimator : str
        Name of what was chosen; `candidates` has the mean squared error of everything it was chosen from.
    constant : float
        The training mean.
    level : float
        How often the interval holds the truth.
    interval_low, interval_high : float or None
        In expected errors; None for an interval that has no end on this side.
    window_s : tuple of float or None
        When the earliest and latest examples were published, seconds since the epoch, UTC.
    groups : int
        How many channels, speakers or authors the examples are of.
    fitted, difficulty : Shelved
        What predicts, and what predicts how large its error will be.
    difficulty_mean : float
        The mean absolute error out of fold.
    compared : ComparableFacts or None
        About the past videos that suggestions come from; None in a release that suggests nothing.
    bars : dict
        Of a probability: by category (empty: all together) what raw value lies below the best of it.
    """

    format: Literal[2]
    target: TargetName
    target_version: int
    release_id: ReleaseId
    kind: Literal["regression", "probability"]
    measure: str
    estimator: str
    unit: str
    layout: Layout
    constant: float
    level: float
    interval_low: float | None
    interval_high: float | None
    trained_at_s: float
    rows: int
    groups: int
    beats_constant: bool
    files: tuple[ReleaseFile, ...]
    fitted: Shelved
    difficulty: Shelved
    difficulty_mean: float
    limits: tuple[float, float] | None = None
    threshold: float = 0.0
    probability_of: str = ""
    window_s: tuple[float, float] | None = None
    training: dict[str, str] = msgspec.field(default_factory=dict)
    metrics: dict[str, float] = msgspec.field(default_factory=dict)
    candidates: dict[str, float] = msgspec.field(default_factory=dict)
    stages: dict[str, str] = msgspec.field(default_factory=dict)
    caveats: tuple[str, ...] = ()
    compared: ComparableFacts | None = None
    bars: dict[str, float] = msgspec.field(default_factory=dict)
    taught_on: TaughtOn = msgspec.field(default_factory=dict)


class ClassFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a release says of one of its classes.

    Attributes
    ----------
    definition : str
        As it was written for those who label; empty for a hashtag.
    base_rate : float
        The class's share of the examples.
    likely_from : float
        The chance from which on precision and recall together are best; 1 where the base rate is not beaten.
    judged, found : int
        Examples that somebody judged for it, and those of them that have it.
    metrics : dict
        On unseen groups: average precision, area under the curve, calibration error and the like.
    """

    name: str
    base_rate: float
    likely_from: float
    judged: int
    found: int
    beats_base_rate: bool
    definition: str = ""
    metrics: dict[str, float] = msgspec.field(default_factory=dict)


class ClassManifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ``release.json`` says of several classes at once (format 2); what is also in `LearnedManifest` means the same.

    Attributes
    ----------
    estimator : str
        The way of telling classes apart that was chosen; `candidates` has the mean average precision of each.
    scope : str
        Of what it speaks: whole videos, segments, or both.
    reads_words : bool
        It reads words too, without hashtags.
    suggests : bool
        Its classes are hashtags, and a video may be told which to bear.
    """

    format: Literal[2]
    target: TargetName
    target_version: int
    release_id: ReleaseId
    kind: Literal["multilabel"]
    measure: str
    estimator: str
    layout: Layout
    classes: tuple[ClassFacts, ...]
    scope: TargetScope
    trained_at_s: float
    rows: int
    groups: int
    beats_constant: bool
    files: tuple[ReleaseFile, ...]
    reads_words: bool = False
    suggests: bool = False
    window_s: tuple[float, float] | None = None
    training: dict[str, str] = msgspec.field(default_factory=dict)
    metrics: dict[str, float] = msgspec.field(default_factory=dict)
    candidates: dict[str, float] = msgspec.field(default_factory=dict)
    stages: dict[str, str] = msgspec.field(default_factory=dict)
    caveats: tuple[str, ...] = ()
    taught_on: TaughtOn = msgspec.field(default_factory=dict)


AnyManifest: TypeAlias = Manifest | LearnedManifest | ClassManifest


class _Format(msgspec.Struct, frozen=True):
    format: Literal[1, 2]
    kind: str


def read_manifest(folder: Path) -> AnyManifest:
    """Read ``release.json`` alone.

    Raises
    ------
    ReleaseInvalid
        It is absent, or says something that this version does not know.
    """
    content = read_file(folder / MANIFEST)
    try:
        manifest = _decoded(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ReleaseInvalid(f"{folder / MANIFEST} is no release of format 1 or 2: {error}") from error
    if isinstance(manifest, ClassManifest):
        _check_classes(manifest)
        return manifest
    _check_layout(manifest.layout, fewest=1)
    _check_numbers(manifest)
    return manifest


def _decoded(content: bytes) -> AnyManifest:
    head = msgspec.json.decode(content, type=_Format)
    if head.format == 2 and head.kind == "multilabel":
        return msgspec.json.decode(content, type=ClassManifest)
    if head.format == 2:
        return msgspec.json.decode(content, type=LearnedManifest)
    return msgspec.json.decode(content, type=Manifest)


def _check_classes(manifest: ClassManifest) -> None:
    """Shares are shares, and no two classes have one name."""
    _check_layout(manifest.layout, fewest=0 if manifest.reads_words else 1)
    names = [one.name for one in manifest.classes]
    if not 0 < len(names) <= MAX_CLASSES or len(set(names)) < len(names):
        raise ReleaseInvalid(f"expected 1 to {MAX_CLASSES} different classes, got {len(names)}: {names[:10]}")
    for one in manifest.classes:
        if not (0 <= one.base_rate <= 1 and 0 <= one.likely_from <= 1):
            raise ReleaseInvalid(f"class {one.name!r}: expected shares, got {one.base_rate} and {one.likely_from}")


def _check_numbers(manifest: Manifest | LearnedManifest) -> None:
    """A prediction is a whole number of steps of 2**-32 in 64 bits; what lies far outside cannot be one."""
    ends = manifest.limits or (0.0, 0.0)
    if not all(abs(number) < LARGEST for number in (manifest.constant, *ends)) or ends[0] > ends[1]:
        raise ReleaseInvalid(f"expected a constant and limits below {LARGEST:g}, got {manifest.constant} and {ends}")
    if manifest.limits is None and None in (manifest.interval_low, manifest.interval_high):
        raise ReleaseInvalid("expected an interval with two ends, or limits of the target; train again")


def _check_layout(layout: Layout, *, fewest: int) -> None:
    if len(windows_in(block.name for block in layout.blocks)) > 1:  # each costs a fit for every video
        raise ReleaseInvalid("expected one window of early days in the layout, got several; train again")
    for block in layout.blocks:
        topic_of(block)
        if block.size < 1 or (block.place in PLACES[2:] and block.size != 1):
            raise ReleaseInvalid(f"block {block.name!r} cannot have {block.size} columns")
    if not fewest <= layout.columns <= MAX_COLUMNS:
        raise ReleaseInvalid(f"expected {fewest} to {MAX_COLUMNS} columns, got {layout.columns}")
