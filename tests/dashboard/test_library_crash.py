"""Killed at any moment, read in another order, taken in twice: the library is the same."""

import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from examples import CUT, EXAMPLES, LINK, PROGRESSED, REDRIVEN, REJECTED, SCORED, SUMMARISED, VIDEO_ID
from libraries import STORY, Tape, fetched, scored, topic_by_topic, who
from people_examples import ADA

from dashboard.library import open_library
from dashboard.library_answers import StoredLibrary
from dashboard.library_fold import fold
from dashboard.library_store import Thing, View, Writes
from dashboard.rows import VideoQuery
from schemas.erased import VideoErased
from schemas.event import Event
from streams.kafka.bulk import Record
from streams.settings import Settings

TESTS = Path(__file__).parent.parent
VIDEOS = 40


def of_video(number: int) -> list[Event]:
    """What is heard of one video, in the order of the pipeline."""
    video_id = f"url:v{number:03d}"
    return [msgspec.structs.replace(event, video_id=video_id) for event in (LINK, PROGRESSED, CUT, SUMMARISED)] + [
        fetched(number),
        *(scored(number, float(value)) for value in range(number % 5)),
        who("video", ADA, video_id=video_id),
    ]


def long_tape() -> list[Record]:
    """Many videos at once, some people, and one that is erased and comes back."""
    tape, chance = Tape(), random.Random(7)
    stories = [of_video(number) for number in range(VIDEOS)]
    while any(stories):
        tape.write(chance.choice([story for story in stories if story]).pop(0))
    tape.write(*EXAMPLES.values(), *STORY)
    tape.write(EXAMPLES[VideoErased])
    tape.take_back(*STORY)
    tape.write(LINK, SCORED, REJECTED, REDRIVEN, msgspec.structs.replace(SCORED, value=2.0))
    return tape.records


def dump(library: StoredLibrary, records: list[Record], size: int) -> list[str]:
    for begin in range(0, len(records), size):
        library.take(records[begin : begin + size])
    return list(library.dump())


def test_the_order_of_topics_and_the_size_of_batches_change_nothing(
    library: StoredLibrary, libraries: Callable[[], StoredLibrary]
) -> None:
    records = long_tape()
    expected = dump(libraries(), records, 10_000)
    assert dump(library, records, 17) == expected
    assert dump(libraries(), topic_by_topic(records), 23) == expected
    assert any(f'"{VIDEO_ID}"' in line for line in expected)


def test_what_is_taken_in_twice_counts_once(library: StoredLibrary) -> None:
    records = long_tape()
    expected = dump(library, records, 50)
    assert library.take(records) == []
    assert dump(library, records[-80:], 13) == expected


def test_two_who_take_the_same_in_at_once_double_nothing(
    library_settings: Settings, libraries: Callable[[], StoredLibrary]
) -> None:
    records = long_tape()
    both = [open_library(library_settings), open_library(library_settings)]
    threads = [threading.Thread(target=dump, args=(one, records, 7 + 4 * i)) for i, one in enumerate(both)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(both[0].dump()) == dump(libraries(), records, 10_000)
    for one in both:
        one.close()


def test_a_reader_sees_whole_batches_only(library: StoredLibrary) -> None:
    tape, done, totals = Tape(), threading.Event(), set[int]()

    def read() -> None:
        while not done.is_set():
            totals.add(library.videos(VideoQuery(limit=1)).total)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(0, 200, 2):
        library.take(tape.write(fetched(number), fetched(number + 1)))
    done.set()
    reader.join()
    assert totals
    assert not [total for total in totals if total % 2]


def killed_while_it_takes_in(tape: Path, environment: dict[str, str], chance: random.Random) -> None:
    """Let a process take some batches in, and kill it in the middle of the next or a moment before or after."""
    child = subprocess.Popen(
        [sys.executable, str(TESTS / "taking_in.py"), str(tape), "3"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    for _ in range(chance.randrange(3, 15)):
        child.stdin.write("go\n")
        assert child.stdout.readline() == "taken\n"
    child.stdin.write("go\n")
    time.sleep(chance.uniform(0, 0.004))
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert child.returncode == -signal.SIGKILL


def test_a_process_that_is_killed_loses_and_doubles_nothing(
    library_settings: Settings, libraries: Callable[[], StoredLibrary], tmp_path: Path
) -> None:
    records, chance = long_tape(), random.Random(1)
    tape = tmp_path / "tape"
    tape.write_bytes(pickle.dumps(records))
    for _ in range(4):
        killed_while_it_takes_in(tape, {**os.environ, **library_settings.environment()}, chance)
    opened = open_library(library_settings)
    try:
        taken = sum(opened.offsets().values())
        assert 4 * 3 * 3 <= taken < len(records)
        assert dump(opened, records, 100) == dump(libraries(), records, 10_000)
    finally:
        opened.close()


def test_a_batch_that_fails_in_the_middle_leaves_nothing_behind(library: StoredLibrary) -> None:
    records = long_tape()
    expected = dump(library, records[:50], 50)

    def breaks(view: View) -> Writes:
        writes = fold(records[50:60], view)
        writes.things["letters", "broken"] = Thing("", 0.0, b"", 2**70)  # no store can write this number down
        return writes

    with pytest.raises(OverflowError):
        library.store.commit(breaks)
    assert list(library.dump()) == expected
