"""`groundswell show` says what is in a video and when, with a picture for each, whatever is missing."""

import io
import json
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from examples import CUT, DUPLICATED, EXTRACTED, FETCHED, REVISION, SCORED, SEGMENTED, VIDEO_ID
from frame_zips import zip_of
from rich.console import Console
from typer.testing import CliRunner
from worlds import DictStore

from schemas.errors import StorageUnavailable, UsageError
from schemas.event import Event
from schemas.features import FeatureExtracted, Label, Transcript
from schemas.segments import SegmentCut
from streams import settings as settings_module
from streams.commands.main import app
from streams.commands.show import page
from streams.kafka.admin import create_missing
from streams.kafka.bulk import BulkProducer
from streams.keyframes import Keyframes
from streams.settings import Settings
from streams.storage.media import media_store
from streams.topology import STAGES
from streams.video_record import NO_ANSWER, ShownVideo, Stretch, record_of, shown

GREY, RED = np.full((40, 60, 3), 90, np.uint8), np.full((40, 60, 3), (200, 0, 0), np.uint8)
FRAMES = {index: zip_of({4000 * index: GREY, 4000 * index + 1500: RED}) for index in range(3)}
MODALITIES = [stage.name for stage in STAGES if "features" in stage.writes]


def _cut(index: int, **changes) -> SegmentCut:
    given = {
        "event_id": f"cut {index}",
        "index": index,
        "count": 3,
        "start_s": 4.0 * index,
        "end_s": 4.0 * index + 4,
        "frames_ref": f"frames/{index}.zip",
        "text": f"words {index}",
    }
    return msgspec.structs.replace(CUT, **(given | changes))


def _feature(scope: int | str, modality: str, *labels: Label, **changes) -> FeatureExtracted:
    given = {"event_id": f"{modality} {scope}", "scope": str(scope), "modality": modality, "labels": labels}
    return msgspec.structs.replace(EXTRACTED, **(given | changes))


def _absent(scope: int | str, modality: str, reason: str) -> FeatureExtracted:
    return _feature(scope, modality, vector=None, numbers={}, absent_reason=reason)


CAT = Label(name="cat", score=0.9, start_s=4.0, end_s=8.0, best_s=5.4)
EVENTS: tuple[Event, ...] = (
    FETCHED,
    DUPLICATED,
    SEGMENTED,
    *(_cut(index) for index in range(3)),
    _feature(0, "visual", Label(name="cat", score=0.4, start_s=0.0, end_s=0.0)),
    _feature(1, "visual", CAT, Label(name="cup", score=0.3, start_s=5.5, end_s=5.5, best_s=5.5)),
    _feature(2, "visual", Label(name="cat", score=0.5, start_s=8.2, end_s=11.0)),
    *(_feature(index, "text", numbers={"words": 2.0}) for index in range(3)),
    _absent(0, "audio", "silence"),
    _feature(1, "audio", Label(name="Purr", score=0.8)),
    _absent("video", "text", "no title or description"),
)


@pytest.fixture
def store(tmp_path: Path) -> DictStore:
    store = DictStore(tmp_path / "store")
    for index, data in FRAMES.items():
        store.put(f"frames/{index}.zip", data)
    return store


@pytest.fixture
def keyframes(store: DictStore, tmp_path: Path) -> Keyframes:
    return Keyframes(store, tmp_path / "keyframes")


@pytest.fixture
def video(keyframes: Keyframes) -> ShownVideo:
    return shown(record_of(EVENTS, VIDEO_ID), keyframes)


def _is_red(path: str | None) -> bool:
    assert path is not None
    blue, _, red = cv2.imread(path)[20, 30]
    return bool(red > 150 > blue)


def test_labels_come_surest_first_with_all_their_times(video: ShownVideo) -> None:
    assert [(label.name, label.modality, label.score) for label in video.labels] == [
        ("cat", "visual", 0.9),
        ("Purr", "audio", 0.8),
        ("cup", "visual", 0.3),
    ]
    cat, purr, cup = video.labels
    assert cat.times == (Stretch(start_s=0.0, end_s=0.0), Stretch(start_s=4.0, end_s=11.0))
    assert purr.times == (Stretch(start_s=4.0, end_s=8.0),)
    assert cup.times == (Stretch(start_s=5.5, end_s=5.5),)


