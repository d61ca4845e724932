"""Videos and segments as classifiers read them: vectors of meaning, words where they may be read, and tags."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.estimators.examples import Examples
from models.estimators.words import Text
from models.hashtags import without_hashtags
from models.layout import Layout, vectorise
from schemas.summaries import Summarised

TELLS_HASHTAGS = "video/text"
"""The vector of title, tags and description: what a video's own hashtags are is in it."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class ClassExamples:
    """Rows to learn classes from, or to tell them.

    Attributes
    ----------
    examples : Examples
        Without words where the classes are told by vectors and tags alone.
    tags : tuple of mappings
        For each row what was recognised in it, with scores in [0, 1].
    """

    examples: Examples
    tags: tuple[Mapping[str, float], ...]

    def __len__(self) -> int:
        return len(self.tags)

    def rows(self, chosen: NDArray[np.int64]) -> "ClassExamples":
        """The rows at these places."""
        return ClassExamples(self.examples.rows(chosen), tuple(self.tags[place] for place in chosen))


def class_examples(summaries: Sequence[Summarised], layout: Layout, *, reads_words: bool) -> ClassExamples:
    """Lay summaries out; each row depends on its own summary only.

    Parameters
    ----------
    reads_words : bool
        Read what is written and said as well, but for hashtags: of these the classes are made.

    Raises
    ------
    ReleaseInvalid
        A pooled vector has another size than the layout says: it comes from another model.
    Unreadable
        A pooled vector's bytes are not what it promises.
    """
    table = vectorise(summaries, layout)
    said = [_words(summary) if reads_words else "" for summary in summaries]
    words = tuple(map(Text, said)) if reads_words else ()
    return ClassExamples(Examples(table, layout, words), tuple(map(_tags, summaries, said)))


def _words(summary: Summarised) -> str:
    """What is written and said, without tags and hashtags."""
    written = f"{summary.metadata.title}\n{summary.metadata.description}"
    return without_hashtags(f"{written}\n{summary.words}")


def _tags(summary: Summarised, said: str) -> dict[str, float]:
    """What was recognised, and each word that may be read."""
    tags = {label.name: label.score for label in summary.labels}
    return dict.fromkeys(_WORD.findall(said.lower()), 1.0) | tags
