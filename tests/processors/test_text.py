"""Every segment and every video gets one answer about its words, the same in any batch."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from examples import CUT, DUPLICATED, EXTRACTED, FETCHED, LINK, SEGMENTED, VIDEO_ID
from networks import text_encoder

from models.own_words import own_words
from models.vectors import from_vector
from processors.text import TextProcessor
from schemas.codec import encode
from schemas.errors import Unreadable
from schemas.event import Event
from schemas.features import FAILED, FeatureExtracted
from schemas.media import MediaFetched, Metadata
from schemas.progress import StageProgressed
from schemas.segments import SegmentCut


@pytest.fixture(scope="module")
def processor(cache: Path) -> TextProcessor:
    return TextProcessor(text_encoder(cache))


def _cut(**changes) -> SegmentCut:
    return msgspec.structs.replace(CUT, **changes)


def _fetched(title: str, description: str = "", **changes) -> MediaFetched:
    return msgspec.structs.replace(FETCHED, metadata=Metadata(title=title, description=description), **changes)


def _answer(processor: TextProcessor, event: Event) -> tuple[FeatureExtracted, list[Event]]:
    ((feature, *others),) = processor.transform([event])
    assert isinstance(feature, FeatureExtracted)
    return feature, others


def test_a_segment_gets_a_unit_vector_under_its_own_name(processor: TextProcessor) -> None:
    feature, _ = _answer(processor, CUT)
    assert feature.record_key == f"{VIDEO_ID}/2/text"
    assert (feature.model, feature.revision) == ("all-minilm-l6-v2", CUT.revision)
    assert feature.absent_reason is None
    assert feature.vector is not None
    assert (feature.vector.dim, feature.vector.dtype) == (384, "float32")
    assert np.linalg.norm(from_vector(feature.vector)) == pytest.approx(1, abs=1e-6)


def test_words_are_counted_and_timed(processor: TextProcessor) -> None:
    feature, _ = _answer(processor, _cut(text="ten words in five seconds is one every half second", start_s=3, end_s=8))
    assert feature.numbers == {"words": 10.0, "words_per_minute": 120.0}


@pytest.mark.parametrize(
    "changes",
    [
        {"end_s": CUT.start_s},
        {"end_s": CUT.start_s - 1},
        {"end_s": CUT.start_s + 0.1},
        {"text": "so many words " * 999},
    ],
    ids=["no time", "backwards", "a moment", "a page"],
)
def test_a_rate_that_nobody_spoke_is_left_out(processor: TextProcessor, changes: dict) -> None:
    feature, _ = _answer(processor, _cut(**changes))
    assert feature.numbers.keys() == {"words"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "no words"), (" \n\t", "no words"), ("♪ ♪", "no words, only signs"), ("...?!", "no words, only signs")],
)
def test_a_silent_segment_says_why_it_has_no_vector(processor: TextProcessor, text: str, reason: str) -> None:
    feature, others = _answer(processor, _cut(text=text))
    assert feature.vector is None
    assert feature.absent_reason == reason
    assert feature.numbers == {}
    assert len(others) == 1


@pytest.mark.parametrize("text", ["雨の歌", "дождь", "42", "naïve", "x"])
def test_words_of_any_script_count_as_words(processor: TextProcessor, text: str) -> None:
    assert _answer(processor, _cut(text=text))[0].vector is not None


@pytest.mark.parametrize(("index", "state"), [(0, "running"), (3, "running"), (4, "done")])
def test_a_segment_moves_the_progress_on(processor: TextProcessor, index: int, state: str) -> None:
    _, (progress,) = _answer(processor, _cut(index=index))
    assert isinstance(progress, StageProgressed)
    assert (progress.stage, progress.state, progress.done, progress.total) == ("text", state, index + 1, 5)


def test_a_video_without_segments_is_done_at_once(processor: TextProcessor) -> None:
    ((progress,),) = processor.transform([msgspec.structs.replace(SEGMENTED, count=0)])
    assert isinstance(progress, StageProgressed)
    assert (progress.state, progress.done, progress.total) == ("done", 0, 0)


def test_a_video_is_embedded_by_what_it_says_about_itself(processor: TextProcessor) -> None:
    feature, others = _answer(processor, _fetched("Moon rocket", "rolls out"))
    same, _ = _answer(processor, _cut(text="Moon rocket\nrolls out"))
    assert feature.record_key == f"{VIDEO_ID}/video/text"
    assert feature.vector == same.vector
    assert feature.numbers == {"words": 4.0}
    assert others == []


@pytest.mark.parametrize(
    ("title", "description", "reason"),
    [
        ("", "", "no title or description"),
        ("  ", "\n", "no title or description"),
        ("🚀", "!", "no words in title or description"),
    ],
)
def test_a_video_without_words_says_so(processor: TextProcessor, title: str, description: str, reason: str) -> None:
    feature, _ = _answer(processor, _fetched(title, description))
    assert (feature.vector, feature.absent_reason, feature.numbers) == (None, reason, {})


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        (Metadata(title="Tea"), "Tea"),
        (Metadata(description="for two"), "for two"),
        (Metadata(title=" Tea\n", description=" for two "), "Tea\nfor two"),
        (Metadata(title="Tea", tags=("cup", "pot"), description="for two"), "Tea\ncup, pot\nfor two"),
        (Metadata(), ""),
    ],
)
def test_title_tags_and_description_are_joined_without_empty_lines(metadata: Metadata, text: str) -> None:
    assert own_words(metadata) == text


@pytest.mark.parametrize(
    "event",
    [DUPLICATED, SEGMENTED, _fetched("A copy", duplicate_of="youtube:AAAAAAAAAAA")],
    ids=["copied", "count", "copy"],
)
def test_what_brings_no_words_has_no_answer(processor: TextProcessor, event: Event) -> None:
    assert processor.transform([event]) == [[]]
    assert processor.give_up(event, "a broken network") == []


def _events() -> list[Event]:
    texts = ["one", "", "a few more words than that", "the quick brown fox " * 90, "one", "♪", CUT.text]
    cuts = [_cut(index=i, text=text, event_id=f"{i:036d}") for i, text in enumerate(texts)]
    return [*cuts, FETCHED, DUPLICATED, SEGMENTED, _fetched("")]


def _bytes(answers: list[list[Event]]) -> list[list[bytes]]:
    return [[encode(event) for event in events] for events in answers]


def test_any_split_of_a_batch_gives_the_same_bytes(processor: TextProcessor) -> None:
    events = _events()
    whole = _bytes(processor.transform(events))
    for size in (1, 2, 3, 5):
        parts = [events[start : start + size] for start in range(0, len(events), size)]
        assert [answer for part in parts for answer in _bytes(processor.transform(part))] == whole
    assert _bytes(processor.transform(events[::-1]))[::-1] == whole


def test_an_empty_batch_is_fine(processor: TextProcessor) -> None:
    assert processor.transform([]) == []


def test_all_event_ids_of_a_batch_differ(processor: TextProcessor) -> None:
    events = [event for event in _events() if event.event_id != FETCHED.event_id]
    ids = [answer.event_id for answers in processor.transform(events) for answer in answers]
    ids += [answer.event_id for event in events for answer in processor.give_up(event, "broken")]
    assert len(set(ids)) == len(ids) > 20


@pytest.mark.parametrize(("event", "scope"), [(CUT, "2"), (FETCHED, "video")])
def test_a_dead_letter_leaves_an_answer_so_that_the_video_completes(
    processor: TextProcessor, event: Event, scope: str
) -> None:
    (feature,) = processor.give_up(event, "the network broke")
    assert isinstance(feature, FeatureExtracted)
    assert (feature.scope, feature.modality, feature.vector) == (scope, "text", None)
    assert feature.absent_reason == f"{FAILED}: the network broke"
    assert feature.record_key == processor.transform([event])[0][0].record_key


@pytest.mark.parametrize("event", [LINK, EXTRACTED])
def test_an_event_of_another_topic_is_unreadable(processor: TextProcessor, event: Event) -> None:
    with pytest.raises(Unreadable, match=f"{type(event).__name__} came"):
        processor.transform([CUT, event])
