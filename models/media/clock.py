"""Turns a file's timestamps into seconds from its beginning, and doubts those that cannot be true."""

from av.container import InputContainer
from av.stream import Stream

from models.media.container import clock_origin_s, declared_duration_s

LONGEST_GAP_S = 120.0
"""A slide may stand so long; a longer silence past the declared end is a broken or hostile timestamp."""

LONGEST_VIDEO_S = 6 * 3600.0
"""Nothing later is believed: three times the longest video a fetch takes by default."""


def tick_s(stream: Stream) -> float:
    """Seconds that a stream's timestamps count; taken once, since each look at a ratio makes a `Fraction`."""
    return float(stream.time_base or 0)


class Clock:
    """Presentation time from the clock's origin, in seconds.

    A timestamp is doubted when it lies before the origin, or far after everything seen and after the
    declared end. `doubted` counts them.
    """

    def __init__(self, container: InputContainer) -> None:
        self.declared_s = declared_duration_s(container)
        self.doubted = 0
        self._origin_s = clock_origin_s(container)
        self._furthest_s = 0.0

    def at_s(self, timestamp: int, tick_s: float) -> float:
        """Seconds from the beginning, as the file says; `tick_s` is what the timestamp counts."""
        return timestamp * tick_s - self._origin_s

    def believed_s(self, timestamp: int, tick_s: float) -> float | None:
        """Seconds from the beginning, or None for a time that cannot be true."""
        at_s = self.at_s(timestamp, tick_s)
        if at_s > min(LONGEST_VIDEO_S, max(self.declared_s or 0.0, self._furthest_s + LONGEST_GAP_S)):
            self.doubted += 1
            return None
        self._furthest_s = max(self._furthest_s, at_s)
        return at_s


class Ticker:
    """Chooses about `rate_hz` moments a second from those that come, however irregularly they come."""

    def __init__(self, rate_hz: float) -> None:
        self._step_s = 1 / rate_hz
        self._next_s: float | None = None

    def due(self, at_s: float) -> bool:
        """Whether this moment is chosen; moments come in order."""
        # Timestamps are rounded to the file's time base.
        if self._next_s is not None and at_s < self._next_s - 1e-3:
            return False
        late_s = 0.0 if self._next_s is None else min(at_s - self._next_s, self._step_s / 2)
        self._next_s = at_s - late_s + self._step_s
        return True
