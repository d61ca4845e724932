"""Where in a video a class is likely: segments that follow each other are one moment."""

from collections.abc import Iterable, Sequence

import msgspec

from schemas.predictions import ClassChance, SegmentScored, VideoScored

TOGETHER_S = 0.5
"""Segments that follow each other this closely are one stretch of time."""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the video's time, and the highest chance of the class in it."""

    start_s: float
    end_s: float
    probability: float


def moments_of(scored: VideoScored, segments: Iterable[SegmentScored]) -> dict[str, tuple[Moment, ...]]:
    """Join what the same release said of the same content: class -> where it is likely, in the order of time.

    Parameters
    ----------
    segments : iterable of SegmentScored
        Any; those of another video, target, release or content do not count.
    """
    own = [one for one in segments if _belongs(one, scored)]
    in_order = sorted(own, key=lambda one: (one.start_s, int(one.scope)))
    return {chance.name: tuple(_stretches(chance, in_order)) for chance in scored.classes}


def _belongs(segment: SegmentScored, scored: VideoScored) -> bool:
    ours = (segment.video_id, segment.target, segment.release_id, segment.revision)
    original = scored.duplicate_of or scored.video_id
    return ours == (original, scored.target, scored.release_id, scored.revision)


def _stretches(chance: ClassChance, segments: Sequence[SegmentScored]) -> list[Moment]:
    found: list[Moment] = []
    for segment in segments:
        probability = segment.chances.get(chance.name, 0.0)
        if probability < chance.likely_from:
            continue
        if found and segment.start_s - found[-1].end_s <= TOGETHER_S:
            best = max(found[-1].probability, probability)
            found[-1] = Moment(start_s=found[-1].start_s, end_s=segment.end_s, probability=best)
        else:
            found.append(Moment(start_s=segment.start_s, end_s=segment.end_s, probability=probability))
    return found
