"""One attempt after another at a batch, without Kafka."""

import threading
import time
from collections.abc import Sequence

import pytest

from schemas.codec import encode
from schemas.errors import GroundswellError, SourceUnavailable
from schemas.event import Event
from schemas.links import LinkSubmitted
from schemas.progress import StageProgressed
from streams.kafka import step
from streams.kafka.step import REDRIVE_HEADER, Attempts, Delivery, ShuttingDown, without_value


def link(number: int, title: str = "") -> LinkSubmitted:
    return LinkSubmitted(
        event_id=f"event-{number}",
        video_id=f"url:v{number}",
        submission_id=str(number),
        url="https://example.com/v.mp4",
        submitted_at_s=0.0,
        title=title,
    )


def delivery(number: int, title: str = "", **changes) -> Delivery:
    given = {"key": b"key", "value": encode(link(number, title)), "types": (LinkSubmitted,)} | changes
    return Delivery(topic="links", partition=3, offset=number, **given)


def answer(event: Event) -> list[Event]:
    return [StageProgressed(event_id=f"answer-{event.event_id}", video_id=event.video_id, stage="toy", state="done")]


def give_up(event: Event, reason: str) -> list[Event]:
    return [
        StageProgressed(
            event_id=event.event_id, video_id=event.video_id, stage="toy", state="failed", message=reason[:40]
        )
    ]


class Work:
    """Answers each event once; a title says which error comes how often first."""

    def __init__(self, **errors: list[Exception]) -> None:
        self.errors, self.calls = errors, []

    def __call__(self, events: Sequence[Event]) -> list[list[Event]]:
        self.calls.append([event.event_id for event in events])
        for event in events:
            if waiting := self.errors.get(event.title):
                raise waiting.pop(0)
        return [answer(event) for event in events]


def attempts(*, tries: int = 3, backoff_s: float = 0.001, stopping: threading.Event | None = None, **more) -> Attempts:
    given = {"give_up": give_up} | more
    return Attempts("toy", attempts=tries, backoff_s=backoff_s, stopping=stopping or threading.Event(), **given)


def test_a_batch_is_answered_in_one_call_and_in_order() -> None:
    work = Work()
    answers = attempts().batch([delivery(n) for n in range(3)], work)
    assert [a.outputs for a in answers] == [answer(link(n)) for n in range(3)]
    assert len(work.calls) == 1


def test_an_empty_batch_is_no_work() -> None:
    work = Work()
    assert attempts().batch([], work) == []
    assert work.calls == []


def test_one_failure_in_a_batch_does_not_touch_the_others() -> None:
    work = Work(bad=[GroundswellError("broken for good")] * 2)
    first, bad, last = attempts().batch([delivery(0), delivery(1, "bad"), delivery(2)], work)
    assert (first.outputs, last.outputs) == (answer(link(0)), answer(link(2)))
    assert bad.rejected is not None
    assert bad.rejected.error == "broken for good"
    assert bad.outputs == give_up(link(1), "broken for good")


def test_a_dead_letter_holds_all_that_came() -> None:
    headers = (("trace", b"\xff\x00"),)
    (dead,) = attempts().batch([delivery(7, "bad", headers=headers)], Work(bad=[ZeroDivisionError("oh")] * 2))
    letter = dead.rejected
    assert letter is not None
    assert (letter.stage, letter.source_topic, letter.source_partition, letter.source_offset) == ("toy", "links", 3, 7)
    assert (letter.key, letter.value, letter.headers) == (b"key", encode(link(7, "bad")), headers)
    assert letter.error == "ZeroDivisionError: oh"
    assert "Traceback" in letter.traceback
    assert letter.attempts == 1


@pytest.mark.parametrize("value", [b"", b"{", b"\xff", b"[]", b'{"type":"Nobody"}', b'{"type":"LinkSubmitted"}',
                                   b"[" * 100_000, b"x" * (step.LARGEST_VALUE_BYTES + 1)])  # fmt: skip
def test_what_cannot_be_read_is_dead_and_the_rest_is_one_batch(value: bytes | None) -> None:
    work = Work()
    first, bad, last = attempts().batch([delivery(0), delivery(1, value=value), delivery(2)], work)
    assert bad.rejected is not None
    assert bad.rejected.value == value
    assert (first.outputs, last.outputs) == (answer(link(0)), answer(link(2)))
    assert work.calls == [["event-0", "event-2"]]


def test_a_tombstone_is_passed_by() -> None:
    work = Work()
    first, nothing = attempts().batch([delivery(0), delivery(1, value=None)], work)
    assert (nothing.rejected, nothing.outputs) == (None, [])
    assert first.outputs == answer(link(0))
    assert work.calls == [["event-0"]]


