"""Every stage of the topology passes the checks that hold for all stages."""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import checks
import fitted
import msgspec
import numpy as np
import people
import pytest
import runs
import scored
import sounds
from frame_zips import zip_of
from networks import audio_encoder, face_sight, text_encoder
from portraits import NOBODY, head, on_wall
from tiny_video import write_video
from worlds import SmallWorld

from models.pooling import pool_one
from processors.audio import AudioProcessor
from processors.faces import FacesProcessor
from processors.stage import Fold, Transform
from processors.text import TextProcessor
from schemas.event import Event
from schemas.influence import AppearanceRecorded
from schemas.links import LinkSubmitted
from schemas.media import MediaDuplicated
from schemas.outcomes import OutcomeObserved
from schemas.segments import SegmentCut
from streams.storage.releases import event_of
from streams.storage.weights import WeightsCache
from streams.topology import STAGES, Stage, stage

VIDEO = "url:abc"


@dataclass(frozen=True)
class Sample:
    """Events a stage reads, one it must refuse, and how to make the stage in a fresh world."""

    make: Callable[[], Transform | Fold]
    events: tuple[Event, ...]
    poison: Event


@pytest.fixture(scope="session")
def films(tmp_path_factory) -> dict[str, Path]:
    """Two short real videos, under the links they are fetched by."""
    folder = tmp_path_factory.mktemp("films")
    names = ("one", "two")
    return {
        f"https://example.org/{name}.mp4": write_video(folder / f"{name}.mp4", shade=40 * number)
        for number, name in enumerate(names)
    }


