"""Real files of every kind become segments."""

import wave
import zipfile
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import PORTRAIT_MATRIX, TONE_HZ, Clip, corrupt, truncate, write_clip, write_subtitled

from models.media.cut import Cut, CutOptions, cut
from models.media.segments import LONGEST_MS, SHORTEST_MS
from models.media.words import SubtitleSource
from schemas.errors import MediaUnreadable

FAST_VP9 = {"deadline": "realtime", "cpu-used": "8"}
QUIET_X265 = {"preset": "ultrafast", "x265-params": "log-level=none"}

CODECS = {
    "h264.mp4": Clip(scenes_s=(3.0, 3.0)),
    "h265.mp4": Clip(codec="libx265", options=QUIET_X265, scenes_s=(3.0, 3.0)),
    "h265-10-bit.mp4": Clip(codec="libx265", pixel_format="yuv420p10le", options=QUIET_X265, scenes_s=(3.0, 3.0)),
    "vp9.webm": Clip(codec="libvpx-vp9", sound="libopus", sound_rate_hz=48_000, options=FAST_VP9, scenes_s=(3.0, 3.0)),
    "av1.mp4": Clip(codec="libsvtav1", options={"preset": "12"}, scenes_s=(3.0, 3.0)),
    "mpeg4.avi": Clip(codec="mpeg4", sound="mp3", scenes_s=(3.0, 3.0), options={"qscale": "3"}),
    "broadcast.ts": Clip(scenes_s=(3.0, 3.0)),
    "full-colour.mkv": Clip(pixel_format="yuv444p", scenes_s=(3.0, 3.0)),
}


def cut_clip(folder: Path, clip: Clip, *, name="clip.mp4", **options) -> Cut:
    return cut(write_clip(folder / name, clip), folder, CutOptions(**options))


def pictures(folder: Path, result: Cut) -> dict[int, np.ndarray]:
    """All pictures by their time in milliseconds, red first."""
    found = {}
    for segment in result.segments:
        if segment.frames:
            with zipfile.ZipFile(folder / segment.frames) as archive:
                for entry in archive.infolist():
                    jpeg = np.frombuffer(archive.read(entry), np.uint8)
                    found[int(entry.filename[:-4])] = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[:, :, ::-1]
    return found


def sound(folder: Path, result: Cut) -> np.ndarray:
    parts = []
    for segment in result.segments:
        if segment.audio:
            with wave.open(str(folder / segment.audio)) as wav:
                assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (16_000, 1, 2)
                parts.append(np.frombuffer(wav.readframes(wav.getnframes()), "<i2"))
    return np.concatenate(parts)


def loudest_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * 16_000 / len(samples))


@pytest.mark.parametrize("name", CODECS)
def test_every_codec_gives_two_shots_with_pictures_and_sound(tmp_path, name):
    result = cut_clip(tmp_path, CODECS[name], name=name)
    assert [segment.start_s for segment in result.segments] == pytest.approx([0.0, 3.0], abs=0.1)
    assert (result.sampling, result.shot_count, result.warnings) == ("regular", 2, ())
    assert result.duration_s == pytest.approx(6.0, abs=0.1)
    assert 6 <= len(pictures(tmp_path, result)) <= 7
    samples = sound(tmp_path, result)
    assert len(samples) == pytest.approx(6 * 16_000, rel=0.02)
    assert loudest_hz(samples) == pytest.approx(TONE_HZ, abs=2)


@pytest.mark.parametrize("name", CODECS)
def test_every_codec_shows_the_scene_of_its_segment(tmp_path, name):
    """No picture of the next shot falls into a segment."""
    result = cut_clip(tmp_path, CODECS[name], name=name)
    seen = [np.mean(list(part.values()), axis=0) for part in _by_segment(tmp_path, result)]
    for part, mean in zip(_by_segment(tmp_path, result), seen, strict=True):
        for picture in part.values():
            others = [np.abs(picture - other).mean() for other in seen if other is not mean]
            assert np.abs(picture - mean).mean() < 0.6 * min(others)


def _by_segment(folder, result):
    all_pictures = pictures(folder, result)
    return [
        {ms: all_pictures[ms] for ms in all_pictures if segment.start_s * 1000 <= ms < segment.end_s * 1000}
        for segment in result.segments
    ]


def test_colours_are_those_that_were_painted(tmp_path):
    painted = np.zeros((120, 160, 3), np.uint8)
    colours = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (230, 230, 230)]
    for place, colour in enumerate(colours):
        painted[:, place * 40 : place * 40 + 40] = colour
    result = cut_clip(tmp_path, Clip(painted=painted, scenes_s=(1.0,)))
    seen = next(iter(pictures(tmp_path, result).values()))
    for place, colour in enumerate(colours):
        assert np.abs(seen[60, place * 40 + 20].astype(int) - colour).max() <= 8


