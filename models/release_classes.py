"""A release of several classes at once: one classifier, and for each class what turns its scores into chances."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from models.calibration import Calibrator
from models.class_examples import ClassExamples
from models.class_learning import ClassesLearned
from models.classification import ClassDefinition
from models.classifiers import Classifier, Lines, NearestLabelled, chances_of, restored_classifier
from models.estimators.examples import Examples
from models.estimators.words import BUCKETS, Text
from models.layout import Layout, Table
from models.release_files import Arrays
from models.release_learned import arrays_under, calibrator_of
from models.release_manifest import ClassFacts, ClassManifest
from models.taught_on import TaughtOn
from schemas.errors import ReleaseInvalid
from schemas.releases import ReleaseId
from schemas.targets import TargetDefined

Floats = NDArray[np.float64]

_CLASSIFIER, _CALIBRATOR = "classifier/", "calibrator/"
LARGEST = 2.0**30


@dataclass(frozen=True, kw_only=True)
class ClassReleaseFacts:
    """What the learning itself does not know; see `models.release_learned.Facts`."""

    target: TargetDefined
    release_id: ReleaseId
    layout: Layout
    classes: tuple[ClassFacts, ...]
    trained_at_s: float
    rows: int
    groups: int
    beats_constant: bool
    metrics: Mapping[str, float]
    reads_words: bool = False
    window_s: tuple[float, float] | None = None
    training: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, str] = field(default_factory=dict)
    taught_on: TaughtOn = field(default_factory=dict)
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ClassRelease:
    """What was learned, in memory and ready to predict; `calibrators` are in the order of the manifest's classes."""

    manifest: ClassManifest
    classifier: Classifier
    calibrators: tuple[Calibrator, ...]
    card: str = ""

    def chances(self, seen: ClassExamples) -> Floats:
        """Calibrated chances, shape (n, classes)."""
        return chances_of(self.classifier, self.calibrators, seen)


def class_release_of(learned: ClassesLearned, facts: ClassReleaseFacts) -> ClassRelease:
    """Put together what was learned and what is known about it; give it a card with `with_class_card`."""
    target = facts.target
    manifest = ClassManifest(
        format=2,
        target=target.name,
        target_version=target.version,
        release_id=facts.release_id,
        kind="multilabel",
        measure=target.measures[0].name,
        estimator=learned.classifier.method,
        layout=facts.layout,
        classes=facts.classes,
        scope=target.scope,
        trained_at_s=facts.trained_at_s,
        rows=facts.rows,
        groups=facts.groups,
        beats_constant=facts.beats_constant,
        files=(),
        reads_words=facts.reads_words,
        suggests=target.measures[0].formula == "hashtags",
        window_s=facts.window_s,
        training=dict(facts.training),
        metrics=dict(facts.metrics),
        candidates={one.name: one.ap for one in learned.candidates},
        stages=dict(facts.stages),
        caveats=facts.caveats,
        taught_on=facts.taught_on,
    )
    return ClassRelease(manifest=manifest, classifier=learned.classifier, calibrators=learned.calibrators)


def with_class_card(release: ClassRelease, card: str) -> ClassRelease:
    """Add the card, which is written from the manifest."""
    return replace(release, card=card)


def class_arrays(release: ClassRelease) -> Arrays:
    """Give everything of a release that is no word, by name."""
    arrays = {_CLASSIFIER + name: array for name, array in release.classifier.to_arrays().items()}
    for place, calibrator in enumerate(release.calibrators):
        arrays |= {f"{_CALIBRATOR}{place}/{name}": array for name, array in calibrator.to_arrays().items()}
    return arrays


def classes_from(manifest: ClassManifest, arrays: Arrays, card: str) -> ClassRelease:
    """Make the release that was written, and let it predict two rows.

    Raises
    ------
    ReleaseInvalid
        An array is missing or of the wrong shape; the classifier is not known, or gives no chances.
    """
    wanted = tuple(ClassDefinition(words_of(one.name), one.definition) for one in manifest.classes)
    classifier = restored_classifier(manifest.estimator, arrays_under(arrays, _CLASSIFIER), wanted)
    own = (arrays_under(arrays, f"{_CALIBRATOR}{place}/") for place in range(len(wanted)))
    release = ClassRelease(
        manifest=manifest, classifier=classifier, calibrators=tuple(map(calibrator_of, own)), card=card
    )
    _check(release)
    return release


def words_of(name: str) -> str:
    """A class's name as people say it.

    >>> words_of("gift_giving")
    'gift giving'
    """
    return name.replace("_", " ")


def _check(release: ClassRelease) -> None:
    try:
        _check_shapes(release.classifier, len(release.manifest.classes))
        with np.errstate(all="ignore"):  # what overflows is found in the chances
            chances = release.chances(_trial(release.manifest))
    except ReleaseInvalid:
        raise
    except Exception as error:  # arrays may be anything at all
        raise ReleaseInvalid(f"the classifier of the release cannot predict: {error}; train again") from error
    if chances.shape != (2, len(release.manifest.classes)) or not ((chances >= 0) & (chances <= 1)).all():
        raise ReleaseInvalid(f"expected chances of {len(release.manifest.classes)} classes, got {chances}; train again")


def _check_shapes(classifier: Classifier, classes: int) -> None:
    if isinstance(classifier, Lines | NearestLabelled):
        _check_words(classifier)
    if isinstance(classifier, Lines):
        _demand(classifier.offsets.shape == (classes,), "an offset for each class")
        _demand(bool((np.abs(classifier.weights) < LARGEST).all()), "weights of a sensible size")
    if isinstance(classifier, NearestLabelled):
        _demand(classifier.rows.ndim == 2 and classifier.truth.shape == (len(classifier.rows), classes), "judged rows")
        _demand(bool((np.abs(classifier.rows) <= 1).all()), "rows of length 1")
        _demand(bool(((classifier.truth >= -1) & (classifier.truth <= 1)).all()), "1, 0 or -1 for each class")


def _check_words(classifier: Lines | NearestLabelled) -> None:
    words = classifier.sight.words
    if words is None:
        return
    kept = words.buckets
    _demand(kept.ndim == 1 and kept.shape == words.rarity.shape, "a rarity for each word")
    within = not len(kept) or (kept[0] >= 0 and kept[-1] < BUCKETS)
    _demand(bool((np.diff(kept) > 0).all()) and bool(within), "words in order")


def _trial(manifest: ClassManifest) -> ClassExamples:
    """A row of which everything is known, and one of which nothing is."""
    layout = manifest.layout
    present = np.repeat([[True], [False]], len(layout.blocks), axis=1)
    values = np.where(present[:, layout.owners], 0.5, 0.0)
    words = (Text("a video that nobody made"), Text("")) if manifest.reads_words else ()
    return ClassExamples(Examples(Table(values, present), layout, words), ({"video": 1.0}, {}))


def _demand(met: bool, expected: str) -> None:
    if not met:
        raise ValueError(f"expected {expected}")
