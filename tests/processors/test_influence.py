"""How earlier videos of a channel, or with a person, did: told to each video, and nothing from its future."""

import random
from collections.abc import Iterable, Sequence

import msgspec
import pytest
import runs
from hypothesis import given
from hypothesis import strategies as st

from models.influence import together
from models.layout import Block, Layout, vectorise
from processors.assemble import AssembleProcessor
from processors.assemble_people import channel_of
from processors.folding import FoldInMemory
from processors.influence import InfluenceFold
from processors.ports import Options
from schemas.codec import encode
from schemas.errors import Unreadable
from schemas.event import WHOLE_VIDEO, Event
from schemas.features import FeatureExtracted, Label
from schemas.influence import AppearanceRecorded, InfluenceComputed
from schemas.media import Metadata
from schemas.outcomes import OutcomeObserved
from schemas.summaries import PersonSeen, Summarised
from streams.rescoring import assemble_again
from streams.topology import topic_of

ADA, EVE = "person:00000000000000aa", "person:00000000000000ee"
CHANNEL = "channel:00000000000000cc"
PUBLISHED_S = {"url:a": 100.0, "url:b": 200.0, "url:c": 300.0}
CAST = {"url:a": {ADA: 0.5}, "url:b": {ADA: 0.25, EVE: 0.75}, "url:c": {EVE: 1.0, ADA: 0.5}}


def outcome(video_id: str, at_s: float, views: int, likes: int = 0) -> OutcomeObserved:
    return OutcomeObserved(
        event_id=f"o{video_id}{at_s}", video_id=video_id, observed_at_s=at_s, age_h=int(at_s), views=views, likes=likes
    )


OUTCOMES = (
    outcome("url:a", 150, 99, 10),
    outcome("url:a", 250, 999, 100),
    outcome("url:b", 290, 99),
    outcome("url:c", 400, 10**7),
)


def people_of(video_id: str, cast: dict[str, float]) -> FeatureExtracted:
    answer = runs.feature(video_id, "video", modality="identity")
    labels = tuple(Label(name=name, score=share) for name, share in cast.items())
    return msgspec.structs.replace(
        answer, event_id=runs.event_id(video_id, *cast), labels=labels, numbers={"people": float(len(cast))}
    )


def video(video_id: str, channel: str = "tests") -> list[Event]:
    """Everything `assemble` hears of one video, but its outcomes."""
    metadata = Metadata(title="A title", channel=channel, uploaded_at_s=PUBLISHED_S[video_id])
    fetched = runs.fetched(video_id, metadata=metadata)
    rest = [event for event in runs.run_of(video_id, 1) if type(event) is not type(fetched)]
    return [fetched, *rest, people_of(video_id, CAST[video_id])]


ALL = [event for video_id in CAST for event in video(video_id)]


class Both:
    """Assemble and influence together, as the topics between them do it."""

    def __init__(self) -> None:
        self.assemble = FoldInMemory(AssembleProcessor(Options()))
        self.influence = FoldInMemory(InfluenceFold())
        self.log: list[Event] = []

    def feed(self, events: Iterable[Event]) -> "Both":
        waiting = list(events)
        while waiting:
            event = waiting.pop(0)
            self.log.append(event)
            made = [*self.assemble.feed([event]), *self.influence.feed([event])]
            self.log += [e for e in made if not isinstance(e, AppearanceRecorded | InfluenceComputed)]
            waiting += [e for e in made if isinstance(e, AppearanceRecorded | InfluenceComputed)]
        return self

    def summary(self, video_id: str) -> Summarised:
        return [e for e in self.log if isinstance(e, Summarised) and (e.video_id, e.scope) == (video_id, WHOLE_VIDEO)][
            -1
        ]

    def known(self, video_id: str) -> dict[str, float]:
        numbers = self.summary(video_id).numbers
        place = "video/influence/"
        return {name.removeprefix(place): value for name, value in numbers.items() if name.startswith(place)}


def appeared(video_id: str, *outcomes: OutcomeObserved, **changes: object) -> AppearanceRecorded:
    given = {
        "event_id": "a",
        "video_id": video_id,
        "revision": runs.revision("one"),
        "creator": CHANNEL,
        "share": 1.0,
        "published_at_s": PUBLISHED_S[video_id],
        "outcomes": outcomes,
    }
    return AppearanceRecorded(**given | changes)


