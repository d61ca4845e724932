"""The demo video has something true to find for every stage."""

import subprocess
import sys
import wave

import numpy as np
import pytest

from models.media.cut import CutOptions, cut
from models.media.probe import probe
from models.media.subtitles import parse
from models.media.words import SubtitleSource
from schemas.errors import UsageError
from streams import demo_video
from streams.demo_video import STORY, find_photo, make_demo_video, timed

SHOT_STARTS_S = [start_s for start_s, _ in timed(STORY)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    pytest.importorskip("skimage", reason="the photos of the extra `demo` are not installed")
    return make_demo_video(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def in_segments(demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("segments")
    return folder, cut(demo.path, folder, CutOptions(subtitles=(SubtitleSource(path=demo.subtitles),)))


def test_it_is_a_usual_video_of_half_a_minute(demo):
    found = probe(demo.path)
    assert (found.width_px, found.height_px, found.fps, found.has_audio) == (1280, 720, 25.0, True)
    assert 20 <= found.duration_s <= 40


def test_it_is_made_once(demo):
    made = demo.path.stat()
    assert make_demo_video(demo.path.parent) == demo
    assert demo.path.stat().st_mtime_ns == made.st_mtime_ns
    assert {path.name for path in demo.path.parent.iterdir()} == {demo.path.name, demo.subtitles.name}


def test_an_unfinished_one_is_made_anew_and_leaves_nothing(demo, tmp_path, monkeypatch):
    monkeypatch.setattr(demo_video, "STORY", STORY[:1])
    (tmp_path / demo.subtitles.name).write_text("half")
    again = make_demo_video(tmp_path)
    assert probe(again.path).duration_s == STORY[0].duration_s
    assert len(parse(again.subtitles.read_bytes())) == 1
    assert {path.name for path in tmp_path.iterdir()} == {demo.path.name, demo.subtitles.name}


def test_its_seven_shots_are_found(in_segments):
    _, result = in_segments
    found_s = [start_s for segment in result.segments for start_s in segment.shot_starts_s]
    dissolved_s = [start_s + shot.dissolve_s / 2 for start_s, shot in timed(STORY)]
    assert found_s == pytest.approx(dissolved_s, abs=0.3)
    assert found_s[:6] == pytest.approx(SHOT_STARTS_S[:6])
    assert len(result.segments) == 7


def test_its_words_lie_with_their_pictures(in_segments):
    _, result = in_segments
    for shot, segment in zip(STORY[:-2], result.segments, strict=False):
        assert segment.text == shot.words
    assert " ".join(segment.text for segment in result.segments) == " ".join(shot.words for shot in STORY)


def test_its_subtitles_are_english_sentences_in_time(demo):
    cues = parse(demo.subtitles.read_bytes())
    assert len(cues) == len(STORY)
    assert all(cue.end_ms - cue.start_ms >= 300 * len(cue.words) * 0.6 for cue in cues)


def test_it_sounds_like_music_then_quiet_then_a_tone(in_segments):
    folder, result = in_segments
    parts = []
    for segment in result.segments:
        with wave.open(str(folder / segment.audio)) as wav:
            parts.append(np.frombuffer(wav.readframes(wav.getnframes()), "<i2") / 2**15)
    loudness = [float(np.sqrt((part**2).mean())) for part in parts]
    quiet = parts[4][2000:14000]
    assert np.sqrt((quiet**2).mean()) < 0.02 * max(loudness)
    spectrum = np.abs(np.fft.rfft(parts[5][16_000:48_000]))
    assert np.argmax(spectrum) / 2 == pytest.approx(660, abs=1)
    assert min(loudness[0], loudness[6]) > 0.02


def test_photos_are_found_without_importing_their_packages():
    code = (
        "import sys; from streams.demo_video import PHOTOS, find_photo; [find_photo(name) for name in PHOTOS];"
        "sys.exit(any(name in sys.modules for name in ('skimage', 'matplotlib', 'numpy', 'av', 'cv2')))"
    )
    pytest.importorskip("skimage", reason="the photos of the extra `demo` are not installed")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_the_photos_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(demo_video.PHOTOS, "cat", ("package_that_is_not_there", "cat.png"))
    with pytest.raises(UsageError, match=r"groundswell\[demo\]"):
        find_photo("cat")
    with pytest.raises(UsageError):
        make_demo_video(tmp_path / "new")
    assert not (tmp_path / "new").exists()