@dataclass
class Makers:
    """Builds samples; each world is new, so that nothing is remembered from the run before."""

    folder: Path
    films: dict[str, Path]
    cache: Path
    worlds: int = 0

    def world(self, **changes) -> SmallWorld:
        self.worlds += 1
        return SmallWorld(self.folder / str(self.worlds), links=self.films, **changes)

    def fetch(self) -> Sample:
        links = [_link(number, url) for number, url in enumerate(self.films)]
        return Sample(lambda: _build("fetch", self.world()), tuple(links), _link(9, None))

    def segment(self) -> Sample:
        def make() -> Transform:
            world = self.world()
            for url, path in self.films.items():
                world.media.put_file(_ref(url), path)
            world.media.put("videos/broken.mp4", b"no video")
            return _build("segment", world)

        fetched = [
            runs.fetched(f"url:v{number}", url, media_ref=_ref(url), has_video=True)
            for number, url in enumerate(self.films)
        ]
        row = runs.fetched("url:row", "row", duration_s=0.0)
        poison = runs.fetched("url:bad", "bad", media_ref="videos/broken.mp4", has_video=True)
        return Sample(make, (*fetched, row), poison)

    def text(self) -> Sample:
        encoder = text_encoder(self.cache)
        folder = WeightsCache(self.cache).folder("minilm")
        assert TextProcessor.build(self.world(networks={"minilm": folder}))
        events = [e for e in runs.run_of(VIDEO, 3) if not isinstance(e, type(runs.feature(VIDEO, 0)))]
        silent = runs.cut(VIDEO, 4, count=5, text="")
        return Sample(lambda: TextProcessor(encoder), (*events, silent), _link(1, "https://example.org"))

    def visual(self) -> Sample:
        folder = WeightsCache(self.cache).fetch("lite0")
        noise = np.random.default_rng(1).integers(0, 256, (3, 90, 120, 3), np.uint8)

        def make() -> Transform:
            world = self.world(networks={"lite0": folder})
            world.media.put("frames/0.zip", zip_of({0: noise[0], 1000: noise[1]}))
            world.media.put("frames/1.zip", zip_of({2000: noise[2]}))
            world.media.put("frames/bad.zip", b"no zip")
            return _build("visual", world)

        cuts = [runs.cut(VIDEO, index, count=3) for index in range(3)]
        seen = [msgspec.structs.replace(cut, frames_ref=f"frames/{cut.index}.zip") for cut in cuts[:2]]
        events = (*seen, cuts[2], runs.counted(VIDEO, 3), runs.counted("url:row", 0))
        return Sample(make, events, msgspec.structs.replace(cuts[2], frames_ref="frames/bad.zip"))

    def audio(self) -> Sample:
        encoder = audio_encoder(self.cache)
        folder = WeightsCache(self.cache).folder("yamnet")
        assert AudioProcessor.build(self.world(networks={"yamnet": folder}))

        def make() -> Transform:
            world = self.world()
            for name, sound in sounds.MADE.items():
                world.media.put(f"{name}.wav", sounds.wav(sound(2.0)))
            world.media.put("broken.wav", b"RIFF")
            return AudioProcessor(encoder, world.media)

        refs = [*(f"{name}.wav" for name in sounds.MADE), None]
        cuts = [_sounding(index, ref, count=len(refs)) for index, ref in enumerate(refs)]
        counts = (runs.counted(VIDEO, len(refs)), runs.counted("url:row", 0))
        return Sample(make, (*cuts, *counts), _sounding(9, "broken.wav", count=10))

    def faces(self) -> Sample:
        sight = face_sight(self.cache)
        weights = WeightsCache(self.cache)
        networks = {name: weights.folder(name) for name in ("centerface", "dlib-face")}
        assert FacesProcessor.build(self.world(networks=networks))
        both = on_wall(head("astronaut"), head("pioneer"))

        def make() -> Transform:
            world = self.world()
            world.media.put("frames/0.zip", zip_of({0: both, 2000: on_wall(head("pioneer"))}))
            world.media.put("frames/1.zip", zip_of({4000: NOBODY}))
            world.media.put("frames/bad.zip", b"no zip")
            return FacesProcessor(sight, world.media)

        cuts = [runs.cut(VIDEO, index, count=3) for index in range(3)]
        seen = [msgspec.structs.replace(cut, frames_ref=f"frames/{cut.index}.zip") for cut in cuts[:2]]
        events = (*seen, cuts[2], runs.counted(VIDEO, 3), runs.counted("url:row", 0))
        return Sample(make, events, msgspec.structs.replace(cuts[2], frames_ref="frames/bad.zip"))

    def identity(self) -> Sample:
        """Everybody once: which of two looks of one person comes first decides who the person is."""
        films = [["anna", "bert"], []], [["carl"]], [[], ["dora", "erik", "fred"]]
        events = [event for n, film in enumerate(films) for event in people.video(f"url:v{n}", *film)]
        bad = people.track("url:bad", 0, 0, "anna", vector=runs.vector("short", dim=3))
        return Sample(lambda: _build("identity", self.world()), tuple(events), bad)

    def assemble(self) -> Sample:
        extras = [
            OutcomeObserved(event_id="o", video_id=VIDEO, observed_at_s=1.0, age_h=1, views=5),
            MediaDuplicated(event_id="d", video_id=VIDEO, duplicate_id="url:copy", revision=runs.revision("one")),
        ]
        events = (*runs.run_of(VIDEO, 4, absent={2: "no words"}), *runs.run_of("url:other", 2), *extras)
        poison = msgspec.structs.replace(runs.feature(VIDEO, 0), vector=None)
        return Sample(lambda: _build("assemble", self.world()), events, poison)

    def influence(self) -> Sample:
        """Each appearance once: what is said follows from the last of each."""

        def appeared(number: int, **changes: object) -> AppearanceRecorded:
            ids = {"event_id": runs.event_id("appeared", number), "video_id": f"url:v{number}"}
            outcome = OutcomeObserved(
                event_id="o", video_id=ids["video_id"], observed_at_s=number + 0.5, age_h=1, views=9
            )
            given = {"revision": runs.revision("one"), "creator": f"channel:{number % 2:016x}", "share": 1.0}
            return AppearanceRecorded(
                **ids, **given | {"published_at_s": float(number), "outcomes": (outcome,)} | changes
            )

        events = tuple(appeared(number) for number in range(6))
        return Sample(lambda: _build("influence", self.world()), events, appeared(9, share=2.0))

    def scoreboard(self) -> Sample:
        """Two releases, one of them in the shadow; each video's prediction and outcome once."""
        made = [example for n in range(5) for example in scored.story(n, week=n % 2)]
        poison = scored.prediction(9, value=1e12)
        return Sample(lambda: scored.hearing(_build("scoreboard", self.world())), tuple(made), poison)

    def score(self) -> Sample:
        folder = fitted.release_folder(self.folder / "release")
        published = event_of(folder)

        def make() -> Transform:
            made = _build("score", self.world(releases={("virality", "r1"): folder}))
            made.hear(published)
            return made

        summaries = [fitted.summary(n, duplicates=("url:copy",) if n == 2 else ()) for n in range(6)]
        poison = fitted.summary(7, pooled={"video/text": pool_one(np.ones(3))})
        return Sample(make, (*summaries, fitted.summary(8, scope="4")), poison)


