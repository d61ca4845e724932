"""Decides how much of a video is decoded."""

from itertools import chain, pairwise
from pathlib import Path

from av.container import InputContainer
from av.stream import Discard
from av.video.stream import VideoStream

from models.media.container import clock_origin_s, declared_duration_s, open_media, seen_video
from schemas.segments import Sampling

LONGEST_KEYFRAME_GAP_S = 8.0
"""Under the longest segment, 10 s, so that every long segment has a picture of its own."""


def choose_sampling(path: Path, *, keyframes_from_s: float) -> Sampling:
    """Say which pictures shall be decoded: all, keyframes only, or none.

    Keyframes are enough for a video of at least `keyframes_from_s` if one comes at least every 8 s; reading
    them costs a fiftieth. Their times are taken from the packets, nothing is decoded.

    Raises
    ------
    MediaUnreadable
        The file cannot be opened.
    """
    with open_media(path) as container:
        video, duration_s = seen_video(container), declared_duration_s(container)
        if video is None:
            return "none"
        if duration_s is None or duration_s < keyframes_from_s:
            return "regular"
        gap_s = longest_keyframe_gap_s(container, video, duration_s)
        return "keyframes" if gap_s <= LONGEST_KEYFRAME_GAP_S else "regular"


def longest_keyframe_gap_s(container: InputContainer, video: VideoStream, duration_s: float) -> float:
    """Longest time without a keyframe, start and end included; reads all packets."""
    for stream in container.streams:
        stream.discard = Discard.nonkey if stream.index == video.index else Discard.all
    origin_s = clock_origin_s(container)
    packets = (p for p in container.demux(video) if p.is_keyframe and p.pts is not None)
    times_s = sorted(float((p.pts or 0) * p.time_base) - origin_s for p in packets)
    return max(after - before for before, after in pairwise(chain([0.0], times_s, [duration_s])))