def test_ten_bit_colours_are_those_that_were_painted(tmp_path):
    painted = np.full((120, 160, 3), (200, 40, 90), np.uint8)
    clip = Clip(painted=painted, scenes_s=(1.0,), codec="libx265", pixel_format="yuv420p10le", options=QUIET_X265)
    seen = next(iter(pictures(tmp_path, cut_clip(tmp_path, clip)).values()))
    assert np.abs(seen[60, 80].astype(int) - (200, 40, 90)).max() <= 8


def test_a_picture_held_upright_is_upright(tmp_path):
    painted = np.full((120, 160, 3), 30, np.uint8)
    painted[:30, :40] = (250, 250, 250)  # the sensor's top left, which a quarter turn clockwise brings to the top right
    result = cut_clip(tmp_path, Clip(painted=painted, scenes_s=(1.0,), matrix=PORTRAIT_MATRIX))
    seen = next(iter(pictures(tmp_path, result).values()))
    assert seen.shape == (160, 120, 3)
    assert seen[10, 110].mean() > 200
    assert max(seen[10, 10].mean(), seen[150, 110].mean(), seen[150, 10].mean()) < 60


def test_large_pictures_are_made_smaller_and_wide_pixels_square(tmp_path):
    clip = Clip(size_px=(1440, 1080), pixel_aspect=Fraction(4, 3), scenes_s=(0.4,), options={"preset": "ultrafast"})
    seen = next(iter(pictures(tmp_path, cut_clip(tmp_path, clip)).values()))
    assert seen.shape == (720, 1280, 3)


def test_a_vertical_video_keeps_its_shape(tmp_path):
    result = cut_clip(tmp_path, Clip(size_px=(90, 160), scenes_s=(2.0,)))
    assert {picture.shape for picture in pictures(tmp_path, result).values()} == {(160, 90, 3)}


def test_pictures_come_at_the_rate_that_was_asked_for(tmp_path):
    assert sorted(pictures(tmp_path, cut_clip(tmp_path, Clip(), frame_rate_hz=2.0, every_frame=True))) == [
        0,
        520,
        1000,
        1520,
        2000,
        2520,
    ]


def test_a_variable_rate_is_told_by_time_not_by_count(tmp_path):
    times_s = (*np.arange(0, 2, 0.04), *np.arange(2, 6, 0.5), *np.arange(6, 9, 1 / 50))
    result = cut_clip(tmp_path, Clip(scenes_s=(6.0, 3.0), times_s=tuple(map(float, times_s))))
    assert [segment.start_s for segment in result.segments] == [0.0, 6.0]
    assert len(pictures(tmp_path, result)) == 9


def test_every_segment_of_a_slide_show_has_the_slide_on_the_screen(tmp_path):
    result = cut_clip(tmp_path, Clip(scenes_s=(40.0,), times_s=(0.0, 38.0), size_px=(64, 48)))
    assert len(result.segments) >= 4
    assert [int(segment.start_s * 1000) in pictures(tmp_path, result) for segment in result.segments].count(True) >= 4
    assert all(segment.frames for segment in result.segments)


def test_a_late_picture_keeps_its_time(tmp_path):
    result = cut_clip(tmp_path, Clip(late_s=0.9))
    assert result.segments[0].start_s == 0.0
    assert result.segments[0].shot_starts_s == (0.9,)
    assert min(pictures(tmp_path, result)) == 900


def test_a_silent_video_has_no_sound_files(tmp_path):
    result = cut_clip(tmp_path, Clip(sound=""))
    assert [segment.audio for segment in result.segments] == [None]
    assert result.segments[0].frames


def test_sound_alone_is_cut_into_segments_without_pictures(tmp_path):
    result = cut_clip(tmp_path, Clip(codec="", scenes_s=(25.0,)), name="sound.m4a")
    assert [segment.frames for segment in result.segments] == [None] * 3
    assert (result.sampling, result.shot_count) == ("none", 0)
    assert len(sound(tmp_path, result)) == pytest.approx(25 * 16_000, rel=0.01)


def test_sound_that_goes_on_after_the_picture_is_kept(tmp_path):
    result = cut_clip(tmp_path, Clip(scenes_s=(4.0,), sound_s=30.0, size_px=(64, 48)))
    assert result.duration_s == pytest.approx(30, abs=0.1)
    assert result.segments[0].frames
    assert result.segments[-1].frames is None
    assert result.segments[-1].audio


