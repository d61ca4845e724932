"""Definitions of targets: those that ship, and what is said of a file with a mistake in it."""

import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import decode, encode
from schemas.errors import UsageError
from schemas.targets import TargetDefined
from streams.target_files import SHIPPED, DefinitionInvalid, as_toml, read_definition, shipped
from streams.target_shelf import Shelf

IDS = {
    "engagement": "fa17b642-e08c-5794-825c-49fbfaa6b7e1",
    "final_views": "9185d384-1e1e-5ffb-9474-36cbef41d216",
    "hashtags": "fb59f7e9-edfe-5db1-87aa-4cb9d5a16d8d",
    "scenes": "7b349433-9ead-5c20-99a7-84a0bad71a0c",
    "viral_probability": "55b6ebc5-6c5c-5f07-b2a1-a8626a30e15e",
    "virality": "066dd753-7f48-5a6d-8d00-1f28a7fc64cc",
}
"""A version that was published never changes: change a definition, raise its version, and then its id here."""

GOOD = """
name = "hits"
version = 1
kind = "regression"
title = "Hits"
description = "How many."

[[measures]]
name = "views"
formula = "log_count"
unit = "log10"
"""


def read(folder: Path, text: str) -> TargetDefined:
    (folder / "hits.toml").write_text(text)
    return read_definition(folder / "hits.toml")


def test_the_definitions_that_ship_are_those_that_were_published() -> None:
    assert {name: target.event_id for name, target in shipped().items()} == IDS
    assert all(name == target.name for name, target in shipped().items())


@pytest.mark.parametrize("name", IDS)
def test_a_definition_written_and_read_again_is_the_same(tmp_path: Path, name: str) -> None:
    target = shipped()[name]
    assert read(tmp_path, as_toml(target)) == target
    assert decode(encode(target), (TargetDefined,)) == target


@given(st.text())
def test_any_words_survive_being_written_as_toml(words: str) -> None:
    target = msgspec.structs.replace(VIRALITY, title=words)
    assert tomllib.loads(as_toml(target))["title"] == words


def test_the_scenes_have_five_classes_with_definitions_of_their_own_words() -> None:
    classes = shipped()["scenes"].classes
    assert [one.name for one in classes] == ["holiday", "halloween", "gift_giving", "family_moments", "shopping"]
    assert all(len(one.definition.split()) > 5 for one in classes)


VIRALITY = shipped()["virality"]

MISTAKES = [
    ("kind = ", "kind = = ", "not TOML.*line 4"),
    ('kind = "regression"', 'kind = "guess"', r"hits.toml:4 kind: .*one of regression, probability, multilabel"),
    ('kind = "regression"\n', "", "missing required field `kind`"),
    ("version = 1", 'version = "1"', r"hits.toml:3 version: Expected `int`"),
    ("version = 1", "version = 0", r"hits.toml:3 version: expected 1 or more"),
    ("version = 1", "verson = 1", r"hits.toml:3 verson: there is no such field; did you mean version"),
    ('name = "hits"', 'name = "My Hits"', r"hits.toml:2 name: expected a name of small letters"),
    ('"log_count"', '"eval"', r"hits.toml:10 measures\[0\].formula: .*one of score, log_count"),
    ('unit = "log10"', "", r"hits.toml:8 measures\[0\]: .*`unit`"),
    ('unit = "log10"', 'unit = "log10"\nhalve = 3', r"hits.toml:12 measures\[0\].halve: .*did you mean half"),
    ('unit = "log10"', 'unit = "log10"\nscore = "x"', r"hits.toml:12 measures\[0\].score"),
    ('unit = "log10"', 'unit = "log10"\nhalf = 0', r"hits.toml:12 measures\[0\].half: expected more than 0"),
    ('unit = "log10"', 'unit = "log10"\nlow = 5\nhigh = 5', r"hits.toml:12 measures\[0\].low"),
    ('"log_count"', '"labels"', r"hits.toml:10 measures\[0\].formula: labels does not make a regression"),
    ('kind = "regression"', 'kind = "multilabel"', "log_count does not make a multilabel; expected one of hashtags"),
    ('kind = "regression"', 'kind = "probability"', "needs words"),
    ('title = "Hits"', 'title = "Hits"\nsees = "early_outcomes"', "early_days: .*up to which age"),
    ('title = "Hits"', 'title = "Hits"\nsees = "early_outcomes"\nearly_days = 5', "age_days: .*at which later age"),
    (
        'title = "Hits"',
        'title = "Hits"\nsees = "early_outcomes"\nearly_days = 28\nage_days = 30\ntolerance_days = 3',
        r"hits.toml:7 early_days: expected less than the 27 days",
    ),
    ('title = "Hits"', 'title = "Hits"\ntop_share = 1.5', r"hits.toml:6 top_share: expected a share"),
    ('title = "Hits"', 'title = "Hits"\nage_days = -1', r"hits.toml:6 age_days: expected days"),
    (GOOD[GOOD.index("[[") :], "measures = []", "at least one"),
    ('unit = "log10"', 'unit = "x"\n[[measures]]\nname="views"\nformula="engagement"\nunit="x"', "'views' stands there twice"),
    ('unit = "log10"', 'unit = "x"\n[[classes]]\nname = "a"\ndefinition = "b"', 'classes are for formula = "labels"'),
]  # fmt: skip


