"""A release that tells classes, for tests: taught for real on made-up films, once a run."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import scenes

from models.release import ClassRelease, load
from streams.training import Order
from streams.training_classes import TrainedClasses, train_classes, write_class_release


@cache
def trained(release_id: str = "c1") -> TrainedClasses:
    return train_classes(Order(target=scenes.SCENES, release_id=release_id), scenes.source())


def folder(place: Path, release_id: str = "c1") -> Path:
    """A release on disk."""
    write_class_release(trained(release_id), place, stages={"visual": "1"})
    return place


@cache
def release(release_id: str = "c1") -> ClassRelease:
    """The same, read from disk."""
    with TemporaryDirectory() as temporary:
        found = load(folder(Path(temporary) / release_id, release_id))
    assert isinstance(found, ClassRelease)
    return found


def for_videos_only() -> ClassRelease:
    """As if its target spoke of whole videos alone."""
    made = release()
    manifest = msgspec.structs.replace(made.manifest, scope="video")
    return ClassRelease(manifest=manifest, classifier=made.classifier, calibrators=made.calibrators, card=made.card)
