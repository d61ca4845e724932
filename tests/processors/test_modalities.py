"""Every modality is read in one layout; whatever a video lacks is masked, named, and neither helps nor hurts it."""

from functools import cache
from itertools import combinations
from pathlib import Path

import fitted
import msgspec
import numpy as np
import pytest
import read_only
from first_format import Lesson, learn
from hypothesis import given, settings
from hypothesis import strategies as st
from whole_run import seen_and_heard, summary_of_everything

from models.feature_list import NUMBERS, SAID_ELSEWHERE, VECTOR_SIZES
from models.layout import METADATA, Block, full_layout, modality_of, named_numbers, topic_of, vectorise
from models.layout_choice import layout_for
from models.pooling import pool_one
from models.release import Release, load
from processors.predict import predict
from schemas.features import FeatureExtracted
from schemas.predictions import VideoScored
from schemas.summaries import Summarised

SIZES = dict.fromkeys(VECTOR_SIZES, 6)
MODALITIES = sorted({modality_of(block) for block in full_layout().blocks} - {METADATA})


def everything(number: int) -> Summarised:
    """A made-up video of which everything is known."""
    random = np.random.default_rng(number)
    pooled = {name: pool_one(random.normal(size=size) / 3) for name, size in SIZES.items()}
    numbers = {name.removeprefix("numbers/"): float(random.normal()) for name in NUMBERS}
    return fitted.summary(number, pooled=pooled, numbers=numbers | {"duration_s": 30.0 + number % 9})


def without(summary: Summarised, modalities: tuple[str, ...]) -> Summarised:
    """The same video, had these modalities found nothing in it."""
    lacks = {name for name in NUMBERS if modality_of(Block(name)) in modalities}
    return msgspec.structs.replace(
        summary,
        pooled={name: vector for name, vector in summary.pooled.items() if name not in modalities},
        numbers={name: value for name, value in summary.numbers.items() if f"numbers/{name}" not in lacks},
    )


@cache
def release() -> Release:
    """Taught on all modalities; half of the truth is in what is seen and heard."""
    summaries = [everything(number) for number in range(300)]
    layout = layout_for(summaries)
    table = vectorise(summaries, layout)
    truth = 50 + 10 * table.values @ np.random.default_rng(1).normal(size=layout.columns)
    groups = np.unique([s.metadata.channel for s in summaries], return_inverse=True)[1]
    taught = Lesson(table, layout, truth, groups, float(np.quantile(truth, 0.8)))
    learned = learn(taught)
    constant = learned.ridge.intercept
    manifest = fitted.release(layout=layout, limits=None, intercept=constant, constant=constant).manifest
    return Release(manifest, learned.ridge, learned.errors)


def say(*summaries: Summarised) -> list[VideoScored]:
    return predict(summaries, release())


def parts(scored: VideoScored) -> dict[str, float]:
    return {reason.feature: reason.contribution for reason in scored.reasons}


def topics(modalities: tuple[str, ...]) -> set[str]:
    """What only these modalities can be a reason for."""
    blocks = release().manifest.layout.blocks
    own = {topic_of(block).feature for block in blocks if modality_of(block) in modalities}
    return own - {topic_of(block).feature for block in blocks if modality_of(block) not in modalities}


# -- the layout is whole -------------------------------------------------------------------------------


def test_every_number_and_vector_that_the_real_stages_make_has_a_topic_in_words(cache: Path) -> None:
    features = [e for e in seen_and_heard(cache) if isinstance(e, FeatureExtracted)]
    assert {feature.modality for feature in features} >= {"text", "visual", "audio", "faces", "identity"}
    made = summary_of_everything(cache)
    for name in {*made.pooled, *named_numbers(made)}:
        assert len(topic_of(Block(name)).words.split()) >= 2, name


def test_the_full_layout_has_a_place_for_all_that_the_real_stages_make(cache: Path) -> None:
    made = summary_of_everything(cache)
    layout = full_layout([made.metadata.category])
    sizes = {block.name: block.size for block in layout.blocks}
    # Who somebody is is no feature of a video: a face's vector has no place.
    vectors = {name: pooled.dim for name, pooled in made.pooled.items() if name != "segments/faces"}
    assert {name: sizes[name] for name in vectors} == vectors
    assert named_numbers(made).keys() - sizes.keys() - SAID_ELSEWHERE.keys() == {"category/"}


