"""Every segment gets one answer about its sound: a vector, names with times, numbers; or why there is none."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import sounds
from examples import CUT, VIDEO_ID
from networks import audio_encoder
from worlds import DictStore

from models.vectors import from_vector
from processors.audio import AudioProcessor
from schemas.codec import encode
from schemas.event import Event
from schemas.features import FeatureExtracted, Label
from schemas.segments import SegmentCut
from streams.demo_video import STORY, make_demo_video, timed


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> DictStore:
    store = DictStore(tmp_path_factory.mktemp("store"))
    for name, make in sounds.MADE.items():
        store.put(f"{name}.wav", sounds.wav(make(4.0)))
    store.put("blip.wav", sounds.wav(sounds.sine(0.02)))
    store.put("none.wav", sounds.wav(sounds.silence(0)))
    store.put("short.wav", sounds.wav(sounds.chord(0.6)))
    return store


@pytest.fixture(scope="module")
def processor(cache: Path, store: DictStore) -> AudioProcessor:
    return AudioProcessor(audio_encoder(cache), store)


def _cut(sound: str | None, **changes) -> SegmentCut:
    ref = f"{sound}.wav" if sound else None
    return msgspec.structs.replace(CUT, **{"audio_ref": ref, "start_s": 10.0, "end_s": 14.0} | changes)


def _answer(processor: AudioProcessor, event: Event) -> tuple[FeatureExtracted, list[Event]]:
    ((feature, *others),) = processor.transform([event])
    assert isinstance(feature, FeatureExtracted)
    return feature, others


def test_a_segment_gets_a_vector_under_its_own_name(processor: AudioProcessor) -> None:
    feature, _ = _answer(processor, _cut("chord"))
    assert feature.record_key == f"{VIDEO_ID}/2/audio"
    assert (feature.model, feature.revision) == ("yamnet", CUT.revision)
    assert feature.absent_reason is None
    assert feature.vector is not None
    assert (feature.vector.dim, feature.vector.dtype) == (1024, "float32")
    assert from_vector(feature.vector).min() >= 0


def test_music_is_named_with_the_times_of_the_video(processor: AudioProcessor) -> None:
    feature, _ = _answer(processor, _cut("chord"))
    (music,) = [label for label in feature.labels if label.name == "Music"]
    assert music.score > 0.5
    assert (music.start_s, music.end_s) == (10.0, pytest.approx(14.0, abs=0.2))


def test_numbers_have_their_units_in_their_names(processor: AudioProcessor) -> None:
    feature, _ = _answer(processor, _cut("chord"))
    names = {"speech_share", "music_share", "silence_share", "loudness_lufs", "loudness_range_lu", "peak_dbfs"}
    assert feature.numbers.keys() == names
    assert feature.numbers["music_share"] > 0.7
    assert feature.numbers["speech_share"] == feature.numbers["silence_share"] == 0


def test_a_tone_of_known_level_is_as_loud_as_it_should_be(processor: AudioProcessor) -> None:
    feature, _ = _answer(processor, _cut("tone"))
    assert feature.numbers["loudness_lufs"] == pytest.approx(-23.0, abs=0.1)
    assert feature.numbers["peak_dbfs"] == pytest.approx(-20.0, abs=0.1)


def test_a_number_that_cannot_be_known_is_left_out(processor: AudioProcessor) -> None:
    feature, _ = _answer(processor, _cut("short"))
    assert "loudness_range_lu" not in feature.numbers
    assert "loudness_lufs" in feature.numbers


@pytest.mark.parametrize(
    ("sound", "reason"),
    [(None, "no sound track"), ("silence", "silence"), ("blip", "sound too short"), ("none", "sound too short")],
)
def test_a_segment_without_sound_says_why(processor: AudioProcessor, sound: str | None, reason: str) -> None:
    feature, others = _answer(processor, _cut(sound))
    assert (feature.vector, feature.absent_reason) == (None, reason)
    assert (feature.numbers, feature.labels) == ({}, ())
    assert len(others) == 1


def _bytes(answers: list[list[Event]]) -> list[list[bytes]]:
    return [[encode(event) for event in events] for events in answers]


def test_any_split_of_a_batch_gives_the_same_bytes(processor: AudioProcessor) -> None:
    names = [*sounds.MADE, None, "short", "blip"]
    events = [_cut(name, index=i, event_id=f"{i:036d}") for i, name in enumerate(names)]
    whole = _bytes(processor.transform(events))
    assert [answer for event in events for answer in _bytes(processor.transform([event]))] == whole
    assert _bytes(processor.transform(events[::-1]))[::-1] == whole


@pytest.fixture(scope="module")
def demo_sounds(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> list[FeatureExtracted]:
    """What the audio stage says about the demo video, segment by segment."""
    from models.media.cut import CutOptions, cut

    folder = tmp_path_factory.mktemp("demo")
    done = cut(make_demo_video(cache / "demo").path, folder, CutOptions())
    store = DictStore(folder / "store")
    events = []
    for index, piece in enumerate(done.segments):
        assert piece.audio is not None
        store.put_file(piece.audio, folder / piece.audio)
        at = {"start_s": piece.start_s, "end_s": piece.end_s, "audio_ref": piece.audio}
        events.append(msgspec.structs.replace(CUT, index=index, count=len(done.segments), event_id=str(index), **at))
    answers = AudioProcessor(audio_encoder(cache), store).transform(events)
    return [feature for feature, _ in answers if isinstance(feature, FeatureExtracted)]


def _named(features: list[FeatureExtracted], name: str) -> list[Label]:
    return [label for feature in features for label in feature.labels if label.name == name]


def _covered_s(labels: list[Label], start_s: float, end_s: float) -> float:
    """How much of a stretch of time lies inside the labels."""
    at_s = np.arange(start_s, end_s, 0.01)
    inside = [(label.start_s <= at_s) & (at_s < label.end_s) for label in labels]
    return 0.01 * float(np.any(inside, axis=0).sum()) if inside else 0.0


def test_the_music_of_the_demo_video_is_heard_when_it_plays_and_at_no_other_time(
    demo_sounds: list[FeatureExtracted],
) -> None:
    music = _named(demo_sounds, "Music")
    for start_s, shot in timed(STORY):
        end_s = start_s + shot.duration_s
        if shot.sound == "music":
            assert _covered_s(music, start_s, end_s) > 0.85 * shot.duration_s, f"the {shot.photo} at {start_s:.1f} s"
        else:
            assert _covered_s(music, start_s + 1, end_s - 1) == 0, f"the {shot.photo} at {start_s:.1f} s"


def test_the_tone_and_the_silence_of_the_demo_video_are_heard_in_their_shots(
    demo_sounds: list[FeatureExtracted],
) -> None:
    starts_s = {shot.sound: start_s for start_s, shot in timed(STORY) if shot.sound != "music"}
    assert _covered_s(_named(demo_sounds, "Sine wave"), starts_s["tone"], starts_s["tone"] + 4) > 2
    assert sum(feature.numbers["silence_share"] for feature in demo_sounds) > 0
    assert all(feature.numbers["speech_share"] == 0 for feature in demo_sounds)
