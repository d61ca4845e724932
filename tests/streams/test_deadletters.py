"""Dead letters listed, shown and redriven by the command line, on real Kafka."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner
from workers import Toys, toys_on, wait_until

from schemas.deadletters import EventRedriven, EventRejected
from schemas.errors import UsageError
from streams import settings as settings_module
from streams.commands.deadletters import app
from streams.deadletters import find, redrive, returnable, still_waiting
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer
from streams.kafka.step import REDRIVE_HEADER

HOSTILE = "\x1b[2J\x07[red]owned[/red]\u202e[link=https://example.com]here[/link]"


def letter(number: int, *, stage: str = "text", error: str = "no", value: bytes | None = b"{}") -> EventRejected:
    return EventRejected(
        event_id=f"{number:08x}-0000", stage=stage, source_topic="links", source_partition=1, source_offset=number,
        error=error, traceback="", attempts=1, rejected_at_s=float(number), value=value,
    )  # fmt: skip


def test_a_letter_is_found_by_the_beginning_of_its_id() -> None:
    letters = [letter(0x1234), letter(0x1299)]
    assert find(letters, "00001234") == letters[0]
    for prefix in ("000012", "ffff", ""):
        with pytest.raises(UsageError, match="begins with"):
            find(letters, prefix)


def test_a_redriven_letter_waits_no_more_until_it_dies_again() -> None:
    rejected = letter(5)
    note = EventRedriven(event_id="n", rejected_id=rejected.event_id, rejected_key=rejected.record_key, redriven_at_s=6)
    assert still_waiting([rejected]) == [rejected]
    assert still_waiting([rejected, note]) == []
    assert still_waiting([letter(6), rejected, note]) == [letter(6)]


def test_a_letter_without_bytes_cannot_go_back(settings) -> None:
    assert returnable([letter(1), letter(2, value=None)]) == [letter(1)]
    with pytest.raises(UsageError, match="no value to put back"):
        redrive(settings, "127.0.0.1:9", [letter(2, value=None)])


@pytest.fixture
def toys(broker: EmbeddedBroker, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toys]:
    with toys_on(broker.bootstrap, cache, tmp_path) as toys:
        for name, value in toys.settings.environment().items():
            monkeypatch.setenv(name, value)
        settings_module.load.cache_clear()
        yield toys
    settings_module.load.cache_clear()


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def listed(stage: str, *more: str) -> list[dict]:
    return json.loads(run("list", "--stage", stage, "--json", *more))


@pytest.mark.broker
@pytest.mark.slow
def test_a_redriven_event_ends_as_if_it_had_never_failed(toys: Toys) -> None:
    stage = f"toy-transform-{toys.name}"
    toys.start("transform").wait_ready()
    toys.start("fold").wait_ready()
    toys.send([toys.link(n, title="always fails" if n in (3, 4) else "") for n in range(8)])
    toys.wait_for_counts({toys.video(0): 6})
    wait_until(lambda: len(listed(stage)) == 2, limit_s=20, what="dead letters")
    (toys.folder / "mended").touch()

    first, second = listed(stage)
    assert "redriven: 1" in run("redrive", first["event_id"][:13])
    toys.wait_for_counts({toys.video(0): 7})
    assert [found["event_id"] for found in listed(stage)] == [second["event_id"]]
    assert "redriven: 1" in run("redrive", "--stage", stage)
    toys.wait_for_counts({toys.video(0): 8})

    assert listed(stage) == []
    assert "no dead letters wait" in run("list", "--stage", stage)
    assert len(listed(stage, "--all")) == 2
    assert "redriven" in run("list", "--stage", stage, "--all")
    assert dict(toys.answers()) == dict.fromkeys(range(8), 1)
    assert "redriven: 0" in run("redrive", "--stage", stage)


@pytest.mark.broker
@pytest.mark.slow
def test_a_redriven_record_goes_back_where_it_lay_for_its_stage_only(toys: Toys) -> None:
    toys.start("transform").wait_ready()
    toys.send([toys.link(1, title="breaks")])
    wait_until(lambda: bool(listed(f"toy-transform-{toys.name}")), limit_s=20, what="a dead letter")
    run("redrive", "--stage", f"toy-transform-{toys.name}")
    wait_until(lambda: len(listed(f"toy-transform-{toys.name}", "--all")) == 2, limit_s=20, what="its second death")
    before, after = [r for r in toys.records("links") if r.value]
    assert (after.key, after.value, after.partition) == (before.key, before.value, before.partition)
    assert after.headers == ((REDRIVE_HEADER, f"toy-transform-{toys.name}".encode()),)
    (waiting,) = listed(f"toy-transform-{toys.name}")
    assert waiting["source_offset"] == after.offset
    run("redrive", "--stage", f"toy-transform-{toys.name}")
    wait_until(lambda: len(listed(f"toy-transform-{toys.name}", "--all")) == 3, limit_s=20, what="its third death")
    assert [len(r.headers) for r in toys.records("links")] == [0, 1, 1], "one header, however often it goes back"


@pytest.mark.broker
def test_hostile_bytes_do_nothing_to_the_terminal(toys: Toys) -> None:
    stage = f"{toys.name}[bold]"
    hostile = letter(0xABCDEF, stage=stage, error=HOSTILE, value=HOSTILE.encode() + b"\xff\x1b]0;title\x07")
    with BulkProducer(toys.settings, toys.bootstrap) as producer:
        producer.send(hostile)
        producer.send_raw("dead-letters", 0, key=toys.name.encode(), value=b"\x1b junk")
    for output in (run("list", "--stage", stage), run("show", hostile.event_id)):
        assert not {"\x1b", "\x07", "\u202e"} & set(output)
        assert "[red]owned" in output, "markup is shown, not obeyed"
    assert json.loads(run("show", hostile.event_id, "--json"))["error"] == HOSTILE
