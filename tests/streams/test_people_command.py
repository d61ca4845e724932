"""``groundswell people`` before strangers' words: names that would hurt a terminal, ids that mean nobody, broken records."""

from pathlib import Path

import pytest
from people import photo
from typer.testing import CliRunner

from schemas.commands import CommandAnswered, IdentityEnrolled, IdentityNamed, IdentityNot
from schemas.errors import UsageError
from schemas.identities import IdentityRecorded
from streams.aligned import aligned
from streams.commands.main import app
from streams.commands.people import _print_people, _print_table
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, read_to_end
from streams.people import ask, checked_name, everyone, find, last_undoable
from streams.people_table import Row
from streams.settings import Settings

HOSTILE = ["\x1b[31mred\x1b[0m", "\x9b31mred", "bell\a", "two\nlines", "nul\0", "x" * 201, "", "   ", "\ud800"]
STRANGE = [
    "Ada \u202egnirts",
    "[bold]Ada[/bold]",
    "\u674e\u660e",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "x" * 200,
]
ADA = IdentityRecorded(event_id="a", identity_id="person:3fa94c0d51b2e786", name="Ada Lovelace", tracks=3)
EVE = IdentityRecorded(event_id="b", identity_id="person:3fa977c1e05a9d3f", name="Eve", tracks=1)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_would_hurt_a_terminal_is_refused_without_being_repeated(name: str) -> None:
    with pytest.raises(UsageError, match="1 to 200 characters") as told:
        checked_name(name)
    assert all(c.isprintable() for c in str(told.value))
    assert len(str(told.value)) < 200


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_name_is_kept_and_shown_harmlessly(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked_name(f" {name} ") == name
    person = IdentityRecorded(event_id="a", identity_id=ADA.identity_id, name=name, tracks=3)
    _print_people([person, EVE])
    row = Row(kind="person", id="x", name=name, videos=1, tracks=1, screen_s=1.0, share=0.5, observed=0, views=None, engagement=None)  # fmt: skip
    _print_table([row])
    said = capsys.readouterr().out
    assert all(c.isprintable() or c == "\n" for c in said)
    assert name in said or "\u202e" in name or len(name) > 48
    assert max(map(len, said.splitlines())) < 150


def test_an_id_is_never_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    _print_people([ADA, EVE])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == [ADA.identity_id, EVE.identity_id]


def test_wide_letters_do_not_break_columns() -> None:
    lines = aligned(("name", "n"), [("\u674e\u660e", "1"), ("Ada", "2")]).splitlines()
    assert lines == ["name  n", "\u674e\u660e  1", "Ada   2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ada", "did you mean Ada Lovelace"),
        ("3fa9", f"any of 2 people: {ADA.identity_id}, {EVE.identity_id}"),
        ("Bob", "nobody is called Bob"),
        ("\x1b[31m" + "y" * 9999, "nobody is called"),
    ],
)
def test_whoever_is_not_meant_clearly_is_said_clearly(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as told:
        find([ADA, EVE], text)
    assert all(c.isprintable() for c in str(told.value))
    assert len(str(told.value)) < 250


@pytest.mark.parametrize(
    "words", [("split", "Ada", "abc"), ("not", "Ada", "url:x/1"), ("split", "Ada", "\x1b[31m/1/1")]
)
def test_a_text_that_names_no_track_is_refused(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.commands.people._id_of", lambda person: ADA.identity_id)
    result = CliRunner().invoke(app, ["people", *words])
    assert isinstance(result.exception, UsageError)
    assert "VIDEO/SEGMENT/TRACK" in str(result.exception)
    assert str(result.exception).isprintable()


@pytest.mark.parametrize("command", ["list", "show", "enrol", "name", "merge", "split", "not", "forget", "undo"])
def test_every_command_has_an_example(command: str) -> None:
    said = CliRunner().invoke(app, ["people", command, "--help"]).stdout
    assert f"groundswell people {command}" in said


@pytest.mark.broker
def test_what_nobody_can_read_is_not_sent_and_what_is_there_is_passed_by(
    fresh_broker: EmbeddedBroker, cache: Path, tmp_path: Path
) -> None:
    bootstrap = fresh_broker.bootstrap
    settings = Settings(home=tmp_path, cache=cache, kafka=bootstrap, partitions=1)
    create_missing(settings, bootstrap)
    bad = IdentityNamed(event_id="bad", given_at_s=1.0, identity_id=ADA.identity_id, name="\x1b[31m")
    worse = IdentityNot(event_id="w", given_at_s=1.0, identity_id="x", track="y")
    for command in (bad, worse):
        with pytest.raises(UsageError, match="cannot be asked"):
            ask(settings, bootstrap, command)
    assert list(read_to_end(settings, bootstrap, ["commands"])) == []
    good = IdentityEnrolled(event_id="good", given_at_s=1.0, name="Ada", photos=(photo("ada"),))
    with BulkProducer(settings, bootstrap) as producer:
        for event in (good, CommandAnswered(event_id="x", command_id="good", state="done"), ADA):
            producer.send(event)
        for topic_name in ("commands", "identities"):
            producer.send_raw(topic_name, 0, key=b"poison", value=b"\xff no event")
    assert last_undoable(settings, bootstrap) == good
    assert everyone(settings, bootstrap) == [ADA]
