"""What a media file is, without decoding more than its first picture."""

from itertools import islice
from pathlib import Path

import av
import msgspec
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from models.media.container import (
    clock_origin_s,
    declared_duration_s,
    displayed_size_px,
    heard_audio,
    open_media,
    seen_video,
    text_subtitles,
)
from schemas.errors import MediaUnreadable

FIRST_PICTURE_PACKETS = 300
"""Packets read in search of the first picture; ten seconds at 30 a second."""


class SubtitleStream(msgspec.Struct, frozen=True, kw_only=True):
    """A text subtitle stream inside the file; `language` as the file spells it, or ``und``."""

    stream_index: int
    language: str


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What a media file holds.

    Attributes
    ----------
    width_px, height_px : int
        As displayed (square pixels, rotation applied); 0 without a picture.
    fps : float
        Average frames a second; 0 without a picture.
    container : str
        FFmpeg's name of the format.
    """

    duration_s: float
    width_px: int
    height_px: int
    fps: float
    has_video: bool
    has_audio: bool
    subtitles: tuple[SubtitleStream, ...]
    container: str


def probe(path: Path) -> Probe:
    """Say what a media file is.

    Raises
    ------
    MediaUnreadable
        Not a media file, or nothing in it can be seen or heard.
    """
    with open_media(path) as container:
        video, audio = seen_video(container), heard_audio(container)
        if video is None and audio is None:
            raise MediaUnreadable(f"{path.name} has neither a picture nor sound that we can decode")
        width_px, height_px = _size_px(container, video) if video else (0, 0)
        return Probe(
            duration_s=round(_duration_s(container), 6),
            width_px=width_px,
            height_px=height_px,
            fps=round(float(video.average_rate or video.guessed_rate or 0), 6) if video else 0.0,
            has_video=video is not None,
            has_audio=audio is not None,
            subtitles=tuple(
                SubtitleStream(stream_index=s.index, language=s.language or "und") for s in text_subtitles(container)
            ),
            container=container.format.name,
        )


def _size_px(container: InputContainer, video: VideoStream) -> tuple[int, int]:
    # The display matrix is only told with a frame.
    frame = _first_picture(container, video)
    context = video.codec_context
    stored = frame or VideoFrame(context.width, context.height)
    return displayed_size_px(stored, video.sample_aspect_ratio)


def _first_picture(container: InputContainer, video: VideoStream) -> VideoFrame | None:
    try:
        for packet in islice(container.demux(video), FIRST_PICTURE_PACKETS):
            for frame in packet.decode():
                return frame
    except av.error.FFmpegError:
        return None
    return None


def _duration_s(container: InputContainer) -> float:
    return declared_duration_s(container) or _measured_duration_s(container)


def _measured_duration_s(container: InputContainer) -> float:
    """Read all packets (none is decoded): recordings of a browser do not say how long they are."""
    container.seek(0)
    last_s = max((_packet_end_s(p) for p in container.demux() if p.pts is not None), default=0.0)
    return max(0.0, last_s - clock_origin_s(container))


def _packet_end_s(packet: "Packet[Stream]") -> float:
    return float(((packet.pts or 0) + (packet.duration or 0)) * packet.time_base)
