"""The picture of a whole video as it is decoded: shot starts out at once, pictures kept until asked for."""

from pathlib import Path
from typing import Literal

from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from models.media.clock import Clock, Ticker, tick_s
from models.media.frames import Picture, PictureMaker, PictureQueue, write_zip
from models.media.segments import Span
from models.media.shots import ShotDetector
from schemas.segments import Sampling

THINNED_GAP_S = 1.0
"""If leaving out frames that no other needs leaves gaps longer than this, they are decoded after all."""

THINNED_PACKETS = 8
"""Fewer packets in such a gap are a slow video, not a thinned one."""

USUAL_RATE_HZ = 25.0
"""Frames a second where a file says nothing."""

Skipped = Literal["DEFAULT", "NONREF", "NONKEY"]


class PictureTrack:
    """Decodes one picture stream.

    Parameters
    ----------
    frame_rate_hz : float
        Pictures kept a second.
    every_frame : bool
        Decode also frames that no other frame refers to.
    """

    def __init__(self, video: VideoStream, *, sampling: Sampling, frame_rate_hz: float, every_frame: bool) -> None:
        self._video = video
        self._tick_s = tick_s(video)
        self._maker = PictureMaker(video)
        self._detector = ShotDetector(sparse=sampling == "keyframes")
        self._queue = PictureQueue()
        self._keeps = Ticker(frame_rate_hz)
        self._thinned = sampling == "regular" and not every_frame
        self._last_s: float | None = None
        self._end_s = 0.0
        self._packets_since = 0
        # More threads use more CPU for the same work; other workers use the other cores.
        video.codec_context.thread_count = 1
        video.codec_context.skip_frame = _skipped(sampling, thinned=self._thinned)

    @property
    def seen(self) -> bool:
        """Whether any frame could be decoded."""
        return self._last_s is not None

    @property
    def end_ms(self) -> int:
        """Where the picture ends; 0 if nothing could be decoded."""
        return round(self._end_s * 1000) if self.seen else 0

    @property
    def settled_ms(self) -> int:
        """No shot start before this time will be told any more."""
        return max(0, int(self._detector.settled_s * 1000)) if self.seen else 0

    def see(self, packet: "Packet[Stream]", clock: Clock) -> list[int]:
        """Decode a packet; tell the shot starts, in milliseconds, that are now certain."""
        self._note(packet, clock)
        starts_s: list[float] = []
        for frame in packet.decode():
            if isinstance(frame, VideoFrame):
                starts_s += self._look(frame, clock)
        return [round(start_s * 1000) for start_s in starts_s]

    def finish(self) -> list[int]:
        """Tell the shot starts of the last second."""
        return [round(start_s * 1000) for start_s in self._detector.finish()]

    def write_zip(self, path: Path, span: Span) -> bool:
        """Write the pictures of a segment and forget them; False when there are none. Segments come in order."""
        pictures = self._queue.take(span, shown_until_ms=self.end_ms)
        if pictures:
            write_zip(path, pictures)
        return bool(pictures)

    def _note(self, packet: "Packet[Stream]", clock: Clock) -> None:
        """Learn where the picture ends, also from packets that are not decoded, and whether too much is left out."""
        at_s = None if packet.pts is None or packet.is_discard else clock.believed_s(packet.pts, self._tick_s)
        if at_s is None:
            return
        self._end_s = max(self._end_s, at_s + (packet.duration or 0) * self._tick_s)
        self._packets_since += 1
        gap_s = at_s - (self._last_s or 0.0)
        if self._thinned and self._packets_since > THINNED_PACKETS and gap_s > THINNED_GAP_S:
            self._thinned = False
            self._video.codec_context.skip_frame = "DEFAULT"

    def _look(self, frame: VideoFrame, clock: Clock) -> list[float]:
        at_s = self._time_s(frame, clock)
        # Damaged streams jump back.
        if at_s is None or at_s < 0 or (self._last_s is not None and at_s <= self._last_s):
            return []
        self._last_s, self._packets_since = at_s, 0
        self._end_s = max(self._end_s, at_s)
        starts_s = self._detector.add(at_s, self._maker.grey(frame))
        if self._keeps.due(at_s):
            self._queue.add(Picture(round(at_s * 1000), self._maker.jpeg(frame)))
        return starts_s

    def _time_s(self, frame: VideoFrame, clock: Clock) -> float | None:
        if frame.pts is not None:
            return clock.believed_s(frame.pts, self._tick_s)
        # Some old formats leave times out: the frame follows the one before.
        rate_hz = float(self._video.average_rate or self._video.guessed_rate or USUAL_RATE_HZ)
        return 0.0 if self._last_s is None else self._last_s + 1 / rate_hz


def _skipped(sampling: Sampling, *, thinned: bool) -> Skipped:
    if sampling == "keyframes":
        return "NONKEY"
    return "NONREF" if thinned else "DEFAULT"
