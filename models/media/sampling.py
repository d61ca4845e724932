"""Decides how much of a video is decoded."""

from contextlib import suppress
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple

from av.container import InputContainer
from av.stream import Discard

from models.media.clock import tick_s
from models.media.container import clock_origin_s, declared_duration_s, open_media, seen_video
from schemas.errors import MediaUnreadable
from schemas.segments import Sampling

LONGEST_KEYFRAME_GAP_S = 8.0
"""Under the longest segment, 10 s, so that every long segment has a picture of its own."""

KEYFRAME_GAIN = 5.0
"""So many times cheaper must decoding keyframes alone be; below that their gaps are not worth it."""

FRAME_COST = 0.02
"""A frame that brings no bytes costs this share of a keyframe: 0.017 to 0.028 in standing pictures of 480 x 854. With it
`Keyframes.gain` was 3.1, 5.3 and 12.4 where decoding was 3.6, 6.3 and 12.6 times cheaper, and 4.1 where it was 3.6."""


def choose_sampling(
    path: Path, opened: InputContainer, *, keyframes_from_s: float, keyframe_gain: float = KEYFRAME_GAIN
) -> Sampling:
    """Say which pictures shall be decoded: all, keyframes only, or none.

    Keyframes are enough for a video of at least `keyframes_from_s` if one comes at least every 8 s, and if decoding
    them is `keyframe_gain` times cheaper: a recording that is keyframes all over gains nothing by it. Their times
    and sizes are taken from the packets, nothing is decoded.

    Parameters
    ----------
    opened : InputContainer
        The same file, not read yet; a long one is opened once more.

    """
    duration_s = declared_duration_s(opened)
    if seen_video(opened) is None:
        return "none"
    if duration_s is None or duration_s < keyframes_from_s:
        return "regular"
    with suppress(MediaUnreadable):  # it breaks off: what there is will be read in full
        found = read_keyframes(path, duration_s)
        enough = found.longest_gap_s <= LONGEST_KEYFRAME_GAP_S and found.gain >= keyframe_gain
        return "keyframes" if enough else "regular"
    return "regular"


class Keyframes(NamedTuple):
    """Longest time without a keyframe, start and end included, and how many times cheaper it is to decode no others."""

    longest_gap_s: float
    gain: float


def read_keyframes(path: Path, duration_s: float) -> Keyframes:
    """Read the packets of the keyframes.

    Raises
    ------
    MediaUnreadable
        The file cannot be opened, has no picture, or breaks off.
    """
    with open_media(path) as container:
        video, origin_s = seen_video(container), clock_origin_s(container)
        if video is None:
            raise MediaUnreadable(f"{path.name} has no picture that we can decode")
        for stream in container.streams:
            stream.discard = Discard.nonkey if stream.index == video.index else Discard.all
        tick = tick_s(video)
        packets = [(p.pts * tick, p.size) for p in container.demux(video) if p.is_keyframe and p.pts is not None]
        # Not every container says how many bytes are picture; sound is little beside it.
        picture_bytes = (video.bit_rate or 0) * duration_s / 8 or path.stat().st_size
        frames = float(video.average_rate or video.guessed_rate or 0) * duration_s
    times_s = sorted(at_s - origin_s for at_s, _ in packets)
    gap_s = max(after - before for before, after in pairwise(chain([0.0], times_s, [duration_s])))
    by_bytes = picture_bytes / max(1, sum(size for _, size in packets))
    return Keyframes(gap_s, by_bytes + FRAME_COST * frames / max(1, len(packets)))
