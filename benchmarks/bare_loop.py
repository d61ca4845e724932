"""All that the pipeline finds in a video, in one plain loop: no Kafka, no media store, no events, no JPEGs.

The measure of `benchmarks.pipeline`. A file is decoded once and cut where the pipeline cuts it; the same
pictures, sound and words go through the same networks, and the same numbers are taken from them.
"""

import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, Self

import cv2
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from models.audio import MUSIC, SPEECH, AudioEncoder, read_wav
from models.faces.detect import DOUBTFUL_SCORE
from models.faces.moments import choose_moments
from models.faces.presence import measure as measure_faces
from models.faces.sighting import FaceSight
from models.faces.track import Look, follow
from models.languages import speaks
from models.loudness import measure as measure_loudness
from models.media.clock import Clock, Ticker, tick_s
from models.media.container import heard_audio, open_media, seen_video, text_subtitles
from models.media.cut import KEYFRAMES_FROM_S, PADDING_S
from models.media.frames import PictureMaker
from models.media.sampling import choose_sampling
from models.media.segments import Segmenter, Span
from models.media.shots import ShotDetector
from models.media.sound import SoundTrack
from models.media.words import SubtitleSource, WordTrack
from models.picture_numbers import segment_numbers
from models.text import TextEncoder
from models.visual import VisualEncoder, mean_embedding, pool_labels, shrink
from processors.ports import Options
from schemas.segments import Sampling
from streams.storage.weights import WeightsCache

SKIPPED = {"regular": "NONREF", "keyframes": "NONKEY", "none": "DEFAULT"}
"""What is left out of decoding under each sampling."""

PARTS = ("decode", "cut", "text", "visual", "audio", "faces")

Shown = tuple[float, NDArray[np.uint8]]


class Networks(NamedTuple):
    """All networks of the default pack, ready to run in one thread."""

    text: TextEncoder
    visual: VisualEncoder
    audio: AudioEncoder
    faces: FaceSight

    @classmethod
    def load(cls, cache: WeightsCache) -> Self:
        """Fetch what is missing and load it."""
        detector, encoder = cache.fetch("centerface"), cache.fetch("dlib-face")
        return cls(
            TextEncoder.load(cache.fetch("minilm")),
            VisualEncoder.load(cache.fetch("lite0")),
            AudioEncoder.load(cache.fetch("yamnet")),
            FaceSight.load(detector, encoder, size_px=Options().face_size_px),
        )


@dataclass(kw_only=True)
class Found:
    """What came out of a file, and the CPU time of each part of the work."""

    sampling: Sampling
    duration_s: float = 0.0
    spans: list[Span] = field(default_factory=list)
    pictures: int = 0
    tracks: int = 0
    cpu_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))


def run_bare(path: Path, networks: Networks, *, title: str = "", sampling: Sampling | None = None) -> Found:
    """Look at, listen to and read one file.

    Parameters
    ----------
    sampling : Sampling, optional
        What to decode; chosen as the pipeline does where nothing is said.

    Raises
    ------
    MediaUnreadable
        Not a media file.
    """
    with TemporaryDirectory() as folder, open_media(path) as container, SoundTrack(Path(folder) / "pcm") as sound:
        chosen = sampling or choose_sampling(path, container, keyframes_from_s=KEYFRAMES_FROM_S)
        return _Loop(path, container, sound, networks=networks, sampling=chosen).run(title, Path(folder) / "wav")


