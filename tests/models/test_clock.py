"""Timestamps become seconds, where they can be true."""

from clips import Clip, write_clip

from models.media.clock import Clock, Ticker
from models.media.container import open_media


def test_a_timestamp_far_beyond_the_end_is_doubted(tmp_path):
    with open_media(write_clip(tmp_path / "clip.mp4", Clip())) as container:
        clock, millisecond = Clock(container), 0.001
        assert clock.believed_s(2_000, millisecond) == 2.0
        assert clock.believed_s(90_000, millisecond) == 90.0
        assert clock.believed_s(9_000_000, millisecond) is None
        assert clock.believed_s(10**15, millisecond) is None
        assert clock.doubted == 2


def test_a_ticker_keeps_its_rate_over_gaps_and_jitter():
    ticker = Ticker(1.0)
    times_s = [0.0, 0.5, 0.98, 1.02, 1.5, 2.03, 7.0, 7.3, 8.0]
    assert [at_s for at_s in times_s if ticker.due(at_s)] == [0.0, 1.02, 2.03, 7.0, 8.0]
