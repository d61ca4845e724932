"""Examples from summaries: the one way in, for training, live scoring and replay alike."""

from collections.abc import Sequence

from models.estimators.examples import Examples
from models.estimators.words import Text
from models.layout import Layout, vectorise
from models.own_words import own_words
from schemas.summaries import Summarised


def examples_of(summaries: Sequence[Summarised], layout: Layout) -> Examples:
    """Lay summaries out as rows of numbers and words; each row depends on its own summary only.

    Raises
    ------
    ReleaseInvalid
        A pooled vector has another size than the layout says: it comes from another model.
    Unreadable
        A pooled vector's bytes are not what it promises.
    """
    words = tuple(Text(all_words(summary)) for summary in summaries)
    return Examples(vectorise(summaries, layout), layout, words)


def all_words(summary: Summarised) -> str:
    """Everything written about a video by its maker, then everything spoken in it."""
    return f"{own_words(summary.metadata)}\n{summary.words}"
