"""A release as training chooses it where there are many examples: all five estimators together, with past videos to compare.

Taught on made-up videos of many words; what it learns means nothing, what it costs is that of a real one.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from models.estimators.linear import RidgeRegression
from models.estimators.selection import everyone
from models.estimators.stack import FittedStack
from models.pooling import pool_one
from schemas.event import derive_id
from schemas.media import Metadata
from schemas.outcomes import OutcomeObserved
from schemas.summaries import Summarised
from streams.target_files import shipped
from streams.training import Order, comparables_from, train, write_release
from streams.training_source import Change, Source

TAUGHT = 1500
VOCABULARY = 8000
SPOKEN = 500
"""Words a video: three and a half minutes of speech."""

CHANNELS = 150
DIM = 384


def video(number: int) -> Summarised:
    """A final summary: speech, a title, tags, and vectors of what they mean.

    How often a word is said goes by its rank, and common words are short, as in any language.

    Source: Zipf, Human behavior and the principle of least effort, 1949.
    """
    random = np.random.default_rng(number)
    words = [f"w{rank:o}" for rank in (VOCABULARY ** random.random(SPOKEN)).astype(int)]
    said = " ".join(words)
    metadata = Metadata(
        title=" ".join(words[:8]),
        description=" ".join(words[8:60]),
        tags=tuple(words[60:70]),
        channel=f"channel {number % CHANNELS}",
        category="Howto & Style",
        uploaded_at_s=1.6e9 + 3600 * number,
    )
    pooled = {name: pool_one(random.normal(size=DIM) / 20) for name in ("segments/text", "video/text")}
    return Summarised(
        event_id=derive_id("benchmark", "1", f"stack {number}"),
        video_id=f"url:s{number}",
        revision=f"{number:016x}",
        scope="video",
        complete=True,
        final=True,
        pooled=pooled,
        numbers={"duration_s": 200.0, "words": float(SPOKEN), "words_per_minute": 150.0},
        words=said,
        metadata=metadata,
    )


def write_stack(folder: Path) -> Path:
    """Teach all five on made-up outcomes, give each the same weight, and write the release."""
    source = Source(words="made up", changes=_taught, segments=_summaries)
    trained = train(Order(target=shipped()["virality"], release_id="stack", members=(RidgeRegression(),)), source)
    task = trained.task
    fitted = tuple(one.fit(task.examples, task.truth, groups=task.groups, seed=1) for one in everyone())
    stack = FittedStack(fitted, (1 / len(fitted),) * len(fitted), float(task.truth.mean()))
    trained = replace(trained, learned=replace(trained.learned, fitted=stack))
    write_release(trained, folder, stages={}, comparables=comparables_from(trained, source))
    return folder


def _taught() -> Iterator[Change]:
    return (Change(summary.video_id, summary, 1.0) for summary in _summaries())


def _summaries() -> Iterator[Summarised]:
    return (_with_outcome(video(number), number) for number in range(TAUGHT))


def _with_outcome(summary: Summarised, number: int) -> Summarised:
    """Seen more often where the first words are common ones."""
    luck = np.random.default_rng(number + TAUGHT).normal()
    views = int(10 ** (4 + luck + summary.words.count("w1 ") / 20))
    outcome = OutcomeObserved(event_id=f"o{number}", video_id=summary.video_id, views=views)
    return msgspec.structs.replace(summary, outcomes=(outcome,))
