"""Which versions of models made what a release was taught on, and what of a video another one made."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from schemas.summaries import Summarised

MadeBy: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""Of one example: place and modality (``segments/visual``), and the versions whose answers are in it."""

TaughtOn: TypeAlias = dict[str, dict[str, int]]
"""By place and modality how many examples each version made, `UNSAID` for those that do not tell."""

UNSAID = ""
"""The version of what was summed up before summaries told it."""


def made_by(summary: Summarised) -> MadeBy:
    """Say of a summary what `taught_on` counts: of every vector in it who made it.

    >>> from schemas.summaries import PooledVector
    >>> pooled = {"video/text": PooledVector(dim=1, count=1, sums=bytes(8))}
    >>> made_by(Summarised(event_id="", video_id="a", revision="0", scope="video", complete=True, final=True,
    ...                    pooled=pooled))
    (('video/text', ('',)),)
    """
    return tuple((place, summary.made_by.get(place, (UNSAID,))) for place in sorted(summary.pooled))


def taught_on(examples: Iterable[MadeBy], places: Iterable[str]) -> TaughtOn:
    """Count versions over the examples, for the places that a release reads; an example of two counts for both.

    >>> taught_on([(("video/text", ("1",)),), (("video/text", ("1", "2")),)], ["video/text"])
    {'video/text': {'1': 2, '2': 1}}
    """
    counts: TaughtOn = {place: {} for place in sorted(set(places))}
    for place, version in ((place, version) for one in examples for place, versions in one for version in versions):
        if place in counts:
            counts[place][version] = counts[place].get(version, 0) + 1
    return {place: dict(sorted(found.items())) for place, found in counts.items() if found}


def most_taught_on(counts: Mapping[str, int]) -> str | None:
    """The version that made most examples; None where nobody knows who made any.

    >>> most_taught_on({"1": 2, "2": 5}), most_taught_on({UNSAID: 3})
    ('2', None)
    """
    known = {version: count for version, count in counts.items() if version != UNSAID}
    return max(sorted(known), key=lambda version: known[version], default=None)


def in_words(taught: TaughtOn) -> tuple[str, ...]:
    """One line for each place.

    >>> in_words({"video/text": {"": 1, "11ad": 20}})
    ('video/text by 11ad (20 examples) and by nobody knows which version (1 example)',)
    """
    return tuple(
        f"{place} by {' and by '.join(_counted(version, counts[version]) for version in _most_first(counts))}"
        for place, counts in taught.items()
    )


def strange(made: Mapping[str, Sequence[str]], taught: TaughtOn) -> tuple[str, ...]:
    """Say what of a video was made by versions that no example of the release was made by.

    `made` is what the video's summary says, its `made_by`.
    Where some examples or the video do not tell, nothing is said.
    """
    found = ((place, set(made.get(place, ())) - counts.keys()) for place, counts in taught.items())
    return tuple(
        f"{place} was made by {' and '.join(sorted(others))}, but the release was taught on "
        f"{' and '.join(_most_first(taught[place]))}: it may misread it"
        for place, others in found
        if others and UNSAID not in taught[place]
    )


def _most_first(counts: Mapping[str, int]) -> list[str]:
    return sorted(counts, key=lambda version: (-counts[version], version))


def _counted(version: str, count: int) -> str:
    return f"{version or 'nobody knows which version'} ({count} example{'s' * (count != 1)})"