def test_every_label_has_the_picture_of_its_best_moment(video: ShownVideo, tmp_path: Path) -> None:
    cat, purr, cup = (label.keyframe for label in video.labels)
    assert cat == cup == str(tmp_path / "keyframes" / VIDEO_ID.replace(":", "-") / REVISION / "000005500.jpg")
    assert _is_red(cat)
    assert not _is_red(purr)


def test_every_segment_has_an_answer_of_every_modality(video: ShownVideo) -> None:
    assert [segment.index for segment in video.segments] == [0, 1, 2]
    for segment in video.segments:
        assert list(segment.answers)[: len(MODALITIES)] == MODALITIES
        assert segment.words == f"words {segment.index}"
    reasons = [segment.answers["audio"].absent_reason for segment in video.segments]
    assert reasons == ["silence", None, NO_ANSWER]
    assert video.whole["text"].absent_reason == "no title or description"


def test_a_modality_nobody_planned_is_shown_all_the_same(keyframes: Keyframes) -> None:
    video = shown(record_of([*EVENTS, _feature(1, "smell", Label(name="fish", score=0.99))], VIDEO_ID), keyframes)
    assert video.labels[0].name == "fish"
    assert [segment.answers["smell"].absent_reason for segment in video.segments] == [NO_ANSWER, None, NO_ANSWER]


def test_people_are_called_by_their_names_where_they_have_one(keyframes: Keyframes) -> None:
    seen = [Label(name="person:1", score=0.8), Label(name="person:2", score=0.4)]
    names = {"person:1": "Ada [b]Lovelace", "person:3": "somebody who is not in it"}
    video = shown(record_of([*EVENTS, _feature(1, "identity", *seen)], VIDEO_ID), keyframes, names)
    assert video.people == {"person:1": "Ada [b]Lovelace"}
    printed = _printed(video)
    assert "identity  Ada [b]Lovelace" in printed
    assert "Ada [b]Lovelace 0.80, person:2 0.40" in printed
    assert "person:1" not in printed


def test_words_that_a_model_heard_stand_in_for_subtitles(keyframes: Keyframes) -> None:
    heard = {"text": "so they say", "source": "speech", "language": "en", "language_probability": 0.9}
    transcript = Transcript(model="test", model_version="1", **heard)
    events = [*EVENTS, _cut(1, text="", text_source=""), _feature(1, "text", transcript=transcript)]
    segment = shown(record_of(events, VIDEO_ID), keyframes).segments[1]
    assert (segment.words, segment.words_source) == ("so they say", "speech")


def test_what_is_about_an_older_content_is_left_out(keyframes: Keyframes) -> None:
    older = "0" * 16
    events = [*EVENTS, _cut(7, revision=older), _feature(0, "visual", CAT, revision=older)]
    assert shown(record_of(events, VIDEO_ID), keyframes) == shown(record_of(EVENTS, VIDEO_ID), keyframes)


def test_pictures_that_were_cleaned_up_leave_the_labels(store: DictStore, keyframes: Keyframes) -> None:
    store.files.clear()
    video = shown(record_of(EVENTS, VIDEO_ID), keyframes)
    assert [label.keyframe for label in video.labels] == [None, None, None]


@pytest.mark.parametrize("frames", [b"no zip", zip_of({})])
def test_damaged_or_no_pictures_leave_the_labels(store: DictStore, keyframes: Keyframes, frames: bytes) -> None:
    store.put("frames/1.zip", frames)
    video = shown(record_of(EVENTS, VIDEO_ID), keyframes)
    assert [label.keyframe for label in video.labels] == [None, None, None]


def test_a_folder_that_cannot_be_written_is_said(store: DictStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailable, match="cannot write the keyframe"):
        shown(record_of(EVENTS, VIDEO_ID), Keyframes(store, tmp_path / "file"))