def _sounding(index: int, ref: str | None, *, count: int) -> SegmentCut:
    return msgspec.structs.replace(runs.cut(VIDEO, index, count=count), audio_ref=ref)


def _build(name: str, world: SmallWorld):
    module, class_name = stage(name).processor.split(":")
    return getattr(importlib.import_module(module), class_name).build(world)


def _link(number: int, url: str | None) -> LinkSubmitted:
    ids = {"event_id": runs.event_id("link", number), "video_id": f"url:v{number}"}
    return LinkSubmitted(submission_id=f"s{number}", submitted_at_s=1.0, url=url, **ids)


def _ref(url: str) -> str:
    return f"videos/{url.rpartition('/')[2]}"


@pytest.fixture(scope="session")
def makers(films, cache, tmp_path_factory) -> Iterator[Makers]:
    return Makers(tmp_path_factory.mktemp("worlds"), films, cache)


@pytest.fixture(scope="session", params=STAGES, ids=lambda s: s.name)
def sample(request, makers) -> Sample:
    one: Stage = request.param
    return getattr(makers, one.name)()


@pytest.mark.parametrize("one", STAGES, ids=lambda s: s.name)
def test_every_stage_has_samples_here(one):
    assert hasattr(Makers, one.name), f"add samples of the {one.name} stage to Makers"


def test_something_comes_out(sample):
    checks.check_something_comes_out(sample.make, sample.events)


def test_the_same_input_gives_the_same_bytes(sample):
    checks.check_same_input_gives_same_bytes(sample.make, sample.events)


def test_batches_split_any_way_give_the_same_output(sample):
    checks.check_any_split_gives_the_same_output(sample.make, sample.events)


def test_shuffled_redelivery_changes_no_final_byte(sample):
    checks.check_shuffled_redelivery_changes_no_final_byte(sample.make, sample.events)


def test_unknown_fields_are_ignored(sample):
    checks.check_unknown_fields_are_ignored(sample.make, sample.events)


def test_an_empty_batch_is_fine(sample):
    checks.check_an_empty_batch_is_fine(sample.make)


def test_a_poison_event_is_refused_with_a_reason(sample):
    checks.check_poison_is_refused(sample.make, sample.poison)


def test_giving_up_says_the_same_each_time(sample):
    checks.check_giving_up_is_repeatable(sample.make, sample.events)


def test_it_says_its_version(sample):
    """The instance does, not always the class: a network's version names the precision it was loaded in."""
    assert isinstance(sample.make().version, str)
    assert sample.make().version


@pytest.mark.parametrize("one", STAGES, ids=lambda s: s.name)
def test_the_class_named_in_the_topology_has_the_shape_of_a_stage(one):
    module, name = one.processor.split(":")
    processor = getattr(importlib.import_module(module), name)
    shape = {"key", "start", "step", "waits"} if one.is_fold else {"transform", "give_up"}
    if one.is_fold and not hasattr(processor, "step"):
        shape = {"restore", "step_wide", "applied"}
    assert {method for method in {*shape, "build"} if callable(getattr(processor, method, None))} == {*shape, "build"}
    assert callable(getattr(processor, "hear", None)) == bool(one.hears)
