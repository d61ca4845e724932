"""Strangers' files: containers only, and the streams a person would see."""

from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.stream import Disposition
from clips import PORTRAIT_MATRIX, Clip, playlists, truncate, write_clip, write_subtitled

from models.media.container import heard_audio, open_media, seen_video
from models.media.cut import CutOptions, cut
from models.media.probe import SubtitleStream, probe
from schemas.errors import MediaUnreadable


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("plain") / "plain.mp4", Clip())


def test_a_probe_says_what_a_video_is(plain):
    found = probe(plain)
    assert (found.width_px, found.height_px, found.fps) == (160, 120, 25.0)
    assert (found.has_video, found.has_audio, found.subtitles) == (True, True, ())
    assert found.duration_s == pytest.approx(3.0, abs=0.05)
    assert "mp4" in found.container


def test_a_turned_video_has_the_size_it_is_shown_in(tmp_path):
    found = probe(write_clip(tmp_path / "portrait.mp4", Clip(matrix=PORTRAIT_MATRIX)))
    assert (found.width_px, found.height_px) == (120, 160)


def test_wide_pixels_count_as_shown(tmp_path):
    found = probe(write_clip(tmp_path / "wide.mp4", Clip(pixel_aspect=Fraction(4, 3))))
    assert (found.width_px, found.height_px) == (213, 120)


def test_sound_alone_has_no_size(tmp_path):
    found = probe(write_clip(tmp_path / "sound.m4a", Clip(codec="")))
    assert (found.width_px, found.height_px, found.fps, found.has_video) == (0, 0, 0.0, False)


def test_a_recording_that_does_not_say_how_long_it_is_gets_measured(tmp_path):
    path = tmp_path / "live.webm"
    with av.open(str(path), "w", options={"live": "1"}) as out:
        stream = out.add_stream("libvpx-vp9", rate=25, options={"deadline": "realtime", "cpu-used": "8"})
        stream.width, stream.height = 64, 48
        for number in range(50):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    with av.open(str(path)) as container:
        assert not container.duration
    assert probe(path).duration_s == pytest.approx(2.0, abs=0.1)


def test_text_subtitles_are_listed_with_their_language(tmp_path):
    cues = [(0, 2000, "Hallo")]
    path = write_subtitled(tmp_path / "two.mkv", [("deu", cues), ("eng", cues)], "subrip")
    assert probe(path).subtitles == (
        SubtitleStream(stream_index=1, language="deu"),
        SubtitleStream(stream_index=2, language="eng"),
    )


@pytest.mark.parametrize("kind", ["hls", "concat", "sdp", "dash"])
def test_a_playlist_that_calls_itself_a_video_opens_nothing(plain, tmp_path, kind):
    disguised = tmp_path / "holiday.mp4"
    disguised.write_text(playlists(plain)[kind])
    with pytest.raises(MediaUnreadable, match=r"holiday\.mp4"):
        probe(disguised)
    with pytest.raises(MediaUnreadable):
        cut(disguised, tmp_path, CutOptions())


def test_the_same_playlist_would_have_been_followed_without_the_rule(plain, tmp_path):
    disguised = tmp_path / "holiday.mp4"
    disguised.write_text(playlists(plain)["concat"])
    with av.open(str(disguised), options={"safe": "0"}) as container:
        assert container.format.name == "concat"


@pytest.mark.parametrize("content", [b"", b"hello", bytes(range(256)) * 400])
def test_what_is_no_media_is_refused_with_its_name(tmp_path, content):
    path = tmp_path / "nothing.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaUnreadable, match=r"nothing\.mp4"):
        probe(path)


def test_an_mp4_without_its_index_is_refused(tmp_path):
    path = tmp_path / "lost.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height = 64, 48
        for number in range(50):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    with pytest.raises(MediaUnreadable):
        probe(truncate(path, 0.5))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MediaUnreadable, match=r"gone\.mp4"):
        probe(tmp_path / "gone.mp4")


def _write_streams(path: Path, sizes: list[tuple[int, Disposition]]) -> Path:
    with av.open(str(path), "w") as out:
        streams = []
        for width_px, disposition in sizes:
            stream = out.add_stream("mjpeg" if disposition & Disposition.attached_pic else "mpeg4", rate=5)
            stream.width, stream.height = width_px, 48
            stream.pix_fmt = "yuvj420p" if disposition & Disposition.attached_pic else "yuv420p"
            stream.disposition = disposition
            streams.append(stream)
        for number in range(5):
            for stream in streams if number == 0 else [s for s in streams if s.name != "mjpeg"]:
                frame = av.VideoFrame(stream.width, 48, stream.pix_fmt)
                frame.pts = number
                out.mux(stream.encode(frame))
        for stream in streams:
            out.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("streams", "seen_px"),
    [
        ([(64, Disposition.default), (128, Disposition.default)], 128),
        ([(64, Disposition.default), (128, Disposition(0))], 64),
        ([(128, Disposition.default), (64, Disposition.default)], 128),
        ([(256, Disposition.attached_pic), (64, Disposition.default)], 64),
    ],
)
def test_the_default_stream_is_seen_then_the_largest_and_never_a_cover(tmp_path, streams, seen_px):
    kind = "mp4" if any(disposition == Disposition.attached_pic for _, disposition in streams) else "mkv"
    with open_media(_write_streams(tmp_path / f"streams.{kind}", streams)) as container:
        assert len(container.streams.video) == 2
        assert seen_video(container).width == seen_px
        assert heard_audio(container) is None
