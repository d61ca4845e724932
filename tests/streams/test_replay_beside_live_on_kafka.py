"""Replay on a real Kafka while live traffic goes on, is stopped, and is shared out."""

import os
import threading
from collections.abc import Iterator

import fitted
import msgspec
import pytest
import runs

from processors.score import ScoreProcessor
from schemas.predictions import VideoScored
from schemas.summaries import Summarised
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, event_of, latest_per_key, read_to_end
from streams.replay import Wishes, carry_out, finish, plan, replay
from streams.replay_children import processes_for, share
from streams.replay_partition import PartitionDone, Report
from streams.replay_selection import selection
from streams.settings import Settings
from streams.storage.releases import ReleaseShelf
from streams.world import open_media

pytestmark = pytest.mark.broker

VIDEOS = 24
PARTITIONS = 3
RELEASES = (("virality", "r1", 1.0), ("virality", "r2", 2.0), ("engagement", "e1", 1.0))


@pytest.fixture(scope="module")
def own_broker(cache, tmp_path_factory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("beside-live"), cache) as running:
        yield running


@pytest.fixture(scope="module")
def releases(tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("fitted")
    return {
        (target, name): fitted.release_folder(folder / target / name, name, target=target, trained_at_s=age)
        for target, name, age in RELEASES
    }


@pytest.fixture(scope="module")
def past(own_broker, releases) -> Settings:
    """Summaries of 24 videos, scored live by the first release of each target; then came a newer one."""
    settings = Settings(home=own_broker.home, kafka=own_broker.bootstrap, partitions=PARTITIONS)
    create_missing(settings, own_broker.bootstrap)
    shelf = ReleaseShelf(settings.home, open_media(settings))
    with BulkProducer(settings, own_broker.bootstrap) as producer:
        for folder in releases.values():
            producer.send(shelf.publish(folder))
    return settings


@pytest.fixture
def scored(past, releases) -> dict[str, Summarised]:
    """As it was when the newer release came: every test begins here."""
    summaries = {s.video_id: s for s in map(fitted.summary, range(VIDEOS))}
    first = scorer_of(past, "r1")
    with BulkProducer(past, past.kafka) as producer:
        for summary in summaries.values():
            producer.send(summary)
            for prediction in predictions_of(first, summary):
                producer.send(prediction)
    return summaries


def scorer_of(past: Settings, virality: str) -> ScoreProcessor:
    shelf = ReleaseShelf(past.home, open_media(past))
    scorer = ScoreProcessor(shelf.folder)
    for event in map(event_of, read_to_end(past, past.kafka, ["releases"])):
        if event.target == "engagement" or event.release_id == virality:
            scorer.hear(event)
    return scorer


def predictions_of(scorer: ScoreProcessor, summary: Summarised) -> list[VideoScored]:
    return [answer for answer in scorer.transform([summary])[0] if isinstance(answer, VideoScored)]


def said(past: Settings) -> dict[str, VideoScored]:
    records = latest_per_key(read_to_end(past, past.kafka, ["predictions"])).values()
    return {event.record_key: event for event in map(event_of, records)}


def grown(summary: Summarised, number: int) -> Summarised:
    return msgspec.structs.replace(summary, event_id=runs.event_id("grown", summary.video_id, number))


class Live(threading.Thread):
    """The live stages: summaries go on growing, and each is scored by a scorer that has not heard the news yet."""

    def __init__(self, past: Settings, summaries: dict[str, Summarised]) -> None:
        super().__init__()
        self.past, self.summaries, self.stopping = past, dict(summaries), threading.Event()
        self.scorer = scorer_of(past, "r1")
        self.count = 0

    def run(self) -> None:
        with BulkProducer(self.past, self.past.kafka) as producer:
            while not self.stopping.is_set():
                for video_id in list(self.summaries):
                    self.count += 1
                    summary = self.summaries[video_id] = grown(self.summaries[video_id], self.count)
                    producer.send(summary)
                    producer.flush()
                    for prediction in predictions_of(self.scorer, summary):
                        producer.send(prediction)
                    producer.flush()


def test_no_prediction_of_an_older_summary_stays_above_a_live_one(past, scored):
    live = Live(past, scored)
    live.start()
    try:
        done = [replay(past, past.kafka, Wishes(restart=True)) for _ in range(4)]
    finally:
        live.stopping.set()
        live.join()
    stale = [key for key, p in said(past).items() if p.summary_id != live.summaries[p.video_id].event_id]
    assert live.count > 2 * VIDEOS
    assert sum(part.left + part.restored for part in done) > 0, "nothing came between: this test saw no race"
    assert stale == []
    replay(past, past.kafka, Wishes())
    assert {p.release_id for p in said(past).values()} == {"r2", "e1"}


class Overtaken(BulkProducer):
    """Just before each prediction of a replay, the video grows and is scored live."""

    def __init__(self, past: Settings, summaries: dict[str, Summarised]) -> None:
        super().__init__(past, past.kafka)
        self.past, self.summaries, self.scorer = past, summaries, scorer_of(past, "r1")

    def send_raw(self, topic_name: str, partition: int, *, key, value, headers=()) -> None:
        video_id = key.decode().split("/")[0] if headers else ""
        summary = self.summaries.pop(video_id, None)
        if summary is not None:
            later = grown(summary, 0)
            with BulkProducer(self.past, self.past.kafka) as live:
                for event in (later, *predictions_of(self.scorer, later)):
                    live.send(event)
        super().send_raw(topic_name, partition, key=key, value=value, headers=headers)


def test_a_live_prediction_between_the_last_look_and_the_write_is_put_back(past, scored, monkeypatch):
    monkeypatch.setattr("streams.replay.BulkProducer", lambda settings, bootstrap: Overtaken(past, dict(scored)))
    done = replay(past, past.kafka, Wishes(targets=("virality",)))
    assert done.restored == VIDEOS
    now = said(past)
    assert {now[f"{v}/virality"].summary_id for v in scored} == {grown(s, 0).event_id for s in scored.values()}
    assert {now[f"{v}/virality"].release_id for v in scored} == {"r2"}, "the late summaries are scored again too"


class Killed(Overtaken):
    """The same, and the replay dies before it looks at what it wrote."""

    def flush(self) -> None:
        super().flush()
        raise KeyboardInterrupt


def test_what_a_killed_replay_left_above_something_newer_is_mended_when_it_goes_on(past, scored, monkeypatch):
    def stale() -> int:
        latest = {video_id: grown(summary, 0).event_id for video_id, summary in scored.items()}
        return sum(p.summary_id != latest[p.video_id] for p in said(past).values() if p.target == "virality")

    grown_in = sum(1 for v in scored if selection("", [], [v]).partitions(PARTITIONS) == (0,))
    with monkeypatch.context() as patch:
        patch.setattr("streams.replay.BulkProducer", lambda settings, bootstrap: Killed(past, dict(scored)))
        with pytest.raises(KeyboardInterrupt):
            replay(past, past.kafka, Wishes(targets=("virality",), restart=True))
    assert stale() == VIDEOS, "nothing was mended before it died"
    assert grown_in > 0
    replay(past, past.kafka, Wishes(targets=("virality",)))
    assert stale() == VIDEOS - grown_in, "only what grew meanwhile has a newer summary"


def test_a_video_erased_meanwhile_gets_no_prediction_again(past, scored):
    found = plan(past, past.kafka, Wishes(targets=("virality",)))
    erased = next(iter(scored))

    def erase(report: Report) -> None:
        with BulkProducer(past, past.kafka) as producer:
            for topic_name, rest in (
                ("predictions", "virality"),
                ("predictions", "engagement"),
                ("summaries", "video"),
            ):
                partition = selection("", [], [erased]).partitions(PARTITIONS)[0]
                producer.send_raw(topic_name, partition, key=f"{erased}/{rest}".encode(), value=None)

    finish(past, found, list(carry_out(past, past.kafka, found, on_report=erase)))
    assert f"{erased}/virality" not in said(past)
    assert len(said(past)) == 2 * (VIDEOS - 1)


def test_a_stopped_replay_goes_on_where_it_was(past, scored):
    found = plan(past, past.kafka, Wishes(restart=True))
    first: PartitionDone = next(iter(carry_out(past, past.kafka, found, on_report=lambda report: None)))
    again = plan(past, past.kafka, Wishes())
    assert (again.resumed, again.partitions) == ((first.partition,), found.partitions[1:])
    done = replay(past, past.kafka, Wishes())
    assert (done.resumed, done.partitions) == (1, PARTITIONS - 1)
    assert {p.release_id for p in said(past).values()} == {"r2", "e1"}
    finished = replay(past, past.kafka, Wishes())
    assert (finished.resumed, finished.published, finished.unchanged) == (0, 0, 2 * VIDEOS)


def test_processes_share_partitions_and_do_the_same(past, scored):
    found = plan(past, past.kafka, Wishes(restart=True))
    reports: list[Report] = []
    done = finish(past, found, share(past, found, processes=2, on_report=reports.append))
    assert (done.partitions, done.videos, done.made) == (PARTITIONS, VIDEOS, 2 * VIDEOS)
    assert {report.partition for report in reports} == set(range(PARTITIONS))
    assert {p.release_id for p in said(past).values()} == {"r2", "e1"}
    verified = replay(past, past.kafka, Wishes(verify=True))
    assert {target: c.equal for target, c in verified.comparisons.items()} == {"virality": VIDEOS, "engagement": VIDEOS}
    assert verified.comparison is not None
    assert verified.comparison.agrees


def test_only_the_selected_videos_are_scored_again(past, scored):
    one, of_a_channel = "url:v5", {f"url:v{n}" for n in range(VIDEOS) if n % 40 == 7}
    replay(past, past.kafka, Wishes(targets=("virality",), selection=selection("", ["Channel 7"], [])))
    replay(past, past.kafka, Wishes(targets=("virality",), selection=selection("", [], [one])))
    renewed = {p.video_id for p in said(past).values() if p.release_id == "r2"}
    assert renewed == {one, *of_a_channel}
    verified = replay(past, past.kafka, Wishes(verify=True, selection=selection("", [], [one])))
    assert verified.comparison is not None
    assert (verified.comparison.compared, verified.comparison.missing) == (2, 0)


def test_two_processes_are_worth_it_for_many_summaries_only(past, scored, monkeypatch):
    summaries = plan(past, past.kafka, Wishes(restart=True))
    features = plan(past, past.kafka, Wishes(source="features", restart=True))
    monkeypatch.setattr("streams.replay_children.WORTH_A_PROCESS", 10**9)  # others may have written to this Kafka
    assert processes_for(past, past.kafka, summaries) == 1
    monkeypatch.setattr("streams.replay_children.WORTH_A_PROCESS", VIDEOS)
    assert processes_for(past, past.kafka, summaries) == min(2, len(os.sched_getaffinity(0)))
    assert processes_for(past, past.kafka, features) == 1