def test_the_demo_video_fills_the_full_layout(cache: Path) -> None:
    made = summary_of_everything(cache)
    layout = full_layout([made.metadata.category])
    table = vectorise([made], layout)
    empty = {topic_of(b).feature for b, has in zip(layout.blocks, table.present[0], strict=True) if not has}
    assert empty == {"channel_before", "people_before"}, "nothing was published earlier"
    assert np.isfinite(table.values).all()


def test_what_is_said_elsewhere_is_said_elsewhere() -> None:
    names = {block.name for block in full_layout().blocks}
    assert set(SAID_ELSEWHERE.values()) <= names
    assert not SAID_ELSEWHERE.keys() & names


def test_training_reads_every_modality_in_the_order_of_the_full_layout() -> None:
    summaries = [everything(number) for number in range(30)]
    blocks = layout_for(summaries).blocks
    assert {modality_of(block) for block in blocks} == {METADATA, *MODALITIES}
    whole = full_layout(fitted.CATEGORIES, sizes=SIZES).blocks
    assert blocks == tuple(block for block in whole if block in blocks)


# -- what is missing is masked -------------------------------------------------------------------------

SUBSETS = [c for size in range(len(MODALITIES) + 1) for c in combinations(MODALITIES, size)]


@settings(max_examples=60)
@given(lacking=st.sampled_from(SUBSETS), number=st.integers(300, 330))
def test_whatever_is_missing_the_prediction_is_finite_adds_up_and_names_it(lacking, number) -> None:
    (scored,) = say(without(everything(number), lacking))
    assert np.isfinite([scored.value, scored.interval.low, scored.interval.high, scored.probability]).all()
    assert scored.constant + sum(parts(scored).values()) == scored.value
    assert scored.modalities_missing.keys() == set(lacking)
    assert set(scored.modalities_used) == {METADATA, *MODALITIES} - set(lacking)


@settings(max_examples=60)
@given(lacking=st.sampled_from(SUBSETS), number=st.integers(300, 330))
def test_what_is_missing_is_no_reason_and_changes_no_other(lacking, number) -> None:
    whole, partial = say(everything(number), without(everything(number), lacking))
    shared = {topic_of(b).feature for b in release().manifest.layout.blocks if modality_of(b) in lacking}
    assert not topics(lacking) & parts(partial).keys()
    for feature in parts(whole).keys() - shared:
        assert parts(partial)[feature] == parts(whole)[feature]


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_missing_modality_counts_as_the_mean_of_the_training_videos(modality: str) -> None:
    layout, ridge = release().manifest.layout, release().ridge
    table = vectorise([everything(300)], layout)
    mine = np.array([modality_of(block) == modality for block in layout.blocks])
    unknown = (mine | ~table.present[0])[layout.owners]
    values = np.where(unknown, ridge.mean, np.clip(table.values[0], ridge.low, ridge.high))
    (scored,) = say(without(everything(300), (modality,)))
    assert scored.value == pytest.approx(ridge.intercept + (values - ridge.mean) @ ridge.weights, abs=1e-5)
    assert scored.value != say(everything(300))[0].value


def test_the_summary_says_why_a_modality_is_missing() -> None:
    silent = without(everything(300), ("segments/audio",))
    (scored,) = say(msgspec.structs.replace(silent, missing={"segments/audio": "silence (7 of 7)"}))
    assert scored.modalities_missing == {"segments/audio": "silence (7 of 7)"}


def test_a_release_that_sees_says_when_it_saw_nothing_of_a_video() -> None:
    blind = without(everything(300), tuple(m for m in MODALITIES if not m.endswith("/text")))
    whole, read = say(everything(300), blind)
    assert not any("never saw" in caveat for caveat in whole.caveats + read.caveats)
    assert [c for c in read.caveats if c not in whole.caveats] == [
        "nothing of this video was seen or heard: only its words and metadata count here"
    ]


# -- the release that ships ----------------------------------------------------------------------------


def test_the_starter_says_the_same_of_videos_of_words_only_as_it_always_did() -> None:
    assert read_only.starter_predictions() == read_only.GOLDEN.read_bytes().splitlines()


def test_the_starter_takes_from_a_whole_video_what_it_knows(cache: Path) -> None:
    starter, made = load(read_only.STARTER), summary_of_everything(cache)
    only_read = msgspec.structs.replace(
        made, pooled={"video/text": made.pooled["video/text"]}, numbers={}, labels=(), words=""
    )
    whole, read = predict([made, only_read], starter)
    assert (whole.value, whole.reasons) == (read.value, read.reasons)
    assert whole.modalities_used == ("metadata", "video/text")
    assert any("never saw pictures" in caveat for caveat in whole.caveats)
