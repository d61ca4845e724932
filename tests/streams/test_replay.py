import math
import random

import fitted
import msgspec
import numpy as np
import pytest
import runs

from models.pooling import pool_one
from processors.assemble import AssembleProcessor
from processors.folding import FoldInMemory
from processors.ports import Options
from processors.score import ScoreProcessor
from schemas.codec import encode
from schemas.errors import UsageError
from schemas.predictions import VideoScored
from schemas.releases import ReleasePublished
from schemas.summaries import Summarised
from streams.rescoring import (
    assemble_again,
    changes,
    chosen,
    compare,
    newest,
    only_finished,
    score_again,
    summaries_of,
    total,
)
from streams.storage.releases import STARTERS, event_of

OPTIONS = Options(deadline_s=60.0)


@pytest.fixture(scope="module")
def events():
    """Everything about 12 videos; one stage never answered about the last one, and one event is poison."""
    whole = [e for n in range(11) for e in runs.run_of(f"url:v{n}", n % 4, absent={1: "no words"})]
    silent = [e for e in runs.run_of("url:v11", 3) if e.record_key != "url:v11/1/text"]
    poison = msgspec.structs.replace(runs.feature("url:v3", 0), event_id="p", vector=None)
    return [*whole, poison, *silent]


@pytest.fixture(scope="module")
def scorer():
    made = ScoreProcessor(lambda target, release_id: STARTERS / target)
    made.hear(event_of(STARTERS / "virality"))
    return made


@pytest.fixture(scope="module")
def live(events, scorer) -> list[VideoScored]:
    """What the live stages say: one event at a time, in another order, deadlines by ticks."""
    shuffled = list(events)
    random.Random(4).shuffle(shuffled)
    machine = FoldInMemory(AssembleProcessor(OPTIONS), lambda event, error: None)
    emitted = [*machine.feed(shuffled), *machine.expire()]
    last = {}
    for summary in emitted:
        if isinstance(summary, Summarised) and summary.scope == "video":
            for prediction in scorer.transform([summary])[0]:
                if isinstance(prediction, VideoScored):
                    last[prediction.record_key] = prediction
    return list(last.values())


def release_of(live) -> str:
    return f"{live[0].target}/{live[0].release_id}"


def test_a_replay_from_features_equals_the_live_predictions_byte_for_byte(events, scorer, live):
    skipped = []
    summaries = assemble_again(events, OPTIONS, on_skip=lambda event, error: skipped.append(event.event_id))
    found = compare(live, score_again(summaries, scorer), release=release_of(live))
    assert (found.compared, found.equal, found.different, found.missing) == (12, 12, 0, 0)
    assert found.agrees
    assert skipped == ["p"]


def test_a_replay_from_summaries_equals_the_live_predictions_byte_for_byte(events, scorer, live):
    machine = FoldInMemory(AssembleProcessor(OPTIONS), lambda event, error: None)
    emitted = [*machine.feed(events), *machine.expire()]
    kept = {s.record_key: s for s in emitted if isinstance(s, Summarised)}
    found = compare(live, score_again(summaries_of(kept.values()), scorer), release=release_of(live))
    assert (found.compared, found.equal) == (12, 12)
    assert found.agrees


@pytest.mark.parametrize("field", ["value", "constant"])
def test_a_single_different_number_is_found(live, field):
    changed = msgspec.structs.replace(live[3], **{field: math.nextafter(getattr(live[3], field), 1e9)})
    found = compare(live, [*live[:3], changed, *live[4:]], release=release_of(live))
    assert (found.different, found.examples) == (1, (changed.record_key,))
    assert not found.agrees


def test_a_live_prediction_that_does_not_come_again_is_found(live):
    found = compare(live, live[1:], release=release_of(live))
    assert (found.missing, found.compared) == (1, 11)
    assert not found.agrees


def test_predictions_of_another_release_are_not_compared(live):
    assert compare(live, live, release="virality/another").compared == 0


