import io

import fitted
import msgspec
import pytest
from rich.console import Console

from schemas.errors import UsageError
from schemas.media import Metadata
from streams.replay_checkpoint import Checkpoint, Task
from streams.replay_partition import PartitionDone, Progress
from streams.replay_progress import LINE_EVERY_S, ReplayProgress
from streams.replay_selection import Selection, numbers, selection

JUNE = Metadata(channel="Talks", channel_id="UC1", uploaded_at_s=1_717_200_000.0)
TASK = Task(source="summaries", releases=("engagement/e1", "virality/r1"), selection=Selection())


def video(**metadata):
    return fitted.summary(1, metadata=msgspec.structs.replace(JUNE, **metadata))


@pytest.mark.parametrize(
    ("wanted", "metadata", "is_taken"),
    [
        (selection("", [], []), {}, True),
        (selection("2024-06-01", [], []), {}, True),
        (selection("2024-06-02", [], []), {}, False),
        (selection("2024-06-01", [], []), {"uploaded_at_s": None}, False),
        (selection("", ["talks "], []), {}, True),
        (selection("", ["UC1", "other"], []), {"channel": "Renamed"}, True),
        (selection("", ["other"], []), {}, False),
        (selection("", [], ["url:v1"]), {}, True),
        (selection("", ["talks"], ["url:v2"]), {}, False),
    ],
)
def test_a_video_is_taken_when_date_channel_and_id_are_wanted(wanted, metadata, is_taken):
    assert wanted.takes(video(**metadata)) is is_taken


def test_a_link_names_its_video_and_only_its_partition_is_read():
    wanted = selection("", [], ["https://youtu.be/dQw4w9WgXcQ"])
    assert wanted.videos == ("youtube:dQw4w9WgXcQ",)
    assert wanted.partitions(8) == (4,)
    assert selection("", [], []).partitions(3) == (0, 1, 2)


@pytest.mark.parametrize(("text", "expected"), [("", (0, 1, 2, 3)), ("0-2", (0, 1, 2)), ("3, 1", (1, 3))])
def test_partitions_are_named_by_numbers_and_ranges(text, expected):
    assert numbers(text, 4) == expected


@pytest.mark.parametrize("text", ["4", "0-9", "a", "1-", "-1", "2-1"])
def test_partitions_that_are_not_there_are_refused(text):
    with pytest.raises(UsageError):
        numbers(text, 4)


def test_a_date_that_is_none_is_said():
    with pytest.raises(UsageError, match="2024-05-31"):
        selection("last week", [], [])


def test_a_checkpoint_is_kept_by_task_and_forgotten_when_done_or_outdated(tmp_path):
    first = Checkpoint(tmp_path, TASK)
    first.begin(restart=False)
    first.write(0, {0: 7}, is_done=True)
    first.write(1, {0: 9}, is_done=False)
    again = Checkpoint(tmp_path, TASK)
    again.begin(restart=False)
    assert again.done(range(3)) == (0,)
    place = again.read(1)
    assert place is not None
    assert place.begun == {0: 9}
    newer = msgspec.structs.replace(TASK, releases=("virality/r2",))
    Checkpoint(tmp_path, newer).begin(restart=False)
    assert again.done(range(3)) == (), "r2 came between: what r1 had done does not stand any more"


def test_a_finished_checkpoint_leaves_nothing(tmp_path):
    checkpoint = Checkpoint(tmp_path, TASK)
    checkpoint.begin(restart=False)
    checkpoint.write(0, {}, is_done=True)
    checkpoint.forget([0, 1])
    assert list((tmp_path / "replay").iterdir()) == []


def test_restart_forgets(tmp_path):
    checkpoint = Checkpoint(tmp_path, TASK)
    checkpoint.begin(restart=False)
    checkpoint.write(0, {}, is_done=True)
    checkpoint.begin(restart=True)
    assert checkpoint.done([0]) == ()


def test_without_a_terminal_progress_is_a_plain_line_now_and_then():
    out, times_s = io.StringIO(), iter([0.0, 1.0, LINE_EVERY_S, LINE_EVERY_S, 2 * LINE_EVERY_S, 2 * LINE_EVERY_S])
    with ReplayProgress(2, console=Console(file=out, width=100), clock_s=lambda: next(times_s)) as progress:
        progress.hear(Progress(partition=0, done=10, total=40))
        progress.hear(Progress(partition=0, done=20, total=40))
        progress.hear(PartitionDone(partition=0, videos=40))
    assert out.getvalue().splitlines() == [
        "20 videos, 0 of 2 partitions, 25 %",
        "40 videos, 1 of 2 partitions, 50 %",
    ]
