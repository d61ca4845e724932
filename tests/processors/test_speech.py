"""Where nobody wrote subtitles, words come from the sound, with their times, their language and their source."""

import logging
from importlib.util import find_spec
from pathlib import Path

import msgspec
import numpy as np
import pytest
import runs
import sounds
from examples import CUT
from networks import text_encoder
from tiny_video import write_video
from worlds import DictStore, SmallWorld

from models.speech import Speech, Word
from processors.ports import Options
from processors.segment import SegmentProcessor
from processors.speech import SpeechReader
from processors.text import TextProcessor
from schemas.codec import decode, encode
from schemas.features import FeatureExtracted
from schemas.media import SubtitleTrack
from schemas.segments import SegmentCut

SAID = Speech(
    text="Sea shells by the shore.",
    language="en",
    language_probability=0.97,
    words=(Word(text="Sea", start_s=0.2, end_s=0.5), Word(text="shells", start_s=0.5, end_s=1.0)),
)


def hear_what_is_loud(samples: np.ndarray) -> Speech | None:
    """Loud sound says a sentence, quiet sound nothing."""
    return SAID if np.abs(samples).max() > 0.05 else None


@pytest.fixture(scope="module")
def processor(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> TextProcessor:
    store = DictStore(tmp_path_factory.mktemp("store"))
    store.put("loud.wav", sounds.wav(sounds.sine(4.0, level_dbfs=-10)))
    store.put("quiet.wav", sounds.wav(sounds.sine(4.0, level_dbfs=-50)))
    return TextProcessor(text_encoder(cache), SpeechReader(hear_what_is_loud, store))


def _cut(sound: str | None, **changes) -> SegmentCut:
    silent = {"text": "", "text_source": "", "text_language": "", "start_s": 10.0, "end_s": 14.0}
    return msgspec.structs.replace(CUT, **silent | {"audio_ref": f"{sound}.wav" if sound else None} | changes)


def _feature(processor: TextProcessor, event: SegmentCut) -> FeatureExtracted:
    ((feature, _),) = processor.transform([event])
    assert isinstance(feature, FeatureExtracted)
    return feature


def test_what_is_said_is_embedded_like_subtitles(processor: TextProcessor) -> None:
    heard, written = _feature(processor, _cut("loud")), _feature(processor, _cut(None, text=SAID.text))
    assert heard.vector == written.vector
    assert heard.numbers == written.numbers == {"words": 5.0, "words_per_minute": 75.0}
    assert written.transcript is None


def test_words_are_marked_as_speech_with_language_and_the_video_s_time(processor: TextProcessor) -> None:
    transcript = _feature(processor, _cut("loud")).transcript
    assert transcript is not None
    assert (transcript.text, transcript.source, transcript.model) == (SAID.text, "speech", "whisper-base")
    assert (transcript.language, transcript.language_probability) == ("en", 0.97)
    assert [(w.text, w.start_s, w.end_s) for w in transcript.words] == [("Sea", 10.2, 10.5), ("shells", 10.5, 11.0)]


def test_a_transcript_travels(processor: TextProcessor) -> None:
    feature = _feature(processor, _cut("loud"))
    assert decode(encode(feature), (FeatureExtracted,)) == feature


def test_where_nobody_speaks_there_is_a_reason(processor: TextProcessor) -> None:
    feature = _feature(processor, _cut("quiet"))
    assert (feature.vector, feature.transcript, feature.absent_reason) == (None, None, "no speech")


@pytest.mark.parametrize(
    "event",
    [_cut(None), _cut("loud", text="written", text_source="manual"), _cut("loud", text_source="manual")],
    ids=["no sound", "subtitles here", "subtitles elsewhere in the video"],
)
def test_nobody_listens_where_there_are_subtitles_or_no_sound(processor: TextProcessor, event: SegmentCut) -> None:
    feature = _feature(processor, event)
    assert feature.transcript is None
    assert feature.absent_reason == ("no words" if not event.text else None)


def test_an_answer_with_ears_has_another_id_than_one_without(processor: TextProcessor, cache: Path) -> None:
    deaf = TextProcessor(text_encoder(cache))
    assert _feature(processor, _cut("quiet")).event_id != _feature(deaf, _cut("quiet")).event_id
    written = _cut("loud", text="written", text_source="manual")
    assert _feature(processor, written) == _feature(deaf, written)


def test_switched_off_nothing_is_loaded(tmp_path: Path) -> None:
    assert SpeechReader.build(SmallWorld(tmp_path, options=Options(speech="off"))) is None


def test_where_it_is_not_installed_one_line_says_how_to_change_that(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert SpeechReader.build(SmallWorld(tmp_path)) is None
    (line,) = caplog.messages
    assert "whisper-base" in line
    assert "\n" not in line


def test_without_the_extra_the_line_says_what_to_install(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    if find_spec("faster_whisper") is not None:
        pytest.skip("the extra asr is installed here; this is about machines without it")
    with caplog.at_level(logging.INFO):
        assert SpeechReader.build(SmallWorld(tmp_path, networks={"whisper-base": tmp_path})) is None
    assert "groundswell[asr]" in caplog.text


def test_a_pause_in_a_video_with_subtitles_says_that_there_are_some(tmp_path: Path) -> None:
    world = SmallWorld(tmp_path)
    world.media.put_file("film.mp4", write_video(tmp_path / "film.mp4", seconds=14))
    world.media.put("film.srt", b"1\n00:00:00,100 --> 00:00:01,900\nOur rocket is ready\n")
    track = SubtitleTrack(language="en", kind="uploaded", ref="film.srt")
    film = runs.fetched("url:film", media_ref="film.mp4", has_video=True, subtitles=(track,))
    (events,) = SegmentProcessor(world).transform([film])
    texts = [(e.text, e.text_source, e.text_language) for e in events if isinstance(e, SegmentCut)]
    assert texts == [("Our rocket is ready", "uploaded", "en"), ("", "uploaded", "en")]


def test_what_was_heard_is_embedded_anew_without_listening_again(processor: TextProcessor, cache: Path) -> None:
    standing = _feature(processor, _cut("loud"))
    gone = processor.remembering([msgspec.structs.replace(standing, model_version="older")])
    cut = _cut("loud")
    assert (processor.reads(cut), gone.reads(cut)) == ("loud.wav", None)
    assert encode(_feature(gone, cut)) == encode(standing)
    assert processor.is_own(standing, cut)
    deaf = TextProcessor(text_encoder(cache)).remembering([standing])
    assert encode(_feature(deaf, _cut("gone"))) == encode(standing), (
        "whatever was heard is kept where nobody can listen"
    )


def test_a_segment_that_nobody_listened_to_is_answered_anew_once_somebody_can(
    processor: TextProcessor, cache: Path
) -> None:
    cut, subtitled = _cut("loud"), _cut("loud", text="Sea shells.", text_source="manual")
    silent, written = (_feature(TextProcessor(text_encoder(cache)), event) for event in (cut, subtitled))
    assert not processor.is_own(silent, cut)
    assert processor.is_own(written, subtitled)
    again = processor.remembering([silent])
    assert again.reads(cut) == "loud.wav"
    assert _feature(again, cut).transcript is not None


def test_silence_that_was_heard_stays_silence_where_nobody_can_listen(processor: TextProcessor, cache: Path) -> None:
    standing = _feature(processor, _cut("quiet"))
    deaf = TextProcessor(text_encoder(cache)).remembering([standing])
    assert _feature(deaf, _cut("gone")).absent_reason == "no speech"
    assert processor.remembering([standing]).reads(_cut("quiet")) == "quiet.wav"
