"""Opens a stranger's media file: containers only, local bytes only, and the streams a person would see."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.subtitles.stream import SubtitleStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from schemas.errors import MediaUnreadable

FORMATS = frozenset(
    [
        "mov",
        "mp4",
        "matroska",
        "webm",
        "avi",
        "flv",
        "mpegts",
        "mpeg",
        "asf",
        "ogg",
        "wav",
        "w64",
        "aiff",
        "mp3",
        "aac",
        "flac",
    ]
)
"""Demuxers that read one file and nothing else. Playlists (hls, dash, concat, sdp, image2) open what they name."""

TEXT_SUBTITLES = frozenset(["mov_text", "subrip", "srt", "webvtt", "ass", "ssa", "text"])
"""Subtitle codecs that carry words; the others carry pictures of words."""

BROADCAST_CLOCK = frozenset({"mpegts", "mpeg"})
"""Formats whose clock starts anywhere, by design."""

LATE_START_S = 2.0
"""A stream that starts later than this does not start late: its clock starts elsewhere (a live recording)."""

_NOT_THE_PICTURE = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_NOT_THE_SOUND = Disposition.comment | Disposition.visual_impaired | Disposition.descriptions


@contextmanager
def open_media(path: Path) -> Iterator[InputContainer]:
    """Open a media file for reading, and nothing that it may point at.

    The demuxer is checked before it runs (FFmpeg's ``format_whitelist``) and once more afterwards.

    Raises
    ------
    MediaUnreadable
        Not a media container, a playlist, or too broken to open; also for FFmpeg errors inside the ``with`` block.

    Source: FFmpeg documentation, "Protocol Options" and "Format Options".
    """
    try:
        with _open(path) as container:
            _refuse_playlists(container)
            yield container
    except av.error.ArgumentError as error:
        raise MediaUnreadable(
            f"{path.name} is a playlist or a format we do not read; expected one media file ({_formats()})"
        ) from error
    except (av.error.FFmpegError, UnicodeDecodeError) as error:
        raise MediaUnreadable(
            f"{path.name} cannot be read ({error}); expected one media file ({_formats()})"
        ) from error


def seen_video(container: InputContainer) -> VideoStream | None:
    """Pick the picture a player shows: the default stream, then the largest; never a cover image."""
    playable = [s for s in container.streams.video if _has_decoder(s) and s.codec_context.width > 0]
    shown = [s for s in playable if not s.disposition & _NOT_THE_PICTURE]
    return max(shown, key=_picture_rank, default=None)


def heard_audio(container: InputContainer) -> AudioStream | None:
    """Pick the sound a player plays: the default stream, then the first; a commentary only if there is nothing else."""
    playable = [s for s in container.streams.audio if _has_decoder(s) and s.codec_context.sample_rate > 0]
    return max(playable, key=_sound_rank, default=None)


def text_subtitles(container: InputContainer) -> tuple[SubtitleStream, ...]:
    """All subtitle streams whose words can be read, in the file's order."""
    return tuple(s for s in container.streams.subtitles if _has_decoder(s) and s.codec_context.name in TEXT_SUBTITLES)


def clock_origin_s(container: InputContainer) -> float:
    """Presentation time that counts as zero: what a player's time line shows as 0:00.

    Streams may start a little late and keep that delay; broadcast clocks and live recordings start anywhere
    and are counted from their first packet.
    """
    start_s = (container.start_time or 0) / av.time_base
    broadcast = bool(BROADCAST_CLOCK & set(container.format.name.split(",")))
    return start_s if broadcast or start_s > LATE_START_S else 0.0


def declared_duration_s(container: InputContainer) -> float | None:
    """Seconds from the clock's origin to the end, as the file says; None when it does not say."""
    if container.duration is None or container.duration <= 0:
        return None
    start_s = max(0.0, (container.start_time or 0) / av.time_base - clock_origin_s(container))
    return start_s + container.duration / av.time_base


def displayed_size_px(frame: VideoFrame, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """Width and height on screen: pixels made square, then turned as the display matrix says."""
    width_px = max(1, round(frame.width * (pixel_aspect or 1)))
    return (frame.height, width_px) if quarter_turns(frame) % 2 else (width_px, frame.height)


def quarter_turns(frame: VideoFrame) -> int:
    """Quarter turns counter-clockwise from the stored to the displayed picture, 0 to 3."""
    return round(frame.rotation / 90) % 4


def _open(path: Path) -> InputContainer:
    options = {"protocol_whitelist": "file", "format_whitelist": ",".join(sorted(FORMATS))}
    # "file:" and an absolute path: a file called "concat:a|b" stays a file. Metadata is a stranger's text.
    return av.open(f"file:{path.absolute()}", mode="r", options=options, metadata_errors="replace")


def _refuse_playlists(container: InputContainer) -> None:
    names = set(container.format.name.split(","))
    if not names & FORMATS:
        raise MediaUnreadable(f"{container.format.name} is not a media container; expected {_formats()}")


def _formats() -> str:
    return ", ".join(sorted(FORMATS))


def _has_decoder(stream: Stream) -> bool:
    known = stream.codec_context is not None
    with suppress(AttributeError):
        known = known and stream.codec_context.codec is not None
    return known


def _picture_rank(stream: VideoStream) -> tuple[bool, int, int]:
    area_px = stream.codec_context.width * stream.codec_context.height
    return bool(stream.disposition & Disposition.default), area_px, -stream.index


def _sound_rank(stream: AudioStream) -> tuple[bool, bool, int]:
    default = bool(stream.disposition & Disposition.default)
    return not stream.disposition & _NOT_THE_SOUND, default, -stream.index
