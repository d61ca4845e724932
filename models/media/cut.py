"""Cuts a media file into segments in one pass: pictures, sound, shots and words, all by presentation time."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import msgspec
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Stream

from models.media.clock import Clock, Ticker
from models.media.container import heard_audio, open_media, seen_video
from models.media.picture import PictureTrack
from models.media.sampling import KEYFRAME_GAIN, choose_sampling
from models.media.segments import Segmenter, Span
from models.media.sound import SoundTrack
from models.media.words import SubtitleSource, WordTrack
from schemas.errors import MediaUnreadable
from schemas.segments import Sampling

KEYFRAMES_FROM_S = 1200.0
"""Twenty minutes: decoding all pictures of a longer 720p video takes more than a minute."""

PADDING_S = 0.1
"""Sound runs over the declared end by less than this when its last block was filled up; nobody hears that."""

REPORT_EVERY_S = 5.0
"""Video time between two reports of progress."""

MISSING_S = 1.0
MISSING_SHARE = 0.02
"""An end that is earlier than declared by more than both is worth a warning; less is how files are written."""

Report = Callable[[float, float | None], None]


class CutOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What changes the result.

    Attributes
    ----------
    frame_rate_hz : float
        Pictures kept a second.
    every_frame : bool
        Decode also frames that no other frame refers to: 60 % more work for embeddings that are the same
        to 0.998 (median cosine).
    keyframes_from_s : float
        Videos of this length and more are read by keyframes, where there are enough of them.
    keyframe_gain : float
        And where decoding nothing else is so many times cheaper.
    subtitles : tuple of SubtitleSource
        Best first; the first with words is used.
    """

    frame_rate_hz: float = 1.0
    every_frame: bool = False
    keyframes_from_s: float = KEYFRAMES_FROM_S
    keyframe_gain: float = KEYFRAME_GAIN
    subtitles: tuple[SubtitleSource, ...] = ()


