"""The words of a whole video: from subtitle files, and from streams as they pass by."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.subtitle import AssSubtitle

from models.media.clock import Clock, tick_s
from models.media.container import text_subtitles
from models.media.segments import Span
from models.media.subtitles import LARGEST_FILE_BYTES, Cue, assign, parse, tidy

MOST_CUES = 100_000
"""Two hours of subtitles have 3,000."""


class SubtitleSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where words may come from: a subtitle file, or a stream of the media file."""

    path: Path | None = None
    stream_index: int | None = None


class WordTrack:
    """Collects cues; `streams` are those whose packets it wants.

    Parameters
    ----------
    sources : SubtitleSource
        Best first; the first with words is used.
    """

    def __init__(self, container: InputContainer, sources: Sequence[SubtitleSource]) -> None:
        self._sources = sources
        wanted = {source.stream_index for source in sources}
        self.streams = [stream for stream in text_subtitles(container) if stream.index in wanted]
        self._tick_s = {stream.index: tick_s(stream) for stream in self.streams}
        self._raw: dict[int, list[tuple[int, int, str]]] = {stream.index: [] for stream in self.streams}

    def take(self, packet: "Packet[Stream]", clock: Clock) -> None:
        """Keep the words of a subtitle packet."""
        raw, tick = self._raw[packet.stream.index], self._tick_s[packet.stream.index]
        if packet.pts is None or len(raw) >= MOST_CUES:
            return
        start_s = clock.at_s(packet.pts, tick)
        end_s = start_s + (packet.duration or 0) * tick
        for line in packet.decode():
            if isinstance(line, AssSubtitle):
                raw.append((round(start_s * 1000), round(end_s * 1000), line.dialogue.decode(errors="replace")))

    def spoken(self, spans: Sequence[Span]) -> tuple[int | None, list[str]]:
        """Words of each segment, and which source they come from; None when no source has any."""
        for index, source in enumerate(self._sources):
            texts = assign(self._cues(source), spans)
            if any(texts):
                return index, texts
        return None, [""] * len(spans)

    def _cues(self, source: SubtitleSource) -> list[Cue]:
        if source.path is None:
            return tidy(self._raw.get(source.stream_index or 0, []))
        with suppress(OSError), source.path.open("rb") as file:
            return parse(file.read(LARGEST_FILE_BYTES + 1))
        return []
