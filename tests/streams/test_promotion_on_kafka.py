"""Another version of a stage on a real Kafka, with the workers that run live: nothing changes, then everything does."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import fitted
import msgspec
import pytest
from fitted import DIM
from versions import Versioned, scopes, video_of
from workers import wait_until

from schemas.codec import encode
from schemas.errors import UsageError
from schemas.event import WHOLE_VIDEO, Event
from schemas.predictions import VideoScored
from schemas.summaries import Summarised
from streams.children import dying_with_parent
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, event_of, latest_per_key, read_to_end
from streams.readable import OtherSize
from streams.release_features import taught_on_others
from streams.release_roles import announce
from streams.replay import Wishes, replay
from streams.replay_selection import selection
from streams.replay_stage import Reextracted, StageWishes, run_again
from streams.rescoring import assemble_again
from streams.settings import Settings
from streams.storage.media import FolderMediaStore
from streams.storage.releases import ReleaseShelf
from streams.training_beside import on_features
from streams.world import open_media

pytestmark = pytest.mark.broker

VIDEOS = {f"url:v{number}": number % 4 for number in range(6)}
OLD, NEW = Versioned("1"), Versioned("2")
LIMIT_S = 120.0


@dataclass
class Live:
    settings: Settings
    media: FolderMediaStore

    def publish(self, events: list[Event]) -> None:
        with BulkProducer(self.settings, self.settings.kafka) as producer:
            for event in events:
                producer.send(event)

    def again(self, processor: Versioned, **wishes: object) -> Reextracted:
        asked = StageWishes(**({"stage": "text"} | wishes))
        source = (self.settings, self.settings.kafka)
        return run_again(source, asked, processor, media=self.media, on_video=lambda done, of: None)

    def run(self, *words: str) -> tuple[str, str]:
        """What the command line says, and what it warns of."""
        command = [sys.executable, "-m", "streams.commands.main", *words]
        environment = os.environ | self.settings.environment()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    def on(self, topic: str) -> dict[str, bytes]:
        records = latest_per_key(read_to_end(self.settings, self.settings.kafka, [topic])).values()
        return {record.key.decode(): record.value for record in records}

    def summaries(self) -> dict[str, Summarised]:
        events = map(event_of, latest_per_key(read_to_end(self.settings, self.settings.kafka, ["summaries"])).values())
        return {e.video_id: e for e in events if isinstance(e, Summarised) and e.scope == WHOLE_VIDEO}

    def predictions(self) -> dict[str, VideoScored]:
        records = latest_per_key(read_to_end(self.settings, self.settings.kafka, ["predictions"])).values()
        return {event.video_id: event for event in map(event_of, records) if isinstance(event, VideoScored)}

    def wait_for(self, wanted: dict[str, Summarised]) -> None:
        """Wait until summaries are these, byte by byte, and predictions were made of them."""

        def is_there() -> bool:
            summaries, predictions = self.summaries(), self.predictions()
            return all(
                name in summaries
                and encode(summaries[name]) == encode(summary)
                and name in predictions
                and predictions[name].summary_id == summary.event_id
                for name, summary in wanted.items()
            )

        wait_until(is_there, limit_s=LIMIT_S, what="summaries and predictions")


@pytest.fixture(scope="module")
def live(cache, tmp_path_factory) -> Iterator[Live]:
    """Six videos that were read by the old version, and the workers that assemble and score."""
    with EmbeddedBroker(tmp_path_factory.mktemp("promotion"), cache) as broker:
        settings = Settings(home=broker.home, kafka=broker.bootstrap, partitions=2)
        create_missing(settings, broker.bootstrap)
        folder = fitted.release_folder(tmp_path_factory.mktemp("fitted") / "r1", "r1")
        running = Live(settings, FolderMediaStore(tmp_path_factory.mktemp("media")))
        running.publish([ReleaseShelf(settings.home, open_media(settings)).publish(folder)])
        running.publish([event for name, count in VIDEOS.items() for event in video_of(name, count, OLD)])
        workers = [_worker(settings, stage) for stage in ("assemble", "score")]
        yield running
        for worker in workers:
            worker.terminate()
            worker.wait(60)


def _worker(settings: Settings, stage: str) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "GROUNDSWELL_HOME": str(settings.home),
        "GROUNDSWELL_KAFKA": str(settings.kafka),
        "GROUNDSWELL_PARTITIONS": "2",
    }
    command = [sys.executable, "-m", "streams.commands.main", "worker", stage]
    with (settings.home / f"{stage}.log").open("ab") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log, preexec_fn=dying_with_parent())


def _expected(live: Live, processor: Versioned, videos: dict[str, int] = VIDEOS) -> dict[str, Summarised]:
    """What a system says that never knew another version."""
    events = [event for name, count in videos.items() for event in video_of(name, count, processor)]
    return {summary.video_id: summary for summary in assemble_again(events, live.settings.options())}


def test_promoted_answers_change_summaries_and_predictions_of_the_past_and_nothing_does_before(live: Live) -> None:
    live.wait_for(_expected(live, OLD))
    before = {topic: live.on(topic) for topic in ("features", "summaries", "predictions")}
    done = live.again(NEW)
    assert done.segments == sum(len(scopes(count)) for count in VIDEOS.values())
    assert {topic: live.on(topic) for topic in before} == before

    part = live.again(NEW, promote=True)
    assert (part.promoted, part.unfinished) == (len(VIDEOS), [])
    live.wait_for(_expected(live, NEW))
    values = {name: event_of_prediction(before["predictions"], name).value for name in VIDEOS}
    assert all(scored.value != values[name] and scored.stage == "final" for name, scored in live.predictions().items())
    for source in ("features", "summaries"):
        found = replay(live.settings, live.settings.kafka, Wishes(source=source, verify=True)).comparison
        assert (found.equal, found.different, found.missing) == (len(VIDEOS), 0, 0)
    assert live.again(NEW, promote=True).promoted == 0

    newcomer = {"url:newcomer": 2}
    live.publish(video_of("url:newcomer", 2, OLD))
    live.wait_for(_expected(live, NEW) | _expected(live, OLD, newcomer))
    assert live.again(OLD, promote=True).promoted == len(VIDEOS), "what stood before lies beside"
    live.wait_for(_expected(live, OLD, VIDEOS | newcomer))
    assert live.on("predictions").items() >= before["predictions"].items()


def event_of_prediction(topic: dict[str, bytes], video_id: str) -> VideoScored:
    return msgspec.json.decode(topic[f"{video_id}/virality"], type=VideoScored)


class Longer(Versioned):
    """A network that gives more numbers."""

    def transform(self, events):
        answers = super().transform(events)
        return [[msgspec.structs.replace(a, vector=msgspec.structs.replace(
            a.vector, dim=2 * DIM, data=a.vector.data * 2)) for a in some] for some in answers]  # fmt: skip


def test_answers_that_the_serving_release_cannot_read_are_refused_before_anything_is_written(live: Live) -> None:
    longer = Longer("3")
    live.again(longer)
    before = live.on("features")
    with pytest.raises(OtherSize, match=f"taught on {DIM} numbers of segments/text, but 3 gives {2 * DIM}"):
        live.again(longer, promote=True)
    assert live.on("features") == before


def test_promoting_a_release_lets_the_features_stand_that_it_was_taught_on(live: Live) -> None:
    mine, left = {"url:taught0": 2, "url:taught1": 0}, {"url:left": 1}
    live.publish([event for name, count in (mine | left).items() for event in video_of(name, count, OLD)])
    live.wait_for(_expected(live, OLD, mine | left))
    live.again(NEW, selection=selection("", [], list(mine)))
    taught_on = {"segments/text": {"2": 200}, "video/text": {"2": 240}}
    folder = fitted.release_folder(live.settings.home / "made" / "r2", "r2", taught_on=taught_on)
    published = ReleaseShelf(live.settings.home, open_media(live.settings)).publish(folder)
    announce(live.settings, live.settings.kafka, published, role="shadow")
    live.wait_for(_expected(live, OLD, mine | left))

    source = on_features(live.settings, live.settings.kafka, {"text": "2"}, words="all")
    learned = {change.video_id: change.summary for change in source.changes()}
    assert "url:left" not in learned
    expected = _expected(live, NEW, mine)
    assert {name: encode(learned[name]) for name in mine} == {name: encode(expected[name]) for name in mine}
    with pytest.raises(UsageError, match="no features of text by 7; there are 1, 2"):
        on_features(live.settings, live.settings.kafka, {"text": "7"}, words="all")

    said, warned = live.run("releases", "promote", "virality/r2")
    assert "text by 2 stands now in" in said
    assert "video/text was made by 1, but the release was taught on 2: it may misread it" in " ".join(warned.split())
    live.wait_for(_expected(live, NEW, mine) | _expected(live, OLD, left))
    assert taught_on_others(live.settings, live.settings.kafka, "text", "2") == []
    (warning,) = taught_on_others(live.settings, live.settings.kafka, "text", "1")
    assert warning.startswith("virality/r2 serves and was taught on text by 2, not by 1")
    again, _ = live.run("releases", "promote", "virality/r2", "--json")
    assert json.loads(again)["features"] == []
    live.run("replay", "--target", "virality", "--json")
    predictions = live.predictions()
    assert {predictions[name].release_id for name in mine | left} == {"r2"}
    assert [any("was made by 1" in why for why in predictions[name].caveats) for name in (*mine, *left)] == [
        False,
        False,
        True,
    ]