def said(events: Iterable[Event]) -> dict[str, dict[str, float]]:
    return {
        e.video_id: e.numbers for e in FoldInMemory(InfluenceFold()).feed(events) if isinstance(e, InfluenceComputed)
    }


# -- the arithmetic of one creator ---------------------------------------------------------------------


def test_a_video_hears_how_the_ones_before_it_did_and_the_first_hears_nothing() -> None:
    told = said([appeared("url:a", *OUTCOMES[:2]), appeared("url:b", OUTCOMES[2]), appeared("url:c", OUTCOMES[3])])
    assert told.keys() == {"url:b", "url:c"}
    assert told["url:b"] == {"videos": 1.0, "views_log": pytest.approx(4.60517), "engagement": pytest.approx(10 / 99, abs=1e-6)}  # fmt: skip
    assert told["url:c"]["videos"] == 2.0
    assert told["url:c"]["views_log"] == pytest.approx((6.907755 + 4.60517) / 2, abs=1e-5)


LATER = st.lists(
    st.tuples(st.sampled_from(sorted(PUBLISHED_S)), st.integers(200, 900), st.integers(0, 10**9)), max_size=6
)


@given(later=LATER)
def test_no_outcome_observed_after_a_video_was_published_changes_what_it_is_told(later) -> None:
    def story(*more: OutcomeObserved) -> list[AppearanceRecorded]:
        found = (outcome("url:a", 150, 99, 10), *more)
        return [appeared(v, *[o for o in found if o.video_id == v]) for v in PUBLISHED_S]

    before = said(story())["url:b"]
    assert said(story(*[outcome(*one) for one in later]))["url:b"] == before
    assert before["views_log"] > 0


def test_a_video_published_at_the_same_moment_is_not_an_earlier_one() -> None:
    twins = [appeared("url:a", OUTCOMES[0]), appeared("url:b", published_at_s=100.0)]
    assert said(twins) == {}


@given(st.randoms(use_true_random=False))
def test_what_is_said_in_the_end_does_not_depend_on_the_order_of_arrival(order: random.Random) -> None:
    events = [
        appeared("url:a", *OUTCOMES[:2]),
        appeared("url:b", OUTCOMES[2]),
        appeared("url:c", OUTCOMES[3]),
    ]
    expected = said(events)
    shuffled = events * 2
    order.shuffle(shuffled)
    assert said(shuffled) == expected


def test_an_appearance_that_is_taken_back_counts_no_longer_and_leaves_nothing_behind() -> None:
    fold = FoldInMemory(InfluenceFold())
    list(fold.feed([appeared("url:a", OUTCOMES[0]), appeared("url:b")]))
    (cleared,) = fold.feed([appeared("url:a", share=0.0)])
    assert (cleared.video_id, cleared.numbers) == ("url:b", {})
    assert b"url:a" not in msgspec.json.encode(fold.states)


def test_a_video_that_moves_in_time_changes_what_those_in_between_are_told() -> None:
    story = [appeared("url:a", OUTCOMES[0]), appeared("url:b"), appeared("url:c", outcome("url:c", 120, 7))]
    assert said([*story, appeared("url:c", outcome("url:c", 120, 7), published_at_s=110.0)])["url:b"]["videos"] == 2.0
    assert said([*story, appeared("url:a", OUTCOMES[0], published_at_s=250.0)])["url:b"] == {}


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(Unreadable, match="share"):
        said([appeared("url:a", share=share)])


def test_several_people_count_by_how_long_they_are_seen() -> None:
    cast = [({"views_log": 4.0, "videos": 2.0}, 0.75), ({"views_log": 8.0}, 0.25), ({"videos": 9.0}, 0.0)]
    assert together(cast) == {"videos": 2.0, "views_log": 5.0}
    assert together([]) == {}


# -- through summaries ---------------------------------------------------------------------------------


