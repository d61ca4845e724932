"""Classes that people label are compared in one table: text match, neighbours, a line, a calibrated line."""

import fitted
import msgspec
import numpy as np
import pytest

from schemas.errors import TrainingImpossible
from schemas.features import Label
from schemas.labels import LabelGiven
from schemas.summaries import Summarised
from streams.target_files import shipped
from streams.training_classes import class_scores
from streams.training_source import Source

SCENES = shipped()["scenes"]
COUNT = 120


def has_it(number: int) -> bool:
    """Whether the made-up video has a holiday: what its title's vector says of it."""
    return bool(np.random.default_rng(number).normal(size=4 * fitted.DIM)[3 * fitted.DIM] > 0)


def clip(number: int) -> Summarised:
    """A made-up video in which a holiday can be seen."""
    summary = fitted.summary(number)
    tags = (Label(name="holiday tree", score=0.9),) if has_it(number) and number % 2 else ()
    pushed = fitted.pool_one(np.array([0.5 if has_it(number) else -0.5, *np.full(fitted.DIM - 1, 0.1)]))
    return msgspec.structs.replace(summary, labels=tags, pooled={**summary.pooled, "video/text": pushed})


def label(number: int, name: str, value: str) -> LabelGiven:
    return LabelGiven(
        event_id=f"{number}/{name}", video_id=f"url:v{number}", target="scenes", scope="video", label=name, value=value
    )


def source(count: int = COUNT) -> Source:
    labels = [label(n, "holiday", "yes" if has_it(n) else "no") for n in range(count)]
    labels += [label(n, "halloween", "no") for n in range(count)]
    summaries = [clip(n) for n in range(count)]
    return Source(words="made up", changes=lambda: iter(()), segments=lambda: iter(summaries), labels=tuple(labels))


def test_four_ways_are_judged_on_the_same_examples_and_have_a_mean_each() -> None:
    scores = class_scores(SCENES, source())
    assert [(one.method, one.name) for one in scores] == [
        (method, name)
        for method in ("text match", "neighbours", "line", "calibrated line")
        for name in ("holiday", "macro")
    ], "nobody said yes to the other classes: they cannot be judged"
    figures = {one.method: one.figures for one in scores if one.name == "holiday"}
    assert figures["line"]["auc"] > 0.95
    assert 0.6 < figures["text match"]["auc"] < 0.9, "half of the holidays have a tag that says so"
    assert {"ap", "auc", "accuracy", "recall", "f1"} <= figures["neighbours"].keys()


@pytest.mark.parametrize(("name", "count", "message"), [("scenes", 10, "at least 40"), ("hashtags", 120, "no classes")])
def test_what_cannot_be_compared_is_said(name: str, count: int, message: str) -> None:
    with pytest.raises(TrainingImpossible, match=message):
        class_scores(shipped()[name], source(count))
