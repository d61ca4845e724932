"""Every segment gets one answer about what is seen, and the demo video shows what is in it when it is."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from examples import CUT, VIDEO_ID
from frame_zips import zip_of
from networks import visual_encoder
from worlds import DictStore

from models.media.cut import CutOptions, cut
from models.vectors import from_vector
from models.visual import VisualEncoder
from processors.visual import NO_PICTURE, VisualProcessor
from schemas.codec import encode
from schemas.errors import UsageError
from schemas.event import Event
from schemas.features import FeatureExtracted, Label
from schemas.segments import SegmentCut
from streams.demo_video import STORY, make_demo_video, timed

NOISE = np.random.default_rng(8).integers(0, 256, (4, 72, 128, 3), np.uint8)


@pytest.fixture(scope="module")
def encoder(cache: Path) -> VisualEncoder:
    return visual_encoder(cache)


@pytest.fixture
def store(tmp_path: Path) -> DictStore:
    store = DictStore(tmp_path)
    store.put(str(CUT.frames_ref), zip_of({12_012 + 1000 * place: picture for place, picture in enumerate(NOISE)}))
    store.put("frames/one.zip", zip_of({500: NOISE[0]}))
    store.put("frames/none.zip", zip_of({}))
    return store


@pytest.fixture
def processor(encoder: VisualEncoder, store: DictStore) -> VisualProcessor:
    return VisualProcessor(encoder, store)


def _cut(**changes) -> SegmentCut:
    return msgspec.structs.replace(CUT, **changes)


def _answer(processor: VisualProcessor, event: Event) -> tuple[FeatureExtracted, list[Event]]:
    ((feature, *others),) = processor.transform([event])
    assert isinstance(feature, FeatureExtracted)
    return feature, others


def test_a_segment_gets_the_mean_of_its_frames_under_its_own_name(processor: VisualProcessor) -> None:
    feature, _ = _answer(processor, CUT)
    assert feature.record_key == f"{VIDEO_ID}/2/visual"
    assert (feature.model, feature.revision, feature.absent_reason) == ("efficientnet-lite0", CUT.revision, None)
    assert feature.vector is not None
    assert (feature.vector.dim, feature.vector.dtype) == (1280, "float32")
    assert 1 < np.linalg.norm(from_vector(feature.vector)) < 40
    names = {"brightness_share", "contrast_share", "saturation_share", "colourfulness_levels", "sharpness_levels"}
    assert feature.numbers.keys() == names | {"motion_levels", "cuts_per_minute"}


def test_one_frame_is_enough(processor: VisualProcessor) -> None:
    feature, _ = _answer(processor, _cut(frames_ref="frames/one.zip"))
    assert feature.vector is not None
    assert "motion_levels" not in feature.numbers


@pytest.mark.parametrize("frames_ref", [None, "frames/none.zip"])
def test_a_segment_without_a_picture_says_so(processor: VisualProcessor, frames_ref: str | None) -> None:
    feature, others = _answer(processor, _cut(frames_ref=frames_ref))
    assert (feature.vector, feature.labels, feature.numbers) == (None, (), {})
    assert feature.absent_reason == NO_PICTURE
    assert len(others) == 1


@pytest.fixture(scope="module")
def demo_features(encoder: VisualEncoder, tmp_path_factory) -> list[tuple[SegmentCut, FeatureExtracted]]:
    """What the stage says of every segment of the demo video, cut as the segment stage cuts it."""
    folder = tmp_path_factory.mktemp("demo")
    try:
        video = make_demo_video(folder)
    except UsageError as error:
        pytest.skip(str(error))
    done = cut(video.path, folder, CutOptions())
    store, cuts = DictStore(folder), []
    for index, piece in enumerate(done.segments):
        store.put_file(str(piece.frames), folder / str(piece.frames))
        changes = {"start_s": piece.start_s, "end_s": piece.end_s, "shot_starts_s": piece.shot_starts_s}
        cuts.append(_cut(index=index, count=len(done.segments), frames_ref=piece.frames, **changes))
    processor = VisualProcessor(encoder, store)
    answers = processor.transform(cuts)
    assert [encode(e) for one in cuts for e in processor.transform([one])[0]] == [encode(e) for a in answers for e in a]
    return [(one, answer[0]) for one, answer in zip(cuts, answers, strict=True)]


def _labels(features: list[tuple[SegmentCut, FeatureExtracted]], name: str) -> list[Label]:
    return [label for _, feature in features for label in feature.labels if label.name == name]


@pytest.mark.parametrize(("photo", "name", "least"), [("cat", "cat", 0.8), ("coffee", "cup", 0.7)])
def test_the_demo_shows_the_cat_and_the_cup_while_they_are_to_be_seen(
    demo_features: list[tuple[SegmentCut, FeatureExtracted]], photo: str, name: str, least: float
) -> None:
    ((start_s, shot),) = [(start_s, shot) for start_s, shot in timed(STORY) if shot.photo == photo]
    (label,) = _labels(demo_features, name)
    assert label.score >= least
    assert label.start_s is not None
    assert label.best_s is not None
    assert label.end_s is not None
    assert start_s <= label.start_s <= label.best_s <= label.end_s <= start_s + shot.duration_s + 0.5
    assert label.end_s - label.start_s > 0.7 * (shot.duration_s - 1)  # from its first sampled frame to its last


def test_the_demo_shows_the_rocket_at_the_beginning_and_at_the_end(
    demo_features: list[tuple[SegmentCut, FeatureExtracted]],
) -> None:
    first, last = _labels(demo_features, "rocket")
    assert first.best_s is not None
    assert last.best_s is not None
    assert first.best_s < 4 < 24 < last.best_s


def test_the_numbers_of_the_demo_can_be_believed(demo_features: list[tuple[SegmentCut, FeatureExtracted]]) -> None:
    dawn, *_, cat, coffee, _ = [feature.numbers for _, feature in demo_features]
    assert dawn["cuts_per_minute"] == 0
    assert cat["cuts_per_minute"] == pytest.approx(15, abs=0.5)
    assert dawn["brightness_share"] < 0.35 < cat["brightness_share"]
    assert cat["saturation_share"] < coffee["saturation_share"]