class _Loop:
    """One pass over one file. Every moment of CPU time since the last lap belongs to some part."""

    def __init__(
        self, path: Path, container: InputContainer, sound: SoundTrack, *, networks: Networks, sampling: Sampling
    ) -> None:
        self._container, self._sound, self._networks = container, sound, networks
        self._found = Found(sampling=sampling)
        self._clock, self._words = Clock(container), WordTrack(container, _subtitles(path, container))
        self._detector, self._segmenter = ShotDetector(sparse=sampling == "keyframes"), Segmenter()
        self._keeps = Ticker(Options().frame_rate_hz)
        self._waiting: deque[Shown] = deque()
        self._shot_starts_ms: list[int] = []
        self._end_s, self._last_s = 0.0, -1.0
        self._lapped_s = time.process_time()

    def run(self, title: str, wav: Path) -> Found:
        self._read()
        self._begin_shots(self._detector.finish())
        self._sound.finish()
        end_ms, declared_ms = max(round(self._end_s * 1000), self._sound.end_ms), (self._clock.declared_s or 0.0) * 1000
        if declared_ms < end_ms < declared_ms + PADDING_S * 1000:
            end_ms = int(declared_ms)
        self._close(self._segmenter.pass_time(end_ms) + self._segmenter.finish(end_ms))
        self._lap("cut")
        for span in self._found.spans:
            if self._sound.write_wav(wav, span):
                self._hear(wav.read_bytes())
        self._lap("audio")
        _, texts = self._words.spoken(self._found.spans)
        self._networks.text.encode([text for text in (title, *texts) if text.strip()] or [" "])
        self._lap("text")
        self._found.duration_s = end_ms / 1000
        return self._found

    def _read(self) -> None:
        video, audio = seen_video(self._container), heard_audio(self._container)
        if video is not None:
            video.codec_context.thread_count = 1
            video.codec_context.skip_frame = SKIPPED[self._found.sampling]  # type: ignore[assignment]  # one of av's words
            tick, maker = tick_s(video), PictureMaker(video)
        for packet in self._container.demux(*(s for s in (video, audio, *self._words.streams) if s is not None)):
            if video is not None and packet.stream.index == video.index:
                self._end_s = max(self._end_s, _end_s(packet, self._clock, tick))
                for frame in packet.decode():
                    self._lap("decode")
                    if isinstance(frame, VideoFrame):
                        self._see(frame, self._clock.at_s(frame.pts or 0, tick), maker)
                    self._lap("cut")
            elif audio is not None and packet.stream.index == audio.index:
                self._sound.hear(packet, self._clock)
            else:
                self._words.take(packet, self._clock)
            self._lap("decode")

    def _see(self, frame: VideoFrame, at_s: float, maker: PictureMaker) -> None:
        if at_s <= self._last_s:
            return
        self._last_s, self._end_s = at_s, max(self._end_s, at_s)
        starts_s = self._detector.add(at_s, maker.grey(frame))
        if self._keeps.due(at_s):
            pixels = np.asarray(cv2.cvtColor(maker.pixels(frame), cv2.COLOR_BGR2RGB), np.uint8)
            self._waiting.append((round(at_s * 1000) / 1000, pixels))
        self._begin_shots(starts_s)
        self._close(self._segmenter.pass_time(max(0, int(self._detector.settled_s * 1000))))

    def _begin_shots(self, starts_s: list[float]) -> None:
        for start_s in starts_s:
            self._shot_starts_ms.append(round(start_s * 1000))
            self._close(self._segmenter.begin_shot(round(start_s * 1000)))

    def _close(self, spans: list[Span]) -> None:
        for span in spans:
            self._found.spans.append(span)
            shown = []
            while self._waiting and self._waiting[0][0] * 1000 < span.end_ms:
                shown.append(self._waiting.popleft())
            if shown:
                self._lap("cut")
                self._look(shown, span)

    def _look(self, shown: list[Shown], span: Span) -> None:
        times_s, ends_s = [at_s for at_s, _ in shown], (span.start_ms / 1000, span.end_ms / 1000)
        cuts_s = [ms / 1000 for ms in self._shot_starts_ms if span.start_ms <= ms < span.end_ms]
        small = [shrink(picture) for _, picture in shown]
        sights = [self._networks.visual.look(picture) for picture in small]
        mean_embedding(sights), pool_labels(times_s, sights)
        segment_numbers(times_s, small, span_s=ends_s, cuts_s=cuts_s)
        self._lap("visual")
        looks = []
        for moment in choose_moments(times_s, cuts_s, ends_s[1]):
            picture = shown[moment.place][1]
            seen = tuple(self._networks.faces.see(picture, DOUBTFUL_SCORE))
            looks.append(Look(moment, picture.shape[1], picture.shape[0], seen))
        tracks = follow(looks)
        measure_faces(looks, start_s=ends_s[0], least_px=self._networks.faces.least_px)
        self._found.pictures, self._found.tracks = self._found.pictures + len(shown), self._found.tracks + len(tracks)
        self._lap("faces")

    def _hear(self, data: bytes) -> None:
        samples, audio = read_wav(data), self._networks.audio
        if measure_loudness(samples).integrated_lufs is not None:
            heard = audio.hear(samples)
            audio.spans(heard), audio.share(heard, SPEECH), audio.share(heard, MUSIC)

    def _lap(self, part: str) -> None:
        now_s = time.process_time()
        self._found.cpu_s[part] += now_s - self._lapped_s
        self._lapped_s = now_s


def _end_s(packet: "Packet[Stream]", clock: Clock, tick: float) -> float:
    return 0.0 if packet.pts is None else clock.at_s(packet.pts + (packet.duration or 0), tick)


def _subtitles(path: Path, container: InputContainer) -> tuple[SubtitleSource, ...]:
    """English words: files beside the video, then streams inside."""
    (wanted,) = Options().subtitle_languages
    beside = sorted(path.parent.glob(f"{path.stem}*.srt"))
    inside = [s.index for s in text_subtitles(container) if speaks(s.language or "und", wanted)]
    return (
        *(SubtitleSource(path=file) for file in beside),
        *(SubtitleSource(stream_index=index) for index in inside),
    )