def test_comparisons_of_partitions_add_up(live):
    parts = [
        compare(live[:5], live[:5], release=release_of(live)),
        compare(live[5:], [], release=release_of(live)),
    ]
    assert (total(parts).compared, total(parts).missing) == (5, 7)


def test_a_new_release_puts_its_predictions_beside_those_it_replaces(live):
    later = [msgspec.structs.replace(p, release_id="r2", value=p.value + 1) for p in live]
    rows = list(changes(later, {p.record_key: p for p in live[1:]}))
    assert rows[0].before is None
    assert [row.after.value - row.before.value for row in rows[1:]] == pytest.approx([1.0] * 11)


def test_a_summary_that_cannot_be_scored_is_skipped_and_the_rest_goes_on(tmp_path):
    folder = fitted.release_folder(tmp_path)
    scorer = ScoreProcessor(lambda target, release_id: folder)
    scorer.hear(event_of(folder))
    bad = fitted.summary(1, pooled={"video/text": pool_one(np.ones(3))})
    skipped = []
    given = [fitted.summary(0), bad, fitted.summary(2)]
    made = list(score_again(given, scorer, on_skip=lambda event, error: skipped.append(event)))
    assert [p.video_id for p in made] == ["url:v0", "url:v2"]
    assert skipped == [bad]


def test_videos_still_in_work_are_left_out_of_a_replay_from_features(live):
    unfinished = fitted.summary(1, complete=False)
    closed = fitted.summary(2, complete=False)
    final = msgspec.structs.replace(live[0], video_id=closed.video_id)
    kept = only_finished([fitted.summary(0), unfinished, closed], {final.record_key: final}, ["virality"])
    assert [summary.video_id for summary in kept] == ["url:v0", "url:v2"]


def published(release_id: str, trained_at_s: float) -> ReleasePublished:
    return msgspec.structs.replace(event_of(STARTERS / "virality"), release_id=release_id, trained_at_s=trained_at_s)


def test_the_newest_release_is_chosen_unless_another_is_asked_for():
    shelf = [published("b", 2.0), published("a", 2.0), published("c", 1.0)]
    assert newest(shelf, "virality").release_id == "b"
    assert newest(shelf, "virality", "c").release_id == "c"


@pytest.mark.parametrize(("target", "release_id"), [("smell", None), ("virality", "zzz")])
def test_a_release_that_is_not_there_is_said(target, release_id):
    with pytest.raises(UsageError, match="groundswell train"):
        newest([published("b", 2.0)], target, release_id)


def of_target(release: ReleasePublished, target: str) -> ReleasePublished:
    return msgspec.structs.replace(release, target=target)


def test_without_a_name_every_target_is_replayed_by_its_newest_release():
    shelf = [published("b", 2.0), published("a", 1.0), of_target(published("c", 1.0), "engagement")]
    assert [release.record_key for release in chosen(shelf)] == ["engagement/c", "virality/b"]
    assert [release.record_key for release in chosen(shelf, ["virality"], "a")] == ["virality/a"]


@pytest.mark.parametrize(("targets", "release_id", "words"), [((), "a", "one target"), (("smell",), None, "smell")])
def test_a_release_without_its_target_is_refused(targets, release_id, words):
    with pytest.raises(UsageError, match=words):
        chosen([published("a", 1.0)], targets, release_id)


def test_assembling_again_gives_each_video_once(events):
    ids = [s.video_id for s in assemble_again(events, OPTIONS, on_skip=lambda event, error: None)]
    assert sorted(ids) == sorted(f"url:v{n}" for n in range(12))


def test_assembled_summaries_are_the_same_in_any_order_of_topics(events):
    shuffled = list(events)
    random.Random(9).shuffle(shuffled)
    first, second = (
        {s.video_id: encode(s) for s in assemble_again(order, OPTIONS, on_skip=lambda event, error: None)}
        for order in (events, shuffled)
    )
    assert first == second