class CutSegment(msgspec.Struct, frozen=True, kw_only=True):
    """One segment; `frames` and `audio` are file names in the folder, None where there is nothing."""

    start_s: float
    end_s: float
    frames: str | None
    audio: str | None
    text: str
    shot_starts_s: tuple[float, ...]


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A media file in segments; `subtitles_used` says which of the sources gave the words."""

    segments: tuple[CutSegment, ...]
    duration_s: float
    sampling: Sampling
    shot_count: int
    subtitles_used: int | None
    warnings: tuple[str, ...]


def cut(path: Path, folder: Path, options: CutOptions, report: Report | None = None) -> Cut:
    """Cut a media file into segments of 2-10 s that begin where shots begin.

    For each, ``<index>.frames.zip`` (JPEGs named by their time in milliseconds) and ``<index>.wav`` (16 kHz
    mono 16-bit) are written to `folder`. The same file makes the same bytes. Memory stays bounded whatever
    the length: finished pictures and all sound go to disk.

    Parameters
    ----------
    folder : Path
        Exists; files in it may be replaced.
    report : callable, optional
        Gets the seconds done and the seconds in all (None when the file does not say).

    Raises
    ------
    MediaUnreadable
        Not a media file, or nothing in it can be decoded. A file that is damaged in part gives what can be
        read, and a warning.
    """
    with open_media(path) as container, SoundTrack(folder / "sound.pcm") as sound:
        sampling = choose_sampling(
            path, container, keyframes_from_s=options.keyframes_from_s, keyframe_gain=options.keyframe_gain
        )
        cutter = _Cutter(container, sound, folder, options=options, sampling=sampling)
        cutter.read(report or _nobody_listens)
        return cutter.finish()


class _Cutter:
    """The state of one pass over one file."""

    def __init__(
        self, container: InputContainer, sound: SoundTrack, folder: Path, *, options: CutOptions, sampling: Sampling
    ) -> None:
        self._container = container
        self._sound = sound
        self._folder = folder
        self._sampling = sampling
        self._clock = Clock(container)
        self._video = seen_video(container)
        self._audio = heard_audio(container)
        self._words = WordTrack(container, options.subtitles)
        self._picture = self._video and PictureTrack(
            self._video, sampling=sampling, frame_rate_hz=options.frame_rate_hz, every_frame=options.every_frame
        )
        self._segmenter = Segmenter()
        self._spans: list[Span] = []
        self._zips: list[str | None] = []
        self._shot_starts_ms: list[int] = []
        self._damaged = 0
        self._broken_off = ""

    def read(self, report: Report) -> None:
        """Go through the file once."""
        ticker = Ticker(1 / REPORT_EVERY_S)
        for packet in self._packets():
            self._take(packet)
            done_s = self._end_ms() / 1000
            if ticker.due(done_s):
                report(done_s, self._clock.declared_s)

    def finish(self) -> Cut:
        """Close the last segments and say what came out."""
        self._sound.finish()
        if self._picture:
            self._begin_shots(self._picture.finish())
        end_ms = self._believed_end_ms()
        if not end_ms:
            raise MediaUnreadable(f"nothing in the file can be decoded{self._broken_off and ': ' + self._broken_off}")
        self._close(self._segmenter.pass_time(end_ms) + self._segmenter.finish(end_ms))
        used, texts = self._words.spoken(self._spans)
        return Cut(
            segments=tuple(self._segment(index, text) for index, text in enumerate(texts)),
            duration_s=end_ms / 1000,
            sampling=self._sampling if self._shot_starts_ms else "none",
            shot_count=len(self._shot_starts_ms),
            subtitles_used=used,
            warnings=tuple(self._warnings(end_ms / 1000)),
        )

    def _packets(self) -> Iterator["Packet[Stream]"]:
        streams = [s for s in (self._video, self._audio, *self._words.streams) if s is not None]
        if self._video is None and self._audio is None:
            raise MediaUnreadable("the file has neither a picture nor sound that we can decode")
        for stream in self._container.streams:
            stream.discard = Discard.default if stream in streams else Discard.all
        try:
            yield from self._container.demux(*streams)
        except av.error.FFmpegError as error:
            self._broken_off = error.strerror or str(error)

    def _take(self, packet: "Packet[Stream]") -> None:
        try:
            if self._video and packet.stream.index == self._video.index:
                self._see(packet)
            elif self._audio and packet.stream.index == self._audio.index:
                self._sound.hear(packet, self._clock)
            else:
                self._words.take(packet, self._clock)
        except av.error.MemoryError:
            raise
        except av.error.FFmpegError:
            self._damaged += 1

    def _see(self, packet: "Packet[Stream]") -> None:
        if self._picture:
            self._begin_shots(self._picture.see(packet, self._clock))
            self._close(self._segmenter.pass_time(self._picture.settled_ms))

    def _begin_shots(self, starts_ms: Sequence[int]) -> None:
        for start_ms in starts_ms:
            self._shot_starts_ms.append(start_ms)
            self._close(self._segmenter.begin_shot(start_ms))

    def _close(self, spans: Sequence[Span]) -> None:
        for span in spans:
            name = f"{len(self._spans):06d}.frames.zip"
            written = self._picture and self._picture.write_zip(self._folder / name, span)
            self._spans.append(span)
            self._zips.append(name if written else None)

    def _segment(self, index: int, text: str) -> CutSegment:
        span, wav = self._spans[index], f"{index:06d}.wav"
        return CutSegment(
            start_s=span.start_ms / 1000,
            end_s=span.end_ms / 1000,
            frames=self._zips[index],
            audio=wav if self._sound.write_wav(self._folder / wav, span) else None,
            text=text,
            shot_starts_s=tuple(ms / 1000 for ms in self._shot_starts_ms if span.start_ms <= ms < span.end_ms),
        )

    def _end_ms(self) -> int:
        return max(self._picture.end_ms if self._picture else 0, self._sound.end_ms)

    def _believed_end_ms(self) -> int:
        end_ms, declared_ms = self._end_ms(), int((self._clock.declared_s or 0.0) * 1000)
        return declared_ms if declared_ms < end_ms < declared_ms + PADDING_S * 1000 else end_ms

    def _warnings(self, end_s: float) -> Iterator[str]:
        declared_s = self._clock.declared_s or 0.0
        if self._container.streams.video and self._video is None:
            yield "the picture is a cover, or in a format we cannot decode; only the sound was used"
        if self._video and not self._shot_starts_ms:
            yield "no picture could be decoded; only the sound was used"
        if self._audio and not self._sound.end_ms:
            yield "no sound could be decoded; only the picture was used"
        if self._damaged:
            yield f"{self._damaged} pieces of the file are damaged and were left out"
        if self._broken_off or end_s < declared_s - max(MISSING_S, MISSING_SHARE * declared_s):
            yield f"the file ends at {end_s:.1f} s but says it lasts {declared_s:.1f} s; it is cut off or damaged"
        if self._clock.doubted:
            yield f"{self._clock.doubted} timestamps cannot be true and were left out"


def _nobody_listens(done_s: float, total_s: float | None) -> None:
    """Take a report that nobody asked for."""
