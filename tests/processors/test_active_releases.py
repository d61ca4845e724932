from itertools import permutations

import fitted
import msgspec
import numpy as np
import pytest
from first_format import Lesson, learn
from hypothesis import given
from hypothesis import strategies as st

from models.layout import vectorise
from models.layout_choice import layout_for
from models.pooling import pool_one
from models.release import Release, save
from processors.active_releases import Roster
from processors.score import ScoreProcessor
from schemas.codec import encode
from schemas.errors import ReleaseInvalid
from schemas.event import Event
from schemas.predictions import VideoScored
from schemas.progress import StageProgressed
from schemas.promotions import RoleGiven, ShadowScored
from schemas.releases import ReleasePublished
from streams.storage.releases import event_of
from streams.topology import topic_of

VIDEOS = [fitted.summary(number) for number in range(4)]
IDS = ("r1", "r2", "r3")


def published(release_id: str, at_s: float, target: str = "virality") -> ReleasePublished:
    return ReleasePublished(
        event_id=release_id, target=target, release_id=release_id, kind="regression", files=(), trained_at_s=at_s,
        rows=1, metrics={}, beats_constant=True,
    )  # fmt: skip


def role(release_id: str, given: str, at_s: float) -> RoleGiven:
    return RoleGiven(
        event_id=f"{release_id}{given}{at_s}", target="virality", release_id=release_id, role=given, given_at_s=at_s
    )


ALL = [published(name, float(number)) for number, name in enumerate(IDS, 1)]


def serving(*said: Event) -> str | None:
    found = Roster.of([*ALL, *said]).serving("virality")
    return found.release_id if found else None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], "r3"),
        ([role("r1", "promoted", 10.0)], "r1"),
        ([role("r1", "promoted", 10.0), role("r2", "promoted", 11.0)], "r2"),
        ([role("r1", "promoted", 10.0), role("r2", "promoted", 11.0), role("r2", "retired", 12.0)], "r1"),
        ([role("r3", "retired", 10.0)], "r2"),
        ([role("r3", "shadow", 10.0)], "r2"),
        ([role("r3", "shadow", 10.0), role("r3", "promoted", 11.0)], "r3"),
        ([role(name, "retired", 10.0) for name in IDS], None),
    ],
)
def test_the_release_that_was_promoted_last_and_not_retired_serves(said: list[Event], expected: str | None) -> None:
    assert serving(*said) == expected


def test_a_release_that_is_trained_later_serves_although_another_one_was_promoted_before() -> None:
    assert serving(role("r1", "promoted", 10.0), published("r4", 11.0)) == "r4"


