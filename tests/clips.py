"""Makes small real media files: every codec, shape and defect that a stranger's file may have."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.subtitles.subtitle import SubtitleSet
from numpy.typing import NDArray

TONE_HZ = 440.0

PORTRAIT_MATRIX = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
"""As phones write it: (x, y) of the sensor is shown at (-y, x), a quarter turn clockwise (QuickTime File Format)."""


ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """What to write. A scene is a pattern of its own that moves a little, so that a new scene is a hard cut.

    `times_s` replaces the regular rate; `late_s` delays the picture, not the sound.
    """

    scenes_s: tuple[float, ...] = (3.0,)
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    size_px: tuple[int, int] = (160, 120)
    rate_hz: int = 25
    times_s: tuple[float, ...] = ()
    late_s: float = 0.0
    sound: str = "aac"
    sound_s: float | None = None
    sound_rate_hz: int = 44_100
    matrix: tuple[int, ...] = ()
    pixel_aspect: Fraction = Fraction(1)
    painted: NDArray[np.uint8] | None = None
    options: dict[str, str] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        return sum(self.scenes_s)


def write_clip(path: Path, clip: Clip) -> Path:
    """Write a clip; its container follows from the name."""
    with av.open(str(path), "w", options={"movflags": "+faststart"} if path.suffix == ".mp4" else {}) as out:
        video = _video_stream(out, clip) if clip.codec else None
        audio = out.add_stream(clip.sound, rate=clip.sound_rate_hz, layout="mono") if clip.sound else None
        pictures = _pictures(clip) if video else iter(())
        sounds = _sounds(clip) if audio else iter(())
        _write_in_turn(out, (video, pictures), (audio, sounds))
    return path


def scene(number: int, at_s: float, size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Paint a pattern of colours for one scene, shape (height, width, 3), red first; it drifts slowly."""
    tiles = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = cv2.resize(tiles, size_px, interpolation=cv2.INTER_CUBIC)
    return np.roll(picture, round(4 * at_s), axis=1)


def write_subtitled(path: Path, tracks: Sequence[tuple[str, Sequence[tuple[int, int, str]]]], codec: str) -> Path:
    """Write a silent clip of six seconds with a text stream for each ``(language, cues)``.

    A cue is ``(start_ms, end_ms, text)``, the text in the manner of ASS.
    """
    clip = Clip(scenes_s=(6.0,))
    with av.open(str(path), "w") as out:
        video = _video_stream(out, clip)
        streams = [_subtitle_stream(out, codec, language) for language, _ in tracks]
        _write_in_turn(out, (video, _pictures(clip)))
        for stream, (_, cues) in zip(streams, tracks, strict=True):
            for number, cue in enumerate(cues):
                out.mux(_subtitle_packet(stream, number, cue))
    return path


def truncate(path: Path, share: float) -> Path:
    """Keep the first part of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def corrupt(path: Path, *, start_share: float = 0.4, end_share: float = 0.6) -> Path:
    """Overwrite a stretch of a file with noise."""
    data = bytearray(path.read_bytes())
    first, last = int(len(data) * start_share), int(len(data) * end_share)
    data[first:last] = np.random.default_rng(1).bytes(last - first)
    path.write_bytes(bytes(data))
    return path


def playlists(target: Path) -> dict[str, str]:
    """Playlists of several kinds that name a local file."""
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{target}\n#EXT-X-ENDLIST\n",
        "concat": f"ffconcat version 1.0\nfile {target}\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n",
        "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        f'profiles="urn:mpeg:dash:profile:full:2011"><Period><AdaptationSet mimeType="video/mp4"><Representation '
        f'id="1" bandwidth="1"><BaseURL>file://{target}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    }


def _video_stream(out, clip):
    video = out.add_stream(clip.codec, rate=clip.rate_hz, options=clip.options)
    video.width, video.height = clip.size_px
    video.pix_fmt = clip.pixel_format
    video.codec_context.time_base = Fraction(1, 1000)
    video.codec_context.sample_aspect_ratio = clip.pixel_aspect
    video.codec_context.colorspace = video.codec_context.color_primaries = video.codec_context.color_trc = 1
    video.codec_context.color_range = 1
    if clip.matrix:
        video.set_display_matrix(clip.matrix)
    return video


def _pictures(clip: Clip) -> Iterator[tuple[float, av.VideoFrame]]:
    times_s = clip.times_s or tuple(n / clip.rate_hz for n in range(round(clip.duration_s * clip.rate_hz)))
    for at_s in times_s:
        frame = av.VideoFrame.from_ndarray(_painted(clip, at_s), format="rgb24").reformat(
            format=clip.pixel_format, dst_colorspace="itu709"
        )
        frame.pts, frame.time_base = round((at_s + clip.late_s) * 1000), Fraction(1, 1000)
        yield at_s, frame


def _painted(clip: Clip, at_s: float) -> NDArray[np.uint8]:
    if clip.painted is not None:
        return clip.painted
    ends_s = np.cumsum(clip.scenes_s)
    return scene(int(np.searchsorted(ends_s, at_s + 1e-6, side="right")), at_s, clip.size_px)


def _sounds(clip: Clip) -> Iterator[tuple[float, av.AudioFrame]]:
    """A tone from beginning to end, a second at a time."""
    rate_hz = clip.sound_rate_hz
    total = round((clip.duration_s if clip.sound_s is None else clip.sound_s) * rate_hz)
    for first in range(0, total, rate_hz):
        at_s = np.arange(first, min(first + rate_hz, total)) / rate_hz
        tone = (0.5 * np.sin(2 * np.pi * TONE_HZ * at_s)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(tone[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, first, Fraction(1, rate_hz)
        yield first / rate_hz, frame


def _write_in_turn(out, *tracks):
    """Encode the tracks side by side, as players expect them."""
    waiting = [(stream, iter(frames), next(frames, None)) for stream, frames in tracks if stream is not None]
    while waiting:
        place = min(range(len(waiting)), key=lambda i: waiting[i][2][0] if waiting[i][2] else -1.0)
        stream, frames, coming = waiting[place]
        out.mux(stream.encode(coming[1] if coming else None))
        if coming is None:
            waiting.pop(place)
        else:
            waiting[place] = (stream, frames, next(frames, None))


def _subtitle_stream(out, codec, language):
    stream = out.add_stream(codec)
    stream.metadata["language"] = language
    stream.codec_context.subtitle_header = ASS_HEADER
    stream.codec_context.time_base = Fraction(1, 1000)
    return stream


def _subtitle_packet(stream, number, cue):
    start_ms, end_ms, text = cue
    line = f"{number},0,Default,,0,0,0,,{text}".encode()
    shown = SubtitleSet.create(line, 0, end_ms - start_ms, pts=start_ms)
    packet = stream.codec_context.encode_subtitle(shown)
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts = packet.dts = start_ms
    packet.duration = end_ms - start_ms
    return packet
