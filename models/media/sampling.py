"""Decides how much of a video is decoded."""

from contextlib import suppress
from itertools import chain, pairwise
from pathlib import Path

from av.container import InputContainer
from av.stream import Discard

from models.media.container import clock_origin_s, declared_duration_s, open_media, seen_video
from schemas.errors import MediaUnreadable
from schemas.segments import Sampling

LONGEST_KEYFRAME_GAP_S = 8.0
"""Under the longest segment, 10 s, so that every long segment has a picture of its own."""


def choose_sampling(path: Path, opened: InputContainer, *, keyframes_from_s: float) -> Sampling:
    """Say which pictures shall be decoded: all, keyframes only, or none.

    Keyframes are enough for a video of at least `keyframes_from_s` if one comes at least every 8 s; reading
    them costs a fiftieth. Their times are taken from the packets, nothing is decoded.

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
        return "keyframes" if longest_keyframe_gap_s(path, duration_s) <= LONGEST_KEYFRAME_GAP_S else "regular"
    return "regular"


def longest_keyframe_gap_s(path: Path, duration_s: float) -> float:
    """Longest time without a keyframe, start and end included; reads all packets.

    Raises
    ------
    MediaUnreadable
        The file cannot be opened, or breaks off.
    """
    with open_media(path) as container:
        video, origin_s = seen_video(container), clock_origin_s(container)
        for stream in container.streams:
            stream.discard = Discard.nonkey if video and stream.index == video.index else Discard.all
        packets = (p for p in container.demux(video) if p.is_keyframe and p.pts is not None)
        times_s = sorted(float((p.pts or 0) * p.time_base) - origin_s for p in packets)
    return max(after - before for before, after in pairwise(chain([0.0], times_s, [duration_s])))
