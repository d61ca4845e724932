"""The stages that see, hear and know people when something breaks: weights, one segment's files, a whole worker."""

import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from short_films import PEOPLE_IN, ShortFilm
from workers import wait_until

from schemas.deadletters import EventRejected
from schemas.event import WHOLE_VIDEO, Event
from schemas.features import FAILED, FeatureExtracted
from schemas.predictions import VideoScored
from schemas.summaries import Summarised
from streams.faults import VARIABLE
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, event_of, read_to_end
from streams.people import everyone
from streams.settings import Settings
from streams.storage.releases import publish_starters
from streams.storage.weights import WeightsCache
from streams.supervisor import Supervisor
from streams.topology import modalities
from streams.world import open_media

pytestmark = [pytest.mark.broker, pytest.mark.slow]

KILLED_AT = {
    "visual": "after-work:1",
    "audio": "after-send:1",
    "faces": "after-send:2",
    "identity": "after-send:1",
    "assemble": "after-send:3",
    "score": "after-work:1",
}
"""Where each worker dies by SIGKILL: with results that nobody has, or with results that it will send again."""

PIECES = 12
KILLED, DAMAGED, CALM = "url:killed", "url:damaged", "url:calm"
BROKEN_PIECE = 3
"""Shows both people."""

AnyEvent = TypeVar("AnyEvent", bound=Event)


class Stages:
    """Real workers from the words to the prediction, each under a supervisor that brings it back."""

    def __init__(self, broker: EmbeddedBroker, cache: Path, home: Path) -> None:
        self.settings = Settings(home=home, cache=cache, kafka=broker.bootstrap, partitions=2)
        self.bootstrap = broker.bootstrap
        self.supervisors: dict[str, Supervisor] = {}
        create_missing(self.settings, self.bootstrap)
        publish_starters(self.settings, self.bootstrap)
        self.film = ShortFilm(open_media(self.settings).put, PIECES)

    def start(self, stage: str, fault: str = "") -> None:
        """Start a worker that dies at a point, once; without a fault one that lives."""
        marks = self.settings.home / "faults" / stage
        marks.mkdir(parents=True)
        self.supervisors[stage] = Supervisor(self.settings, {stage: 1}, log_folder=self.settings.home / "logs")
        with pytest.MonkeyPatch.context() as patch:
            if fault:
                patch.setenv(VARIABLE, f"{fault}:{marks}")
            self.supervisors[stage].start()

    def show(self, video_id: str, *, damaged: int | None = None) -> None:
        with BulkProducer(self.settings, self.bootstrap) as producer:
            for event in self.film.events(video_id, damaged=damaged):
                producer.send(event)

    def wait_for(self, done: Callable[[], bool], what: str) -> None:
        """Wait, and bring back who dies meanwhile, as `groundswell up` does."""

        def tended() -> bool:
            for supervisor in self.supervisors.values():
                supervisor.tend()
            return done()

        wait_until(tended, limit_s=150, what=what, tell=self.told)

    def deaths(self) -> dict[str, int]:
        return {stage: supervisor.workers[0].failures for stage, supervisor in self.supervisors.items()}

    def events(self, topic: str, kind: type[AnyEvent], video_id: str = "") -> list[AnyEvent]:
        found = [event_of(r) for r in read_to_end(self.settings, self.bootstrap, [topic]) if r.value is not None]
        return [e for e in found if isinstance(e, kind) and getattr(e, "video_id", "") in (video_id, "")]

    def final(self, video_id: str) -> VideoScored | None:
        """The last word about a video, when everyone in it has been named too."""
        finals = [e for e in self.events("predictions", VideoScored, video_id) if e.stage == "final"]
        people = {e.scope for e in self.events("features", FeatureExtracted, video_id) if e.modality == "identity"}
        return finals[-1] if finals and len(people) == PIECES + 1 else None

    def told(self) -> str:
        logs = sorted((self.settings.home / "logs").glob("*.log"))
        return "\n".join(f"== {log.stem}\n{log.read_text(errors='replace')[-800:]}" for log in logs)

    def stop(self) -> None:
        for supervisor in self.supervisors.values():
            for worker in supervisor.workers:
                worker.process.kill()
                worker.process.wait()