def test_sound_that_ends_early_leaves_later_segments_without(tmp_path):
    result = cut_clip(tmp_path, Clip(scenes_s=(5.0, 5.0), sound_s=3.0, size_px=(64, 48)))
    assert [bool(segment.audio) for segment in result.segments] == [True, False]


def test_a_second_is_enough(tmp_path):
    result = cut_clip(tmp_path, Clip(scenes_s=(1.0,)))
    assert [(segment.start_s, segment.end_s) for segment in result.segments] == [(0.0, 1.0)]


def test_a_single_picture_is_enough(tmp_path):
    result = cut_clip(tmp_path, Clip(scenes_s=(0.04,), sound=""))
    assert len(pictures(tmp_path, result)) == 1


def test_segments_cover_a_real_time_line(tmp_path):
    result = cut_clip(tmp_path, Clip(scenes_s=(1.0, 4.0, 13.0, 2.5, 0.8), size_px=(64, 48)))
    edges = [segment.end_s for segment in result.segments]
    assert [segment.start_s for segment in result.segments] == [0.0, *edges[:-1]]
    assert all(SHORTEST_MS <= (s.end_s - s.start_s) * 1000 <= LONGEST_MS + 1 for s in result.segments)
    assert result.shot_count == 5


def test_the_same_file_makes_the_same_bytes(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", Clip(scenes_s=(3.0, 3.0)))
    made = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        result = cut(path, folder, CutOptions())
        made.append((result, {file.name: file.read_bytes() for file in folder.iterdir()}))
    assert made[0] == made[1]
    assert set(made[0][1]) == {"000000.frames.zip", "000000.wav", "000001.frames.zip", "000001.wav"}


def test_frequent_keyframes_are_enough_for_a_long_video(tmp_path):
    clip = Clip(scenes_s=(20.0, 20.0), size_px=(64, 48), options={"g": "50", "sc_threshold": "40"})
    result = cut_clip(tmp_path, clip, keyframes_from_s=30.0, keyframe_gain=2.0)
    assert result.sampling == "keyframes"
    assert all(segment.frames for segment in result.segments)
    assert 20.0 in [segment.start_s for segment in result.segments]


def test_rare_keyframes_are_not_enough(tmp_path):
    clip = Clip(scenes_s=(20.0,), size_px=(64, 48), options={"g": "1000"})
    assert cut_clip(tmp_path, clip, keyframes_from_s=10.0, keyframe_gain=0.0).sampling == "regular"


@pytest.mark.parametrize(("every", "sampling"), [("1", "regular"), ("8", "regular"), ("150", "keyframes")])
def test_a_long_video_is_read_by_keyframes_only_where_that_is_much_cheaper(tmp_path, every, sampling):
    clip = Clip(scenes_s=(24.0,), options={"g": every, "x264-params": "scenecut=0"})
    assert cut_clip(tmp_path, clip, keyframes_from_s=20.0).sampling == sampling


def test_short_videos_are_read_in_full_however_frequent_their_keyframes(tmp_path):
    assert cut_clip(tmp_path, Clip(options={"g": "5"})).sampling == "regular"


def test_a_video_made_of_frames_that_nobody_refers_to_is_read_in_full(tmp_path):
    thin = {"x264-params": "bframes=16:b-adapt=0:b-pyramid=none:keyint=400:scenecut=0"}
    clip = Clip(scenes_s=(24.0,), size_px=(64, 48), rate_hz=5, options=thin)
    times_ms = sorted(pictures(tmp_path, cut_clip(tmp_path, clip)))
    assert max(b - a for a, b in pairwise(times_ms)) < 5_000
    assert len(times_ms) > 16


@pytest.mark.parametrize("name", ["cut.mp4", "cut.mkv", "cut.ts"])
def test_a_truncated_file_gives_its_beginning_and_a_warning(tmp_path, name):
    path = truncate(write_clip(tmp_path / name, Clip(scenes_s=(4.0, 4.0, 4.0), options={"g": "25"})), 0.6)
    result = cut(path, tmp_path, CutOptions())
    assert 3 < result.duration_s < 11
    assert pictures(tmp_path, result)
    if name == "cut.ts":  # it never said how long it would be
        return
    assert any("cut off or damaged" in warning for warning in result.warnings)


def test_a_truncated_long_file_gives_its_beginning_too(tmp_path):
    path = truncate(write_clip(tmp_path / "long.mp4", Clip(scenes_s=(30.0,), options={"g": "25"})), 0.6)
    result = cut(path, tmp_path, CutOptions(keyframes_from_s=10.0))
    assert 8 < result.duration_s < 28
    assert any("cut off or damaged" in warning for warning in result.warnings)


@pytest.mark.parametrize("name", ["noise.mp4", "noise.mkv", "noise.ts"])
def test_noise_in_the_middle_costs_only_the_middle(tmp_path, name):
    path = corrupt(write_clip(tmp_path / name, Clip(scenes_s=(4.0, 4.0, 4.0), options={"g": "25"})))
    result = cut(path, tmp_path, CutOptions())
    times_ms = sorted(pictures(tmp_path, result))
    assert times_ms[0] < 1500
    assert result.warnings or name == "noise.ts"
    assert all(segment.end_s > segment.start_s for segment in result.segments)


def segments_or_reason(path: Path, folder: Path) -> tuple | str:
    try:
        return cut(path, folder, CutOptions()).segments
    except MediaUnreadable as error:
        return str(error)


@pytest.mark.parametrize("seed", range(6))
def test_flipped_bytes_anywhere_end_in_segments_or_in_a_clear_failure(tmp_path, seed):
    path = write_clip(tmp_path / "clip.mp4", Clip(scenes_s=(2.0,), size_px=(64, 48)))
    data = np.frombuffer(path.read_bytes(), np.uint8).copy()
    places = np.random.default_rng(seed).integers(0, len(data), 40)
    data[places] ^= 0xFF
    path.write_bytes(data.tobytes())
    assert segments_or_reason(path, tmp_path)


def test_a_file_without_anything_to_decode_is_refused(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", Clip(sound=""))
    with pytest.raises(MediaUnreadable):
        cut(corrupt(path, start_share=0.25, end_share=1.0), tmp_path, CutOptions())


def test_subtitles_inside_the_file_are_read_in_the_same_pass(tmp_path):
    tracks = [("deu", [(0, 2000, "Hallo")]), ("eng", [(500, 2000, "Hello {\\i1}there{\\i0}"), (3000, 4000, "Bye")])]
    path = write_subtitled(tmp_path / "words.mp4", tracks, "mov_text")
    sources = (SubtitleSource(stream_index=2), SubtitleSource(stream_index=1))
    result = cut(path, tmp_path, CutOptions(subtitles=sources))
    assert result.subtitles_used == 0
    assert " ".join(segment.text for segment in result.segments) == "Hello there Bye"


@pytest.mark.parametrize("codec", ["subrip", "webvtt", "ass"])
def test_every_kind_of_text_stream_is_read(tmp_path, codec):
    path = write_subtitled(tmp_path / "words.mkv", [("eng", [(500, 2000, "Hello there")])], codec)
    result = cut(path, tmp_path, CutOptions(subtitles=(SubtitleSource(stream_index=1),)))
    assert result.segments[0].text == "Hello there"


def test_the_next_subtitles_serve_when_the_best_are_empty(tmp_path):
    (tmp_path / "empty.vtt").write_text("WEBVTT\n")
    (tmp_path / "full.srt").write_text("1\n00:00:00,500 --> 00:00:01,500\nHello\n")
    sources = tuple(SubtitleSource(path=tmp_path / name) for name in ("gone.srt", "empty.vtt", "full.srt"))
    result = cut_clip(tmp_path, Clip(sound=""), subtitles=sources)
    assert (result.subtitles_used, result.segments[0].text) == (2, "Hello")


def test_progress_is_told_in_seconds_and_only_grows(tmp_path):
    path, told = write_clip(tmp_path / "clip.mp4", Clip(scenes_s=(30.0,), size_px=(64, 48))), []
    cut(path, tmp_path, CutOptions(), report=lambda done_s, total_s: told.append((done_s, total_s)))
    assert len(told) >= 5
    assert told == sorted(told)
    assert all(total_s == pytest.approx(30.0, abs=0.1) for _, total_s in told)


def test_real_videos_are_cut_where_people_see_cuts(data_folder, tmp_path):
    seen_s = {
        "face_recognition/short_hamilton_clip.mp4": [0.85, 1.5, 3.6, 7.9],
        "videos/nasa_13013.mp4": [0.0, 5.4, 8.0],
        "snapugc/3fe99801770b699e06c86933ed638ec1.mp4": [0.0, 5.95],
        "snapugc/13bdbeb5f3b1fdbda2a8fbcc646db222.mp4": [0.0],
    }
    missing = [name for name in seen_s if not (data_folder / name).exists()]
    if missing:
        pytest.skip(f"no videos to try: {missing} are not there")
    for name, starts_s in seen_s.items():
        result = cut(data_folder / name, tmp_path, CutOptions())
        found_s = [start_s for segment in result.segments for start_s in segment.shot_starts_s]
        assert found_s == pytest.approx(starts_s, abs=0.25), name