@given(
    st.lists(
        st.builds(role, st.sampled_from(IDS), st.sampled_from(["promoted", "shadow", "retired"]), st.floats(0, 99)),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_hearing_and_hearing_twice_change_nothing(said: list[Event], random) -> None:
    events = [*ALL, *said]
    again = [*events, *random.choices(events, k=3)]
    random.shuffle(again)
    one, other = Roster.of(events), Roster.of(again)
    assert one.active("virality") == other.active("virality")
    assert one.targets == other.targets == ("virality",)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("shelf")
    constants = {"r1": 50.0, "r2": 40.0, "r3": 30.0}
    return {
        name: fitted.release_folder(
            folder / name, name, trained_at_s=float(number), constant=constants[name], intercept=constants[name]
        )
        for number, name in enumerate(IDS, 1)
    }


def scorer(folders, *events: Event) -> ScoreProcessor:
    made = ScoreProcessor(lambda target, release_id: folders[release_id])
    for event in events:
        made.hear(event)
    return made


def test_a_scorer_switches_when_it_hears_of_a_promotion_and_says_which_release_it_used(folders) -> None:
    stage = scorer(folders, *[event_of(folders[name]) for name in IDS])
    used = [_live(stage)[0].release_id]
    for said in (role("r1", "promoted", 10.0), role("r1", "retired", 11.0), role("r3", "retired", 12.0)):
        stage.hear(said)
        used.append(_live(stage)[0].release_id)
    assert used == ["r3", "r1", "r3", "r2"]


def test_when_all_are_retired_nothing_is_predicted_and_progress_says_what_to_do(folders) -> None:
    stage = scorer(folders, event_of(folders["r1"]), role("r1", "retired", 9.0))
    (answer,) = stage.transform(VIDEOS[:1])[0]
    assert isinstance(answer, StageProgressed)
    assert (answer.state, stage.targets) == ("waiting", ())
    assert "releases list" in answer.message


def test_a_candidate_never_serves_when_its_role_is_heard_first(folders) -> None:
    stage = scorer(folders, event_of(folders["r1"]), role("r2", "shadow", 5.0), event_of(folders["r2"]))
    assert {p.release_id for p in _live(stage)} == {"r1"}
    assert {s.prediction.release_id for s in _shadows(stage)} == {"r2"}


def test_a_shadow_lies_on_a_topic_of_its_own_and_is_never_among_the_predictions(folders) -> None:
    events = [*map(event_of, folders.values()), role("r2", "shadow", 5.0), role("r3", "shadow", 5.0)]
    answers = [answer for one in scorer(folders, *events).transform(VIDEOS) for answer in one]
    by_topic: dict[str, set[str]] = {"predictions": set(), "shadows": set(), "progress": set()}
    for answer in answers:
        by_topic[topic_of(answer).name].add(answer.record_key)
    assert by_topic["predictions"] == {f"{video.video_id}/virality" for video in VIDEOS}
    assert by_topic["shadows"] == {f"{v.video_id}/virality/{r}" for v in VIDEOS for r in ("r2", "r3")}
    assert not any(isinstance(answer, VideoScored) and answer.release_id != "r1" for answer in answers)


def test_a_shadow_says_byte_for_byte_what_it_says_when_it_is_promoted(folders) -> None:
    both = [event_of(folders["r1"]), event_of(folders["r2"])]
    before = _shadows(scorer(folders, *both, role("r2", "shadow", 5.0)))
    after = _live(scorer(folders, *both, role("r2", "shadow", 5.0), role("r2", "promoted", 6.0)))
    assert [encode(one.prediction) for one in before] == [encode(one) for one in after]


def test_the_live_prediction_is_the_same_bytes_with_and_without_shadows(folders) -> None:
    live = event_of(folders["r1"])
    beside = scorer(folders, live, event_of(folders["r2"]), role("r2", "shadow", 5.0))
    assert list(map(encode, _live(beside))) == list(map(encode, _live(scorer(folders, live))))


def test_a_shadow_that_cannot_read_a_summary_does_not_keep_the_live_prediction_back(folders, tmp_path) -> None:
    bare = [fitted.summary(number, pooled={}) for number in range(120)]
    layout = layout_for(bare)
    truth, groups = np.arange(120.0), np.arange(120) % 40
    fit = learn(Lesson(vectorise(bare, layout), layout, truth, groups, 96.0))
    manifest = fitted.release("words", trained_at_s=9.0, layout=layout).manifest
    save(Release(manifest, fit.ridge, fit.errors), tmp_path / "words")
    stage = scorer(
        {**folders, "words": tmp_path / "words"},
        *[event_of(tmp_path / "words"), event_of(folders["r1"]), role("r1", "shadow", 9.0)],
    )
    odd = fitted.summary(200, pooled={"video/text": pool_one(np.ones(5))})
    answers = stage.transform([odd, VIDEOS[0]])
    assert [[type(a) for a in one if not isinstance(a, StageProgressed)] for one in answers] == [
        [VideoScored],
        [VideoScored, ShadowScored],
    ]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_release_whose_files_are_broken_leaves_the_one_before_it_serving(folders, tmp_path, order) -> None:
    broken = msgspec.structs.replace(event_of(folders["r3"]), event_id="broken", release_id="r8", trained_at_s=8.0)
    events = [event_of(folders["r1"]), broken, event_of(folders["r2"])]
    stage = ScoreProcessor(lambda target, release_id: folders["r3" if release_id == "r8" else release_id])
    errors = 0
    for number in order:
        try:
            stage.hear(events[number])
        except ReleaseInvalid:
            errors += 1
    assert errors == 1
    assert _live(stage)[0].release_id == "r2"


def _live(stage: ScoreProcessor) -> list[VideoScored]:
    return [a for answers in stage.transform(VIDEOS) for a in answers if isinstance(a, VideoScored)]


def _shadows(stage: ScoreProcessor) -> list[ShadowScored]:
    return [a for answers in stage.transform(VIDEOS) for a in answers if isinstance(a, ShadowScored)]