@pytest.fixture(scope="module")
def stages(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    """Two videos wait when the workers start; six of those die at work. The third video is shown to the survivors."""
    home = tmp_path_factory.mktemp("faults")
    with EmbeddedBroker(home, cache) as broker:
        running = Stages(broker, cache, home)
        try:
            running.show(KILLED)
            running.show(DAMAGED, damaged=BROKEN_PIECE)
            for stage in ("text", *KILLED_AT):
                running.start(stage, KILLED_AT.get(stage, ""))
            running.wait_for(lambda: all(map(running.final, (KILLED, DAMAGED))), "both predictions")
            running.show(CALM)
            running.wait_for(lambda: running.final(CALM) is not None, "the prediction of the third video")
            yield running
        finally:
            running.stop()


def test_each_worker_was_killed_once_and_came_back(stages: Stages) -> None:
    assert stages.deaths() == {"text": 0} | dict.fromkeys(KILLED_AT, 1)


def test_a_video_whose_workers_were_killed_gets_the_prediction_of_one_whose_workers_lived(stages: Stages) -> None:
    killed, calm = (_content(stages.final(video_id)) for video_id in (KILLED, CALM))
    assert killed == calm
    assert killed["modalities_missing"] == {"segments/faces": f"no faces ({PIECES // 3} of {PIECES})"}


def test_nothing_is_lost_and_nothing_comes_twice(stages: Stages) -> None:
    killed, calm = (_features(stages, video_id) for video_id in (KILLED, CALM))
    assert killed == calm
    assert Counter(modality for _, modality in killed) == dict.fromkeys(modalities(), PIECES) | {
        "text": PIECES + 1, "identity": PIECES + 1
    }  # fmt: skip
    people = everyone(stages.settings, stages.bootstrap)
    a_film = sum(PEOPLE_IN[piece % 3] for piece in range(PIECES))
    assert len(people) == 2
    assert sum(person.tracks for person in people) == 3 * a_film - PEOPLE_IN[BROKEN_PIECE % 3]


@pytest.mark.parametrize("topic", ["features", "faces", "identities", "summaries", "predictions"])
def test_a_record_that_was_sent_again_is_the_same_record(stages: Stages, topic: str) -> None:
    values = defaultdict(set)
    for record in read_to_end(stages.settings, stages.bootstrap, [topic]):
        values[record.key, event_of(record).event_id].add(record.value)
    assert values
    assert {key: len(found) for key, found in values.items() if len(found) > 1} == {}


def test_a_segment_whose_files_are_damaged_is_missing_in_words_and_the_video_ends(stages: Stages) -> None:
    final = stages.final(DAMAGED)
    assert final is not None
    for modality in ("visual", "audio", "faces"):
        answer = _features(stages, DAMAGED)[str(BROKEN_PIECE), modality]
        assert str(answer["absent_reason"]).startswith(f"{FAILED}: ")
        assert answer["vector"] is None
        assert f"{FAILED}: " in final.modalities_missing[f"segments/{modality}"]
        assert f"(1 of {PIECES})" in final.modalities_missing[f"segments/{modality}"]
    *_, last = [s for s in stages.events("summaries", Summarised, DAMAGED) if s.scope == WHOLE_VIDEO]
    assert {name: pooled.count for name, pooled in last.pooled.items()} == {
        "video/text": 1,
        "segments/text": PIECES,
        "segments/visual": PIECES - 1,
        "segments/audio": PIECES - 1,
        "segments/faces": PIECES - PIECES // 3 - 1,
    }


def test_only_the_damaged_segment_left_dead_letters_one_for_each_stage(stages: Stages) -> None:
    letters = {e.event_id: e for e in stages.events("dead-letters", EventRejected)}.values()  # a kill may repeat one
    assert sorted(letter.stage for letter in letters) == ["audio", "faces", "visual"]
    assert {letter.key for letter in letters} == {f"{DAMAGED}/{BROKEN_PIECE}".encode()}
    assert all(letter.attempts == 1 and letter.traceback for letter in letters)


def _content(scored: VideoScored | None) -> dict[str, object]:
    """A prediction without the names of video and events."""
    assert scored is not None
    names = set(VideoScored.__struct_fields__) - {"event_id", "video_id", "summary_id"}
    return {name: getattr(scored, name) for name in names}


def _features(stages: Stages, video_id: str) -> dict[tuple[str, str], dict[str, object]]:
    """What was said last of each scope by each modality, without the names of video and events."""
    last = {(e.scope, e.modality): e for e in stages.events("features", FeatureExtracted, video_id)}
    names = set(FeatureExtracted.__struct_fields__) - {"event_id", "video_id"}
    return {key: {name: getattr(event, name) for name in names} for key, event in last.items()}


# -- weights -------------------------------------------------------------------------------------------


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("stage", "name", "file", "spoil"),
    [
        ("audio", "yamnet", "yamnet.bin", _truncate),
        ("faces", "dlib-face", "dlib-face.xml", _truncate),
        ("visual", "lite0", "lite0.bin", _flip_a_bit),
    ],
)
def test_a_worker_with_spoilt_weights_says_what_to_do_and_is_not_started_again_at_once(
    broker: EmbeddedBroker, cache: Path, tmp_path: Path, stage: str, name: str, file: str, spoil: Callable[[Path], None]
) -> None:
    settings = Settings(home=tmp_path / "home", cache=tmp_path / "cache", kafka=broker.bootstrap)
    create_missing(settings, broker.bootstrap)
    shutil.copytree(WeightsCache(cache).fetch(name).parent, tmp_path / "cache" / "weights" / name)
    if stage == "faces":
        shutil.copytree(WeightsCache(cache).fetch("centerface").parent, tmp_path / "cache" / "weights" / "centerface")
    spoilt = WeightsCache(tmp_path / "cache").folder(name) / file
    spoil(spoilt)
    remedy = f"{spoilt} was altered after it was made; run: groundswell weights fetch {name}"

    supervisor = Supervisor(settings, {stage: 1}, log_folder=tmp_path / "logs")
    supervisor.start()
    (worker,) = supervisor.workers
    try:
        first = worker.process
        assert first.wait(60) == 1
        for _ in range(20):
            supervisor.tend()
        assert (worker.process, worker.failures) == (first, 1)
        assert worker.restart_at_s is not None
    finally:
        supervisor.stop()
    log = (tmp_path / "logs" / f"{stage}.log").read_text()
    assert remedy in log
    assert "Traceback" not in log

    command = [sys.executable, "-m", "streams.commands.main", "weights", "verify", name]
    verified = subprocess.run(command, env=os.environ | settings.environment(), capture_output=True, text=True)
    assert verified.returncode == 1
    assert remedy in verified.stderr