def test_a_summary_names_its_people_and_describes_them_and_the_channel_by_earlier_videos() -> None:
    both = Both().feed([*ALL, *OUTCOMES])
    assert both.summary("url:b").people == (
        PersonSeen(identity_id=ADA, share=0.25),
        PersonSeen(identity_id=EVE, share=0.75),
    )
    assert both.known("url:a") == {}
    assert both.known("url:b")["people_videos"] == 1.0
    known = both.known("url:c")
    assert known["channel_videos"] == 2.0
    ada, eve = (6.907755 + 4.60517) / 2, 4.60517
    assert known["people_views_log"] == pytest.approx((eve * 1.0 + ada * 0.5) / 1.5, abs=1e-5)
    assert not [label for label in both.summary("url:c").labels if label.name in (ADA, EVE)]
    assert "video/identity" not in both.summary("url:c").pooled


@given(later=LATER)
def test_no_later_outcome_of_any_video_reaches_the_features_of_an_earlier_one(later) -> None:
    layout = Layout(tuple(Block(f"numbers/video/influence/{who}_views_log") for who in ("channel", "people")))

    def features(*outcomes: OutcomeObserved) -> bytes:
        both = Both().feed([*ALL, OUTCOMES[0], *outcomes])
        return vectorise([both.summary("url:b")], layout).values.tobytes()

    assert features(*[outcome(*one) for one in later]) == features()
    assert features(outcome("url:a", 160, 10**6)) != features(), "what was observed earlier does reach it"


@pytest.mark.parametrize("seed", range(6))
def test_videos_and_outcomes_in_any_order_end_in_the_same_summaries(seed: int) -> None:
    events = [*ALL, *OUTCOMES]
    random.Random(seed).shuffle(events)
    expected = Both().feed([*ALL, *OUTCOMES])
    shuffled = Both().feed(events)
    for video_id in CAST:
        assert encode(shuffled.summary(video_id)) == encode(expected.summary(video_id))


def test_when_two_people_turn_out_to_be_one_summaries_follow() -> None:
    both = Both().feed([*ALL, *OUTCOMES])
    assert both.known("url:c")["people_videos"] < 2.0
    both.feed(people_of(video_id, {ADA: max(cast.values())}) for video_id, cast in CAST.items())
    assert both.summary("url:c").people == (PersonSeen(identity_id=ADA, share=1.0),)
    assert both.known("url:c")["people_videos"] == 2.0
    assert EVE.encode() not in b"".join(
        msgspec.json.encode(state.videos) for key, state in both.influence.states.items() if key == EVE
    )
    assert not both.influence.states[EVE].videos


def test_a_video_without_a_date_is_neither_earlier_nor_later() -> None:
    dated = msgspec.structs.replace(ALL[0], metadata=msgspec.structs.replace(ALL[0].metadata, uploaded_at_s=None))
    both = Both().feed([dated, *ALL[1:], *OUTCOMES])
    assert both.known("url:b") == {}
    assert both.known("url:c")["channel_videos"] == 1.0


def test_assembling_again_from_what_lies_on_the_topics_gives_the_same_bytes() -> None:
    both = Both().feed([*ALL, *OUTCOMES])
    written = [e for e in both.log if topic_of(e).name in ("media", "segments", "features", "outcomes", "influence")]
    latest = {f"{topic_of(e).name}/{e.record_key}": e for e in written}
    again = {s.video_id: encode(s) for s in assemble_again(latest.values(), Options())}
    assert again == {video_id: encode(both.summary(video_id)) for video_id in CAST}


@pytest.mark.parametrize(
    "hearsay",
    [
        InfluenceComputed(event_id="i", video_id="url:a", revision="0" * 16, creator=ADA, numbers={"videos": 1.0}),
        people_of("url:a", {ADA: 1.0}),
    ],
)
def test_what_others_say_about_an_erased_video_does_not_bring_it_back(hearsay: Event) -> None:
    fold = FoldInMemory(AssembleProcessor(Options()))
    assert [*fold.feed([hearsay]), *fold.expire()] == []


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (("url:a", Metadata(channel="x")), ("url:b", Metadata(channel="x")), True),
        (("url:a", Metadata(channel="x", channel_id="1")), ("url:b", Metadata(channel="y", channel_id="1")), True),
        (("url:a", Metadata(channel="x")), ("youtube:b", Metadata(channel="x")), False),
        (("url:a", Metadata(channel="x")), ("url:b", Metadata(channel="y")), False),
    ],
)
def test_a_channel_is_known_by_its_id_on_its_platform(left: Sequence, right: Sequence, same: bool) -> None:
    assert (channel_of(*left) == channel_of(*right)) is same
    assert channel_of("url:a", Metadata()) is None