def test_a_video_that_nobody_fetched_is_an_error() -> None:
    with pytest.raises(UsageError, match="nothing was fetched as 'youtube:other'"):
        record_of(EVENTS, "youtube:other")


def _printed(video: ShownVideo) -> str:
    console = Console(width=300, file=io.StringIO())
    for part in page(video):
        console.print(part)
    return console.file.getvalue()


def test_the_page_names_labels_times_pictures_words_and_what_is_missing(video: ShownVideo) -> None:
    text = _printed(video)
    line = next(line for line in text.splitlines() if " cat " in line)
    assert "0.90" in line
    assert "0.0, 4.0-11.0 s" in line
    assert "000005500.jpg" in line
    assert "1 of 3 segments; no answer yet (1 of 3); silence (1 of 3)" in text
    assert "“words 2”" in text


def test_a_title_cannot_play_tricks_on_the_terminal(keyframes: Keyframes) -> None:
    metadata = msgspec.structs.replace(FETCHED.metadata, title="a\x1b[31mb")
    events = [*EVENTS[1:], msgspec.structs.replace(FETCHED, metadata=metadata)]
    assert "\x1b" not in _printed(shown(record_of(events, VIDEO_ID), keyframes))


def test_a_video_before_its_segments_can_be_shown(keyframes: Keyframes) -> None:
    assert "nothing recognised" in _printed(shown(record_of([FETCHED], VIDEO_ID), keyframes))


@pytest.mark.broker
def test_the_command_reads_it_all_from_kafka(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    own = f"{VIDEO_ID}2"  # begins like the other's, and must not be mixed up with it
    create_missing(settings, str(settings.kafka))
    store = media_store(settings.media_location, cache=settings.home)
    for index, data in FRAMES.items():
        store.put(f"frames/{index}.zip", data)
    old = msgspec.structs.replace(_feature(1, "visual", Label(name="dog", score=1.0)), video_id=own)
    with BulkProducer(settings, str(settings.kafka)) as producer:
        for event in (old, *(msgspec.structs.replace(e, video_id=own) for e in EVENTS), *EVENTS[:1]):
            producer.send(event)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    settings_module.load.cache_clear()
    answer = CliRunner().invoke(app, ["show", own, "--json"])
    missing = CliRunner().invoke(app, ["show", "youtube:nobody"])
    settings_module.load.cache_clear()
    assert answer.exit_code == 0, answer.output
    video = json.loads(answer.stdout)
    assert (video["video_id"], len(video["segments"])) == (own, 3)
    assert [label["name"] for label in video["labels"]] == ["cat", "Purr", "cup"]
    assert Path(video["labels"][0]["keyframe"]).is_relative_to(settings.home / "keyframes")
    assert isinstance(missing.exception, UsageError)


def test_what_is_predicted_and_might_be_changed_comes_last(keyframes: Keyframes) -> None:
    words = "of 156 similar videos from 109 channels, those with 20 or more tags did 21 % better than expected"
    luck = "suggestions may be luck"
    told = msgspec.structs.replace(SCORED, suggestions=(words,), caveats=("something else", luck))
    printed = _printed(shown(record_of([*EVENTS, told], VIDEO_ID), keyframes)).splitlines()
    assert f"virality  {SCORED.value:.1f} {SCORED.unit}" in printed[-5]
    assert [line.strip() for line in printed[-4:-1]] == ["what might be changed:", words, f"note: {luck}"]
    assert "groundswell watch" in printed[-1]
    assert "virality" not in _printed(shown(record_of(EVENTS, VIDEO_ID), keyframes))


def test_a_row_of_a_table_is_said_to_be_one(keyframes: Keyframes) -> None:
    row = msgspec.structs.replace(FETCHED, media_ref=None, duration_s=0.0)
    printed = _printed(shown(record_of([row], VIDEO_ID), keyframes))
    assert "known by a row of a table" in printed
    assert "0.0 s" not in printed
    assert "nothing recognised" not in printed