def test_unreadable_records_stay_dead_when_their_batch_fails_too() -> None:
    work = Work(bad=[GroundswellError("no")] * 3)
    answers = attempts().batch([delivery(0, value=b"{"), delivery(1, "bad"), delivery(2, value=b"[")], work)
    assert [a.rejected is not None for a in answers] == [True, True, True]


def test_an_error_that_passes_is_waited_out() -> None:
    heard = []
    work = Work(busy=[SourceUnavailable("later")] * 2)
    (only,) = attempts(on_retry=lambda: heard.append(1)).batch([delivery(0, "busy")], work)
    assert only.outputs == answer(link(0))
    assert only.rejected is None
    assert len(heard) == 2


def test_an_error_that_does_not_pass_is_given_up_after_all_tries() -> None:
    work = Work(busy=[SourceUnavailable("later")] * 9)
    (only,) = attempts(tries=4).batch([delivery(0, "busy")], work)
    assert only.rejected is not None
    assert only.rejected.attempts == len(work.calls) == 4


def test_the_disk_may_come_back_but_a_bug_will_not() -> None:
    for error, tries in ((OSError("disk full"), 3), (KeyError("bug"), 1)):
        work = Work(bad=[error] * 9)
        attempts(tries=3).batch([delivery(0, "bad")], work)
        assert len(work.calls) == tries


def test_waits_double_and_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    class Patient(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return False

    work = Work(busy=[SourceUnavailable("later")] * 99)
    attempts(tries=40, backoff_s=1.0, stopping=Patient()).batch([delivery(0, "busy")], work)
    assert waits[:6] == [1, 2, 4, 8, 16, 30]
    assert set(waits[5:]) == {step.LONGEST_WAIT_S}


def test_a_worker_that_leaves_does_not_wait_for_the_next_try() -> None:
    stopping = threading.Event()
    threading.Timer(0.05, stopping.set).start()
    started_s = time.monotonic()
    with pytest.raises(ShuttingDown):
        attempts(backoff_s=60, stopping=stopping).batch([delivery(0, "busy")], Work(busy=[SourceUnavailable("x")] * 9))
    assert time.monotonic() - started_s < 5


def test_a_redriven_record_is_only_for_its_stage() -> None:
    work = Work()
    mine = delivery(0, headers=((REDRIVE_HEADER, b"toy"),))
    other = delivery(1, headers=((REDRIVE_HEADER, b"another"),))
    broken = delivery(2, value=b"{", headers=((REDRIVE_HEADER, b"another"),))
    answers = attempts().batch([mine, other, broken], work)
    assert [a.outputs for a in answers] == [answer(link(0)), [], []]
    assert [a.rejected for a in answers] == [None, None, None]
    assert work.calls == [["event-0"]]


def test_records_for_others_stay_unanswered_when_the_rest_fails() -> None:
    other = delivery(1, headers=((REDRIVE_HEADER, b"another"),))
    work = Work(bad=[GroundswellError("no")] * 3)
    answers = attempts().batch([delivery(0, "bad"), other], work)
    assert [(a.outputs != [], a.rejected is not None) for a in answers] == [(True, True), (False, False)]


@pytest.mark.parametrize("outputs", [[], [[], []]])
def test_a_stage_that_answers_too_few_or_too_many_is_wrong(outputs: list[list[Event]]) -> None:
    (only,) = attempts().batch([delivery(0)], lambda events: outputs)
    assert only.rejected is not None
    assert "expected one list" in only.rejected.error


def test_a_stage_that_cannot_even_give_up_still_leaves_a_dead_letter() -> None:
    def broken(event: Event, reason: str) -> list[Event]:
        raise KeyError("a bug in give_up")

    (only,) = attempts(give_up=broken).batch([delivery(0, "bad")], Work(bad=[GroundswellError("no")] * 3))
    assert only.rejected is not None
    assert only.outputs == []


def test_the_same_delivery_always_makes_the_same_dead_letter() -> None:
    def letter():
        (only,) = attempts().batch([delivery(0, "bad")], Work(bad=[GroundswellError("no")] * 3))
        return only.rejected

    assert (letter().event_id, letter().record_key) == (letter().event_id, letter().record_key)


def test_a_letter_too_large_to_send_says_where_its_record_lies() -> None:
    letter = attempts().reject(delivery(5, value=b"x" * 100), GroundswellError("too large"))
    short = without_value(letter)
    assert short.value is None
    assert "100 bytes" in short.error
    assert (short.event_id, short.record_key, short.source_offset) == (letter.event_id, letter.record_key, 5)
