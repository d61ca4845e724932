"""What every stage that answers segments one by one does alike: progress, giving up, refusing."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from examples import CUT, FETCHED, LINK, SEGMENTED, VIDEO_ID
from networks import audio_encoder, face_sight, visual_encoder
from worlds import DictStore

from processors.audio import AudioProcessor
from processors.faces import FacesProcessor
from processors.per_segment import PerSegment
from processors.visual import VisualProcessor
from schemas.errors import MediaUnreadable, StorageUnavailable, Unreadable
from schemas.event import Event
from schemas.faces import FacesCounted
from schemas.features import FAILED, FeatureExtracted
from schemas.progress import StageProgressed
from schemas.segments import SegmentCut

MAKE: dict[str, Callable[[Path, DictStore], PerSegment]] = {
    "audio": lambda cache, store: AudioProcessor(audio_encoder(cache), store),
    "faces": lambda cache, store: FacesProcessor(face_sight(cache), store),
    "visual": lambda cache, store: VisualProcessor(visual_encoder(cache), store),
}


@pytest.fixture(scope="module", params=sorted(MAKE))
def processor(request: pytest.FixtureRequest, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> PerSegment:
    store = DictStore(tmp_path_factory.mktemp("store"))
    store.put("damaged", b"neither a zip nor a WAV")
    return MAKE[request.param](cache, store)


def _cut(media_ref: str | None = None, **changes: object) -> SegmentCut:
    return msgspec.structs.replace(CUT, frames_ref=media_ref, audio_ref=media_ref, **changes)


@pytest.mark.parametrize(("index", "state"), [(0, "running"), (3, "running"), (4, "done")])
def test_a_segment_moves_the_progress_on(processor: PerSegment, index: int, state: str) -> None:
    *_, progress = processor.transform([_cut(index=index)])[0]
    assert isinstance(progress, StageProgressed)
    assert (progress.stage, progress.state) == (processor.author.stage, state)
    assert (progress.done, progress.total) == (index + 1, 5)


def test_the_count_of_segments_has_an_answer_only_where_there_are_none(processor: PerSegment) -> None:
    ((progress,), nothing) = processor.transform([msgspec.structs.replace(SEGMENTED, count=0), SEGMENTED])
    assert isinstance(progress, StageProgressed)
    assert (progress.state, progress.done, progress.total) == ("done", 0, 0)
    assert nothing == []


def test_damaged_media_is_refused_for_good(processor: PerSegment) -> None:
    with pytest.raises(MediaUnreadable) as refused:
        processor.transform([_cut("damaged")])
    assert not refused.value.retryable


def test_media_that_is_not_there_may_come_later(processor: PerSegment) -> None:
    with pytest.raises(StorageUnavailable) as gone:
        processor.transform([_cut("gone")])
    assert gone.value.retryable


@pytest.mark.parametrize("event", [LINK, FETCHED])
def test_an_event_of_another_topic_is_unreadable(processor: PerSegment, event: Event) -> None:
    with pytest.raises(Unreadable, match=f"{processor.author.stage} stage .* {type(event).__name__} came"):
        processor.transform([event])


def test_a_dead_letter_leaves_answers_under_the_keys_of_the_real_ones(processor: PerSegment) -> None:
    given_up = processor.give_up(_cut("damaged"), "the network broke")
    *real, _ = processor.transform([_cut()])[0]
    assert isinstance(given_up[-1], FeatureExtracted)
    assert given_up[-1].record_key == f"{VIDEO_ID}/2/{processor.author.stage}"
    assert [event.record_key for event in given_up] == [event.record_key for event in real]
    answers = [event for event in given_up if isinstance(event, FeatureExtracted | FacesCounted)]
    assert {event.absent_reason for event in answers} == {f"{FAILED}: the network broke"}
    assert processor.give_up(SEGMENTED, "the network broke") == []


def test_all_event_ids_differ(processor: PerSegment) -> None:
    cuts = [_cut(index=n, event_id=f"{n:036d}") for n in range(5)]
    answers = [answer for each in processor.transform(cuts) for answer in each]
    answers += [answer for cut in cuts for answer in processor.give_up(cut, "broken")]
    assert len({answer.event_id for answer in answers}) == len(answers) >= 15
