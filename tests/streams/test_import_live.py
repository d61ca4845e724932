"""Imported rows through the live stages: a summary, a prediction, nothing fetched and nothing failed."""

from pathlib import Path

import pytest
from networks import text_encoder
from spreadsheets import TRENDING, VIRANOVA, write_table
from worlds import SmallWorld

from models.target_values import measured
from processors.assemble import AssembleProcessor
from processors.folding import FoldInMemory
from processors.ports import Options
from processors.score import ScoreProcessor
from processors.segment import SegmentProcessor
from processors.text import TextProcessor
from schemas.event import WHOLE_VIDEO, Event
from schemas.media import MediaFetched
from schemas.segments import SegmentCut, VideoSegmented
from schemas.summaries import Summarised
from streams.board import Board
from streams.imports.whole_tables import Corrections, events_of
from streams.storage.releases import STARTERS, event_of
from streams.target_files import shipped


@pytest.fixture
def world(tmp_path: Path) -> SmallWorld:
    return SmallWorld(tmp_path / "world", options=Options(modalities=("text",)))


def imported(path: Path) -> list[Event]:
    return events_of(path, Corrections(year=2017))[0]


def live(events: list[Event], world: SmallWorld, cache: Path) -> list[Event]:
    """Every event that the stages make of what an import sends."""
    media = [event for event in events if isinstance(event, MediaFetched)]
    cut = [event for answers in SegmentProcessor.build(world).transform(media) for event in answers]
    text = TextProcessor(text_encoder(cache))
    heard = [*media, *(event for event in cut if isinstance(event, SegmentCut | VideoSegmented))]
    read = [event for answers in text.transform(heard) for event in answers]
    assembled = list(FoldInMemory(AssembleProcessor(world.options)).feed([*events, *cut, *read]))
    return [*media, *cut, *read, *assembled]


def summaries(events: list[Event]) -> dict[str, Summarised]:
    return {e.video_id: e for e in events if isinstance(e, Summarised) and e.scope == WHOLE_VIDEO}


def test_a_transcript_is_read_as_a_live_videos_words_are(tmp_path: Path, world: SmallWorld, cache: Path) -> None:
    made = live(imported(write_table(tmp_path / "t.csv", VIRANOVA)), world, cache)
    found = summaries(made)["youtube:aB3dE5gH7jK"]
    assert found.complete
    assert found.final
    assert found.words == "so today we are going to build a boat out of nothing but bottles"
    assert found.pooled["segments/text"].count == 1
    assert [outcome.scores["virality"] for outcome in found.outcomes] == [61.25]


def test_a_title_alone_makes_a_final_summary_with_the_outcomes_of_every_day(
    tmp_path: Path, world: SmallWorld, cache: Path
) -> None:
    found = summaries(live(imported(write_table(tmp_path / "us.csv", TRENDING)), world, cache))
    tea = found["youtube:kR4mN8pQ2sT"]
    assert tea.final
    assert "video/text" in tea.pooled
    assert [outcome.views for outcome in tea.outcomes] == [1000, 2500]
    values = measured(shipped()["virality"], list(found.values()))
    assert values.measure.name == "view_percentile"
    assert sorted(values.values) == [25.0, 75.0]


def test_nothing_is_fetched_or_cut_and_nobody_sees_a_failed_video(
    tmp_path: Path, world: SmallWorld, cache: Path
) -> None:
    made = live(imported(write_table(tmp_path / "us.csv", TRENDING)), world, cache)
    assert world.media.files == {}
    starter = next(path for path in STARTERS.glob("virality*") if path.is_dir())
    world.releases[event_of(starter).target, event_of(starter).release_id] = starter
    scorer = ScoreProcessor.build(world)
    scorer.hear(event_of(starter))
    finals = [summary for summary in made if isinstance(summary, Summarised) and summary.final]
    scored = [event for answers in scorer.transform(finals) for event in answers]
    board = Board()
    for event in [*made, *scored]:
        board.hear(event, 1.0)
    assert len(board.videos) == 2
    assert all(view.is_finished and not view.problem for view in board.videos.values())