@pytest.mark.parametrize(("found", "instead", "says"), MISTAKES, ids=[m[1][-30:] for m in MISTAKES])
def test_a_mistake_is_named_with_its_line_and_what_to_do(tmp_path: Path, found: str, instead: str, says: str) -> None:
    assert found in GOOD
    with pytest.raises(DefinitionInvalid, match=says):
        read(tmp_path, GOOD.replace(found, instead, 1))


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(DefinitionInvalid) as caught:
        read(tmp_path, GOOD.replace("version = 1", "version = 0").replace('unit = "log10"', 'unit = "x"\nhalf = -1'))
    assert len(str(caught.value).splitlines()) == 2


def test_labels_need_classes_that_say_what_belongs_to_them(tmp_path: Path) -> None:
    labels = GOOD.replace("regression", "multilabel").replace("log_count", "labels")
    with pytest.raises(DefinitionInvalid, match="at least one"):
        read(tmp_path, labels)
    with pytest.raises(DefinitionInvalid, match=r"hits.toml:14 classes\[0\].definition: say in whole words"):
        read(tmp_path, labels + '[[classes]]\nname = "a"\ndefinition = " "\n')
    twice = '[[classes]]\nname = "a"\ndefinition = "b"\n[[classes]]\nname = "c"\ndefinition = "d"\naliases = ["a"]\n'
    with pytest.raises(DefinitionInvalid, match="'a' stands there twice"):
        read(tmp_path, labels + twice)
    assert [one.name for one in read(tmp_path, labels + twice.replace('["a"]', "[]")).classes] == ["a", "c"]


@pytest.mark.parametrize("data", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "absent.toml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(DefinitionInvalid, match="cannot read"):
        read_definition(path)


def test_the_same_content_is_the_same_event_whatever_its_layout(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD) == read(tmp_path, f"# a comment\n{GOOD}")
    assert read(tmp_path, GOOD).event_id != read(tmp_path, GOOD.replace("How many.", "How few.")).event_id


def test_the_newest_version_counts_and_older_ones_stay(tmp_path: Path) -> None:
    two = read(tmp_path, GOOD.replace("version = 1", "version = 2"))
    shelf = Shelf([read(tmp_path, GOOD), two])
    assert shelf.find("hits") == two
    assert shelf.find("hits", 1).version == 1
    assert [t.version for t in shelf.newest() if t.name == "hits"] == [2]
    assert {t.name for t in shelf.newest()} == {"hits", *IDS}


def test_a_version_never_changes_and_none_is_put_under_a_newer_one(tmp_path: Path) -> None:
    one, three = read(tmp_path, GOOD), read(tmp_path, GOOD.replace("version = 1", "version = 3"))
    assert Shelf().is_new(one)
    assert not Shelf([one]).is_new(one)
    with pytest.raises(UsageError, match="set version = 4"):
        Shelf([one, three]).is_new(read(tmp_path, GOOD.replace("How many", "How few")))
    with pytest.raises(UsageError, match="set version = 4"):
        Shelf([three]).is_new(one)
    own = read(tmp_path, (SHIPPED / "virality.toml").read_text().replace("ViraNova", "other"))
    with pytest.raises(UsageError, match="never changes"):
        Shelf().is_new(own)


def test_a_target_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(UsageError, match="there are engagement, final_views"):
        Shelf().find("fame")
    with pytest.raises(UsageError, match="no version 7"):
        Shelf().find("virality", 7)
